// The types of PostgreSQL as Debezium's connector converts them to Kafka Connect's
// (https://debezium.io/documentation/reference/stable/connectors/postgresql.html#postgresql-data-types).
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
  Int16, Int32, Int64, Boolean, Float32, Float64, Text, Uuid, Json, Xml, Enum, Decimal,
  VariableDecimal, Money, Date, Timestamp, TimestampTz, Time, TimeTz, Interval, Bytes, Bit, Bits,
  Array,
};

struct PgType {
  PgKind kind = PgKind::Text;
  int32_t precision = 0;  // digits of Decimal, length of Bits, digits of a second of Time and Timestamp
  int32_t scale = 0;      // of Decimal
  std::string labels = {};                          // of Enum, separated by commas
  std::shared_ptr<const PgType> element = nullptr;  // of Array
};

// A type in the catalog: domains are replaced by their base.
struct PgTypeName {
  std::string name;       // pg_type.typname; of an array: of its elements
  bool is_array = false;
  bool is_enum = false;
  int32_t modifier = -1;  // pg_attribute.atttypmod
  std::string labels = {};
};
// Returns nothing for a type that Debezium leaves out.
std::optional<PgType> pg_type_of(const PgTypeName& name);

// Returns the schema as the JsonConverter writes it, with the name of the member if it is not empty.
std::string pg_schema_json(const PgType& type, const PgValueModes& modes, bool is_optional,
                           std::string_view field);

// Converts a value in PostgreSQL's text form, with DateStyle ISO, TimeZone UTC, IntervalStyle iso_8601, bytea_output hex
// and lc_monetary C, to JSON. Fails with InvalidText, and with OutOfRange for a value that Kafka Connect's type does not
// have.
Result<std::string> pg_value_json(const PgType& type, const PgValueModes& modes,
                                  std::string_view text);
// Returns the JSON in the place of a large value that was not sent.
std::string pg_unavailable_json(const PgType& type, const PgValueModes& modes);

}  // namespace engine
