// Reads requests to the schema registry.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/registry/registry.h"
#include "server/http/message.h"

namespace server::http {

// Removes the default context from a subject: ":.:orders-value" becomes "orders-value".
std::string plain_subject(std::string_view subject);

// Checks that path and query are UTF-8, as names must be. The number of the error depends on the
// part that is invalid.
engine::RegistryResult<void> check_texts(const Request& request);

// Reads a version: "latest", or a number from 1. Fails with 42202.
engine::RegistryResult<int32_t> read_version(std::string_view text);

// Whether the query contains name=true, in any case. All other values are false.
bool has_flag(const Request& request, std::string_view name);

// The requested part of a list. read_page() reads it from the parameters `offset` and `limit`; a
// limit is at most `most`.
struct Page {
  size_t offset = 0, limit = 0;
};
Page read_page(const Request& request, size_t most);

// Reads the body of a registration, a look-up or a check: {"schema": "...", "schemaType": "AVRO",
// "references": [...], "id": 1}. References to the newest version get its number. Fails with 400,
// 422, 42201.
engine::RegistryResult<engine::RegisteredSchema> read_schema(
    std::string_view body, std::string_view subject, const engine::SchemaRegistry& registry);

// Reads {"compatibility": "FULL"}; returns nothing for null. Fails with 400, with 42203, and with
// 42205 for levels that cannot be set.
engine::RegistryResult<std::optional<engine::Compatibility>> read_level(std::string_view body);
// Reads {"mode": "READONLY"}; returns nothing for null. Fails with 400 and 42204.
engine::RegistryResult<std::optional<engine::RegistryMode>> read_mode(std::string_view body);

}  // namespace server::http
