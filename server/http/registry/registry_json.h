// Answers of the schema registry in the form that its clients read.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/registry/registry.h"
#include "server/http/message.h"

namespace server::http {

inline constexpr std::string_view kRegistryJson = "application/vnd.schemaregistry.v1+json";

Response registry_response(std::string json, int status = 200);
// Returns {"error_code":40401,"message":"..."}; the status is derived from the number.
Response registry_error(const engine::RegistryError& error);

// Return {"schemaType":..., "schema":..., "references":[...]}, preceded for a version by its
// subject, its number and its id. The type AVRO is omitted, since it is the default.
std::string schema_json(const engine::RegisteredSchema& schema, std::string_view text);
std::string version_json(const engine::SchemaVersion& version, std::string_view text);
std::string numbers_json(std::span<const int32_t> numbers);
std::string texts_json(std::span<const std::string> texts);
// Returns {"name":"value"}.
std::string member_json(std::string_view name, std::string_view value);
std::string member_json(std::string_view name, int64_t value);
// Returns [{"subject":..., "version":...}].
std::string uses_json(std::span<const engine::SchemaVersion> uses);
// Returns {"is_compatible":...}. The member `messages` is included only if `is_verbose`.
std::string compatibility_json(const std::vector<std::string>& problems, bool is_verbose);

}  // namespace server::http
