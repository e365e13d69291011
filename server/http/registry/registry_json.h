// What the schema registry answers, as its clients know it.
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
// {"error_code":40401,"message":"..."}; the status is what the number says.
Response registry_error(const engine::RegistryError& error);

// {"schemaType":..., "schema":..., "references":[...]}, and whatever `add` puts before: of a version its subject, its number and
// its id. AVRO is not named: it is what a schema is that does not say what it is.
std::string schema_json(const engine::RegisteredSchema& schema, std::string_view text);
std::string version_json(const engine::SchemaVersion& version, std::string_view text);
std::string numbers_json(std::span<const int32_t> numbers);
std::string texts_json(std::span<const std::string> texts);
// {"name":"value"}
std::string member_json(std::string_view name, std::string_view value);
std::string member_json(std::string_view name, int64_t value);
// [{"subject":..., "version":...}]
std::string uses_json(std::span<const engine::SchemaVersion> uses);
// `messages` only where they are asked for.
std::string compatibility_json(const std::vector<std::string>& problems, bool is_verbose);

}  // namespace server::http
