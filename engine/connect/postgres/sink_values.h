// The values of Kafka Connect's types as texts that PostgreSQL reads.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/formats/json/json_tree.h"

namespace engine {

// Converts a value in the form in which JsonConverter writes it. `schema` is the schema of the value, or null. The logical
// types of Kafka Connect (https://kafka.apache.org/43/javadoc/org/apache/kafka/connect/data/package-summary.html) and of
// Debezium (https://debezium.io/documentation/reference/stable/connectors/postgresql.html#postgresql-data-types) become
// numerics, dates and times; bytes become bytea; arrays, maps and structs become JSON. Returns nothing for null. Fails with
// InvalidText.
Result<std::optional<std::string>> sink_value(const JsonTree& value, const JsonTree* schema);

// Returns the type of a column for such values, as in CREATE TABLE; empty if the type is unknown, because the value
// is null and has no schema. Without a schema the type follows from the value: numbers are numeric, arrays and
// objects jsonb.
std::string sink_column_type(const JsonTree& value, const JsonTree* schema);

// Converts a JSON array to the text of an array of PostgreSQL: "[1,[2]]" -> "{1,{2}}"
// (https://www.postgresql.org/docs/15/arrays.html#ARRAYS-IO). Fails with InvalidText for a text that is no JSON array.
Result<std::string> array_text(std::string_view json);

}  // namespace engine
