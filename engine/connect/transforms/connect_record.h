// A record of a connector in the form that single message transforms use: key and value are
// structured data instead of bytes.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/formats/json/json_tree.h"

namespace engine {

// A key or a value. `schema` is its Kafka Connect schema as JSON, in the form in which
// JsonConverter writes it:
//{"type":"struct","fields":[{"type":"string","optional":false,"field":"line"}],"optional":false}.
// Most records have no schema.
struct ConnectDatum {
  JsonTree value = {};  // Null: the record has no key, or no value
  std::optional<JsonTree> schema = std::nullopt;
  bool is_absent() const { return value.is_null() && !schema; }
  bool operator==(const ConnectDatum&) const = default;
};

struct ConnectHeader {
  std::string key;
  std::optional<std::string> value;
  bool operator==(const ConnectHeader&) const = default;
};

struct ConnectRecord {
  std::string topic;
  ConnectDatum key = {}, value = {};
  std::vector<ConnectHeader> headers = {};
  std::optional<int64_t> timestamp_ms = std::nullopt;
  // Only records of a sink have a partition and an offset.
  std::optional<int32_t> partition = std::nullopt;
  std::optional<int64_t> offset = std::nullopt;
};

// --- Members of objects, and fields of the schemas of objects

JsonTree json_text(std::string_view text);
JsonTree json_number(int64_t number);

JsonTree* find_member(JsonTree& object, std::string_view name);
// Replaces the member, or adds it at the end.
void set_member(JsonTree& object, std::string_view name, JsonTree value);
void remove_member(JsonTree& object, std::string_view name);

// Returns the schema of a field of a struct, or null.
const JsonTree* find_field(const JsonTree& struct_schema, std::string_view name);
// Returns the schema as the schema of a field with this name.
JsonTree as_field(JsonTree schema, std::string_view name);
// Returns the schema of a field without the field's name.
JsonTree without_field_name(JsonTree field);
std::string_view type_of_schema(const JsonTree& schema);
bool is_optional(const JsonTree& schema);
// Returns {"type":"string","optional":true}.
JsonTree make_schema(std::string_view type, bool optional);
// Returns the schema of Kafka Connect's Timestamp, Date or Time: an int64 or int32 with a name.
JsonTree make_time_schema(std::string_view name, bool optional);
inline constexpr std::string_view kTimestampSchema = "org.apache.kafka.connect.data.Timestamp";
inline constexpr std::string_view kDateSchema = "org.apache.kafka.connect.data.Date";
inline constexpr std::string_view kTimeSchema = "org.apache.kafka.connect.data.Time";
// Returns the schema of a struct with these fields. Its name, version, text and parameters are
// those of `other`. It is not optional, as in Kafka Connect's transforms.
JsonTree struct_like(const JsonTree& other, std::vector<JsonTree> fields);

// Fails with InvalidText if the datum is not an object. `purpose` is the part of the error message
// that states why an object is needed.
Status require_object(const ConnectDatum& datum, std::string_view purpose);
// Returns "a string", "an array" and so on, for messages.
std::string_view kind_name(const JsonTree& value);

}  // namespace engine
