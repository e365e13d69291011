// The schemas of the SpoolDir connectors (github.com/jcustenborder/kafka-connect-spooldir), in the
// JSON form in which JsonConverter writes schemas (see ConnectDatum).
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/formats/json/json_tree.h"

namespace engine {

inline constexpr std::string_view kDecimalSchema = "org.apache.kafka.connect.data.Decimal";

// Converts the value of the property key.schema or value.schema, for example
// {"name":"User","type":"STRUCT","isOptional":false,"fieldSchemas":{"id":{"type":"INT64"}}} (class
// SchemaSerializationModule.Storage of connect-utils). Fails with InvalidParameter if the text is
// not such a schema of a struct, or contains a type that the connectors do not parse; the message
// names the field.
Result<JsonTree> parse_spool_schema(std::string_view json);

// Returns the schema of a struct that has optional strings as its fields. SpoolDir generates such a
// schema from the names in a file.
JsonTree generated_spool_schema(std::string_view name, const std::vector<std::string>& fields);

// Returns the names of the struct's fields.
std::vector<std::string> field_names(const JsonTree& struct_schema);

}  // namespace engine
