// Converts PostgreSQL's types to those of Kafka Connect, like Debezium's connector
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace engine {

enum class DecimalMode : uint8_t { Precise, String, Double };
enum class TimeMode : uint8_t { Adaptive, AdaptiveTimeMicroseconds, Connect };
enum class BinaryMode : uint8_t { Bytes, Base64, Base64UrlSafe, Hex };
enum class IntervalMode : uint8_t { Numeric, String };

// The properties of a connector that determine the form of values.
struct PgValueModes {
  DecimalMode decimals = DecimalMode::Precise;
  TimeMode times = TimeMode::Adaptive;
  BinaryMode binary = BinaryMode::Bytes;
  IntervalMode intervals = IntervalMode::Numeric;
  std::string unavailable = "__debezium_unavailable_value";
};

enum class PgKind : uint8_t {
  Int16,
  Int32,
  Int64,
  Boolean,
  Float32,
  Float64,
  Text,
  Uuid,
  Json,
  Xml,
  Enum,
  Decimal,
  VariableDecimal,
  Money,
  Date,
  Timestamp,
  TimestampTz,
  Time,
  TimeTz,
  Interval,
  Bytes,
  Bit,
  Bits,
  Array,
};

struct PgType {
  PgKind kind = PgKind::Text;
  int32_t precision = 0;    // digits of a Decimal or of a second's fraction, or length of Bits
  int32_t scale = 0;        // scale of a Decimal
  std::string labels = {};  // the labels of an Enum, separated by commas
  std::shared_ptr<const PgType> element = nullptr;  // element type of an Array
};

// A type in PostgreSQL's catalog. A domain is replaced by its base type.
struct PgTypeName {
  std::string name;  // pg_type.typname; for an array, that of its elements
  bool is_array = false;
  bool is_enum = false;
  int32_t modifier = -1;  // pg_attribute.atttypmod
  std::string labels = {};
};
// Returns the type; nothing if Debezium has no type for it and omits such columns.
std::optional<PgType> pg_type_of(const PgTypeName& name);

// Returns the schema in the form in which Kafka Connect's JsonConverter writes it. `field` is the
// name of the member; empty: none.
std::string pg_schema_json(const PgType& type, const PgValueModes& modes, bool is_optional,
                           std::string_view field);

// Converts a value to JSON. `text` is PostgreSQL's text form with DateStyle ISO, TimeZone UTC,
// IntervalStyle iso_8601, bytea_output hex and lc_monetary C. Fails with InvalidText, and with
// OutOfRange if Kafka Connect's type does not have the value.
Result<std::string> pg_value_json(const PgType& type, const PgValueModes& modes,
                                  std::string_view text);
// Returns the JSON that stands for a large value which PostgreSQL did not send because it had not
// changed.
std::string pg_unavailable_json(const PgType& type, const PgValueModes& modes);

}  // namespace engine
