#include "engine/plan/source_properties.h"

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_split.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/suggest.h"
#include "base/topic_limits.h"
#include "engine/formats/format.h"
#include "engine/plan/generator_rules.h"
#include "engine/types/ascii.h"

namespace engine {
namespace {

Error invalid(const Property& property, std::string message) {
  return Error{ErrorCode::InvalidStatement, std::move(message)}.at(property.position);
}

// Returns the error about an invalid value. `expected` describes the valid values. `reason` is the
// text of Kafka's own check of the configuration.
Error invalid_value(const Property& property, std::string_view expected,
                    std::string_view reason = {}) {
  Error error = invalid(
      property, fmt::format("invalid value \"{}\" of property {}", property.text(), property.name));
  if (!reason.empty())
    error.ksqldb = fmt::format(
        "Failed to prepare statement: Invalid value {} for configuration "
        "{}: {}",
        property.text(), property.name, reason);
  return std::move(error).with_hint(fmt::format("{} is {}.", property.name, expected));
}

// Reads a number from a value that may be a number or a text with a number: PARTITIONS=4 and
// PARTITIONS='4'.
template <class T>
Result<T> read_number(const Property& property, T minimum, T maximum, std::string_view expected) {
  T number = 0;
  if (!absl::SimpleAtoi(property.text(), &number) || number < minimum || number > maximum)
    return invalid_value(property, expected,
                         sizeof(T) > 4 ? "Not a number of type LONG" : "Not a number of type INT");
  return number;
}

Result<std::string> read_text(const Property& property, std::string_view expected) {
  if (!property.value->is<StringLiteral>()) return invalid_value(property, expected);
  return property.text();
}

Result<bool> read_boolean(const Property& property) {
  const std::string text = absl::AsciiStrToLower(property.text());
  if (text == "true") return true;
  if (text == "false") return false;
  return invalid_value(property, "true or false", "Expected value to be either true or false");
}

Result<char> read_delimiter(const Property& property) {
  Result<char> delimiter = parse_delimiter(property.name, property.text());
  if (delimiter) return delimiter;
  return invalid(property, "Failed to prepare statement: " + delimiter.error().message);
}

Result<WindowType> read_window_type(const Property& property) {
  const std::string text = absl::AsciiStrToUpper(property.text());
  if (text == "TUMBLING") return WindowType::Tumbling;
  if (text == "HOPPING") return WindowType::Hopping;
  if (text == "SESSION") return WindowType::Session;
  Error error = invalid_value(property, "TUMBLING, HOPPING or SESSION");
  error.ksqldb = fmt::format(
      "Error in WITH clause property 'WINDOW_TYPE': Unknown window type: '{}' Valid values are: "
      "SESSION, HOPPING, TUMBLING",
      property.text());
  return error;
}

// Reads "30 SECONDS" as ms.
Result<int64_t> read_window_size(const Property& property) {
  const std::string text = property.text();
  const auto refuse = [&](std::string_view reason) {
    return Error{ErrorCode::SyntaxError,
                 fmt::format("Configuration {} is invalid: Invalid duration: '{}'. {}",
                             property.name, text, reason)}
        .at(property.position);
  };
  const std::vector<std::string> words = absl::StrSplit(text, ' ', absl::SkipWhitespace());
  if (words.size() != 2) return refuse("Expected a number and a unit, for example '10 SECONDS'");
  int64_t count = 0;
  if (!absl::SimpleAtoi(words[0], &count) || count <= 0)
    return refuse(fmt::format("Not a positive number: '{}'", words[0]));
  constexpr std::array<std::pair<std::string_view, TimeUnit>, 5> kUnits{
      {{"MILLISECOND", TimeUnit::Milliseconds},
       {"SECOND", TimeUnit::Seconds},
       {"MINUTE", TimeUnit::Minutes},
       {"HOUR", TimeUnit::Hours},
       {"DAY", TimeUnit::Days}}};
  const std::string unit = absl::AsciiStrToUpper(words[1]);
  for (const auto& [name, value] : kUnits)
    if (unit == name || unit == std::string(name) + "S") return Duration{count, value}.to_ms();
  return refuse(fmt::format("Unknown time unit: '{}'", unit));
}

// Returns the column name in a text, folded: 'ts' is TS, '`ts`' is ts.
std::string fold_name(std::string_view text) {
  if (text.size() >= 2 && text.front() == text.back() &&
      (text.front() == '`' || text.front() == '"'))
    return std::string(text.substr(1, text.size() - 2));
  return absl::AsciiStrToUpper(std::string(text));
}

Result<std::string> read_query_id(const Property& property) {
  const std::string id = absl::AsciiStrToUpper(property.text());
  TRY(check_name_size(id, property.position));
  const bool is_word = !id.empty() && std::ranges::all_of(id, [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '_';
  });
  if (!is_word)
    return invalid(property, fmt::format("Query IDs may contain only alphanumeric characters and "
                                         "'_'. Got: '{}'",
                                         property.text()));
  for (const std::string_view reserved : {"INSERTQUERY_", "CTAS_", "CSAS_", "CST_"})
    if (id.starts_with(reserved))
      return invalid(property, fmt::format("Query IDs must not start with a reserved query ID "
                                           "prefix (INSERTQUERY_, CTAS_, CSAS_, CST_). Got '{}'.",
                                           id));
  return id;
}

Status read_format(const Property& property, std::optional<std::string>& to) {
  to = absl::AsciiStrToUpper(TRY(read_text(property, "a format, for instance 'JSON'")));
  return {};
}
Status read_schema_id(const Property& property, std::optional<int32_t>& to) {
  to = TRY(read_number<int32_t>(property, 0, INT32_MAX, "the number of a registered schema"));
  return {};
}
Status read_schema_name(const Property& property, std::optional<std::string>& to) {
  to = TRY(read_text(property, "a schema's full name"));
  return {};
}
Status read_nullable(const Property& property, std::optional<std::string>& to) {
  const std::string text = absl::AsciiStrToUpper(property.text());
  if (text != "OPTIONAL" && text != "WRAPPER")
    return invalid_value(property, "OPTIONAL or WRAPPER");
  to = text;
  return {};
}
Status read_elsewhere(const Property&, SourceProperties&) { return {}; }

// All properties, and the statements that support them. docs/sql/sources.md explains their meaning.
struct PropertyRow {
  std::string_view name;
  bool in_create, in_create_as, in_insert;
  Status (*read)(const Property&, SourceProperties&);
};
constexpr PropertyRow kProperties[] = {
    {"KAFKA_TOPIC", true, true, false,
     [](const Property& property, SourceProperties& to) -> Status {
       to.topic = TRY(read_text(property, "a topic's name"));
       if (to.topic->empty()) return invalid_value(property, "a topic's name, not empty");
       return {};
     }},
    {"PARTITIONS", true, true, false,
     [](const Property& property, SourceProperties& to) -> Status {
       to.partitions =
           TRY(read_number<int32_t>(property, 1, kMostPartitionsOfTopic,
                                    fmt::format("a number from 1 to {}", kMostPartitionsOfTopic)));
       return {};
     }},
    {"REPLICAS", true, true, false,
     [](const Property& property, SourceProperties& to) -> Status {
       to.replicas = TRY(read_number<int32_t>(property, 1, INT16_MAX, "a number from 1 to 32767"));
       return {};
     }},
    {"RETENTION_MS", true, true, false,
     [](const Property& property, SourceProperties& to) -> Status {
       to.retention_ms = TRY(read_number<int64_t>(
           property, -1, INT64_MAX, "a number of milliseconds, such as 86400000 for a day"));
       return {};
     }},
    {"FORMAT", true, true, false,
     [](const Property& property, SourceProperties& to) -> Status {
       TRY(read_format(property, to.key.format));
       to.value.format = to.key.format;
       return {};
     }},
    {"KEY_FORMAT", true, true, false,
     [](const Property& property, SourceProperties& to) {
       return read_format(property, to.key.format);
     }},
    {"VALUE_FORMAT", true, true, false,
     [](const Property& property, SourceProperties& to) {
       return read_format(property, to.value.format);
     }},
    {"KEY_DELIMITER", true, true, false,
     [](const Property& property, SourceProperties& to) -> Status {
       to.key.delimiter = TRY(read_delimiter(property));
       return {};
     }},
    {"VALUE_DELIMITER", true, true, false,
     [](const Property& property, SourceProperties& to) -> Status {
       to.value.delimiter = TRY(read_delimiter(property));
       return {};
     }},
    {"WRAP_SINGLE_VALUE", true, true, false,
     [](const Property& property, SourceProperties& to) -> Status {
       to.wrap_single_value = TRY(read_boolean(property));
       return {};
     }},
    {"TIMESTAMP", true, true, false,
     [](const Property& property, SourceProperties& to) -> Status {
       to.timestamp_column = fold_name(TRY(read_text(property, "a column's name")));
       return {};
     }},
    {"TIMESTAMP_FORMAT", true, true, false,
     [](const Property& property, SourceProperties& to) -> Status {
       to.timestamp_format = TRY(read_text(property, "a date pattern, such as 'yyyy-MM-dd'"));
       return {};
     }},
    {"WINDOW_TYPE", true, false, false, read_elsewhere},  // read_window() reads type and size
    {"WINDOW_SIZE", true, false, false, read_elsewhere},
    {"KEY_SCHEMA_ID", true, true, false,
     [](const Property& property, SourceProperties& to) {
       return read_schema_id(property, to.key.schema_id);
     }},
    {"VALUE_SCHEMA_ID", true, true, false,
     [](const Property& property, SourceProperties& to) {
       return read_schema_id(property, to.value.schema_id);
     }},
    {"KEY_SCHEMA_FULL_NAME", true, true, false,
     [](const Property& property, SourceProperties& to) {
       return read_schema_name(property, to.key.full_schema_name);
     }},
    {"VALUE_SCHEMA_FULL_NAME", true, true, false,
     [](const Property& property, SourceProperties& to) {
       return read_schema_name(property, to.value.full_schema_name);
     }},
    {"VALUE_AVRO_SCHEMA_FULL_NAME", true, true, false,
     [](const Property& property, SourceProperties& to) {
       return read_schema_name(property, to.value.full_schema_name);
     }},
    {"KEY_PROTOBUF_NULLABLE_REPRESENTATION", true, true, false,
     [](const Property& property, SourceProperties& to) {
       return read_nullable(property, to.key.nullable_representation);
     }},
    {"VALUE_PROTOBUF_NULLABLE_REPRESENTATION", true, true, false,
     [](const Property& property, SourceProperties& to) {
       return read_nullable(property, to.value.nullable_representation);
     }},
    // generator_rules.h reads these properties and the rules of columns.
    {"GENERATOR", true, false, false, read_elsewhere},
    {"ROWS_PER_SECOND", true, false, false, read_elsewhere},
    {"NUMBER_OF_ROWS", true, false, false, read_elsewhere},
    {"SEED", true, false, false, read_elsewhere},
    {"START_TIME", true, false, false, read_elsewhere},
    // As in ksqlDB, the following two properties have no effect.
    {"SOURCE_CONNECTOR", true, false, false, read_elsewhere},
    {"SOURCED_BY_CONNECTOR", true, false, false, read_elsewhere},
    {"CLEANUP_POLICY", true, true, false,
     [](const Property& property, SourceProperties&) -> Status {
       return invalid(property,
                      "Invalid config variable in the WITH clause: CLEANUP_POLICY. The "
                      "CLEANUP_POLICY config is automatically set");
     }},
    {"REBUILD", false, true, false,
     [](const Property& property, SourceProperties& to) -> Status {
       to.rebuild = TRY(read_boolean(property));
       return {};
     }},
    {"QUERY_ID", false, false, true,
     [](const Property& property, SourceProperties& to) -> Status {
       to.query_id = TRY(read_query_id(property));
       return {};
     }},
};

bool is_create_source(WithClauseOf statement) {
  return statement == WithClauseOf::CreateSource || statement == WithClauseOf::CreateTable;
}

const PropertyRow* find_row(std::string_view name, WithClauseOf statement) {
  for (const PropertyRow& row : kProperties) {
    if (row.name != name) continue;
    const bool known = is_create_source(statement)                 ? row.in_create
                       : statement == WithClauseOf::CreateAsSelect ? row.in_create_as
                                                                   : row.in_insert;
    return known ? &row : nullptr;
  }
  return nullptr;
}

bool is_generator_rule_of(const Property& property, WithClauseOf statement) {
  return is_create_source(statement) && is_generator_rule(property);
}

struct PropertyElsewhere {
  std::string_view name;  // name of the property, or its beginning if the text ends with a dot
  std::string_view advice;
};
constexpr std::string_view kNoConnector =
    "A stream or table reads a topic of this server, so it has neither a connector nor addresses.";
constexpr std::string_view kStart =
    "SET 'auto.offset.reset' = 'earliest' chooses where SELECT ... EMIT CHANGES begins.";
constexpr std::string_view kSchemas =
    "Declare the columns after the name: they are then the schema. VALUE_SCHEMA_ID names a "
    "registered schema.";
// Properties of Flink, of RisingWave, of Spark and of older versions of ksqlDB.
constexpr PropertyElsewhere kPropertiesElsewhere[] = {
    {"CONNECTOR", kNoConnector},
    {"PROPERTIES.", kNoConnector},
    {"BOOTSTRAP.SERVERS", kNoConnector},
    {"KAFKA.BOOTSTRAP.SERVERS", kNoConnector},
    {"TOPIC", "Use KAFKA_TOPIC for the topic."},
    {"SUBSCRIBE", "Use KAFKA_TOPIC for the topic."},
    {"SCAN.STARTUP.MODE", kStart},
    {"KEY.FORMAT", "Use KEY_FORMAT."},
    {"VALUE.FORMAT", "Use VALUE_FORMAT."},
    {"KEY", "The word KEY follows the key column: id INT KEY."},
    {"KEY.FIELDS", "The word KEY follows the key column: id INT KEY."},
    {"REPLICATION_FACTOR", "Use REPLICAS."},
    {"REPLICATION.FACTOR", "Use REPLICAS."},
    {"RETENTION", "Use RETENTION_MS, a number of milliseconds: 86400000 is a day."},
    {"VALUE_AVRO_SCHEMA", kSchemas},
    {"VALUE_SCHEMA", kSchemas},
    {"AVRO_SCHEMA", kSchemas},
};

// Returns the advice for the properties of other systems; an empty text if none of them is known.
std::string advice_for(std::span<const std::string> unknown) {
  std::string all;
  for (const std::string& name : unknown)
    for (const PropertyElsewhere& known : kPropertiesElsewhere) {
      const bool is_meant =
          known.name.ends_with('.') ? name.starts_with(known.name) : name == known.name;
      if (!is_meant || all.find(known.advice) != std::string::npos) continue;
      all.append(all.empty() ? "" : " ").append(known.advice);
    }
  return all;
}

Status check_names(const PropertyList& properties, WithClauseOf statement) {
  std::string unknown;
  std::vector<std::string> unknown_properties;
  const Property* first = nullptr;
  for (const Property& property : properties) {
    if (find_row(property.name, statement) || is_generator_rule_of(property, statement)) continue;
    if (statement == WithClauseOf::CreateTable && is_storage_parameter(property.name)) continue;
    if (!first) first = &property;
    unknown_properties.push_back(upper_case(property.name));
    unknown += (unknown.empty() ? "" : ", ") + property.name;
  }
  if (!first) return {};
  Error error = invalid(*first, "Invalid config variable(s) in the WITH clause: " + unknown);
  std::vector<std::string> names;
  for (const PropertyRow& row : kProperties)
    if (find_row(row.name, statement)) names.emplace_back(row.name);
  error.hint = advice_for(unknown_properties);
  if (!error.hint.empty()) return error;
  // If no name is similar, a property whose name ends with the word is suggested: KAFKA_TOPIC for
  // TOPIC, VALUE_FORMAT for FORMAT.
  const auto longer = std::ranges::find_if(names, [&](const std::string& name) {
    return name.ends_with("_" + upper_case(first->name)) && !name.starts_with("KEY_");
  });
  error.hint = did_you_mean(first->name, names,
                            longer != names.end()
                                ? fmt::format("Did you mean {}?", *longer)
                                : fmt::format("The properties are {}.", fmt::join(names, ", ")));
  return error;
}

// Fails if two properties exclude each other.
Status check_conflicts(const PropertyList& properties) {
  if (find_property(properties, "FORMAT")) {
    for (const std::string_view other : {"KEY_FORMAT", "VALUE_FORMAT"})
      if (const Property* property = find_property(properties, other))
        return invalid(*property,
                       fmt::format("Cannot supply both '{}' and 'FORMAT' properties, as 'FORMAT' "
                                   "sets both key and value formats. Either use just 'FORMAT', or "
                                   "use 'KEY_FORMAT' and 'VALUE_FORMAT'.",
                                   other));
  }
  const Property* old_name = find_property(properties, "VALUE_AVRO_SCHEMA_FULL_NAME");
  if (old_name && find_property(properties, "VALUE_SCHEMA_FULL_NAME"))
    return invalid(*old_name,
                   "Cannot supply both 'VALUE_AVRO_SCHEMA_FULL_NAME' and "
                   "'VALUE_SCHEMA_FULL_NAME' properties. Please only set "
                   "'VALUE_SCHEMA_FULL_NAME'.");
  return {};
}

Result<std::optional<SourceWindow>> read_window(const PropertyList& properties) {
  const Property* type_property = find_property(properties, "WINDOW_TYPE");
  const Property* size_property = find_property(properties, "WINDOW_SIZE");
  std::optional<int64_t> size_ms;
  if (size_property) size_ms = TRY(read_window_size(*size_property));
  if (!type_property) return std::optional<SourceWindow>();
  const WindowType type = TRY(read_window_type(*type_property));
  if (type == WindowType::Session && size_ms)
    return invalid(*size_property, "'WINDOW_SIZE' should not be set for SESSION windows.");
  if (type != WindowType::Session && !size_ms)
    return invalid(*type_property,
                   fmt::format("{} windows require 'WINDOW_SIZE' to be provided in the WITH "
                               "clause. For example: 'WINDOW_SIZE'='10 SECONDS'",
                               absl::AsciiStrToUpper(type_property->text())));
  return std::optional<SourceWindow>({type, size_ms});
}

}  // namespace

bool is_storage_parameter(std::string_view name) {
  constexpr std::string_view kNames[] = {"FILLFACTOR",
                                         "LOG_AUTOVACUUM_MIN_DURATION",
                                         "OIDS",
                                         "PARALLEL_WORKERS",
                                         "TOAST_TUPLE_TARGET",
                                         "USER_CATALOG_TABLE",
                                         "VACUUM_INDEX_CLEANUP",
                                         "VACUUM_TRUNCATE"};
  return name.starts_with("AUTOVACUUM_") || std::ranges::find(kNames, name) != std::end(kNames);
}

Status check_name_size(std::string_view name, TextPosition position) {
  if (name.size() <= kMaxNameSize) return {};
  return Error{
      ErrorCode::LimitExceeded,
      fmt::format("the names of streams, tables and queries are limited to {} bytes, but this one "
                  "has {}",
                  kMaxNameSize, name.size())}
      .at(position);
}

Result<SourceProperties> read_source_properties(const PropertyList& properties,
                                                WithClauseOf statement) {
  TRY(check_names(properties, statement));
  TRY(check_conflicts(properties));
  SourceProperties read;
  for (const Property& property : properties)
    if (const PropertyRow* row = find_row(property.name, statement)) TRY(row->read(property, read));
  read.window = TRY(read_window(properties));
  return read;
}

}  // namespace engine
