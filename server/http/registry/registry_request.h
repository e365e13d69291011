// What requests to the schema registry say.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/registry/registry.h"
#include "server/http/message.h"

namespace server::http {

// ":.:orders-value" is "orders-value": the default context need not be named.
std::string plain_subject(std::string_view subject);

// Whether all that the path and the query say is UTF-8, which names are made of. The error has the number of what is wrong.
engine::RegistryResult<void> check_texts(const Request& request);

// "latest", or a number from 1. Fails with 42202.
engine::RegistryResult<int32_t> read_version(std::string_view text);

// True where a query says name=true, however that is spelled. Anything else is false.
bool has_flag(const Request& request, std::string_view name);

// Which part of a list is asked for: `offset` and `limit`, at most `most`.
struct Page {
  size_t offset = 0, limit = 0;
};
Page read_page(const Request& request, size_t most);

// The body of a registration, a look-up or a check: {"schema": "...", "schemaType": "AVRO", "references": [...], "id": 1}.
// References that name the newest version are given its number. Fails with 400, 422, 42201.
engine::RegistryResult<engine::RegisteredSchema> read_schema(
    std::string_view body, std::string_view subject, const engine::SchemaRegistry& registry);

// {"compatibility": "FULL"}; nothing where it is null. Fails with 400, 42203, and with 42205 on what cannot be set.
engine::RegistryResult<std::optional<engine::Compatibility>> read_level(std::string_view body);
// {"mode": "READONLY"}. Fails with 400, 42204.
engine::RegistryResult<std::optional<engine::RegistryMode>> read_mode(std::string_view body);

}  // namespace server::http
