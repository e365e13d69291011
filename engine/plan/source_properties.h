// Reads the WITH clause of a stream or table, or of a query that writes one.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/catalog/catalog.h"
#include "engine/sql/ast.h"

namespace engine {

// Limit for the length of names of streams and tables and of QUERY_IDs. They are parts of task ids,
// whose length is limited by storage. The value is Kafka's limit for topic names.
inline constexpr size_t kMaxNameSize = 249;
// Fails with LimitExceeded if the name at `position` is too long.
Status check_name_size(std::string_view name, TextPosition position);

// The statement that contains a WITH clause. Each kind of statement has its own properties.
enum class WithClauseOf : uint8_t {
  CreateSource,
  CreateTable,  // like CreateSource, and ignores PostgreSQL's storage parameters
  CreateAsSelect,
  InsertSelect
};

// Returns whether PostgreSQL's CREATE TABLE has a parameter with this name, in upper case: fillfactor,
// autovacuum_enabled, ...
bool is_storage_parameter(std::string_view name);

// Format properties of the key or of the value. engine/plan/source_formats.h checks which format supports which
// property.
struct FormatProperties {
  std::optional<std::string> format;  // in upper case; FORMAT sets both key and value
  std::optional<char> delimiter;
  std::optional<int32_t> schema_id;
  std::optional<std::string> full_schema_name;
  std::optional<std::string> nullable_representation;  // OPTIONAL or WRAPPER
};

// Properties of a WITH clause. Members that are not set are not in the statement.
struct SourceProperties {
  std::optional<std::string> topic;
  std::optional<int> partitions, replicas;
  std::optional<int64_t> retention_ms;
  FormatProperties key, value;
  std::optional<bool> wrap_single_value;
  std::optional<std::string> timestamp_column;  // the column's name: folded unless quoted
  std::optional<std::string> timestamp_format;
  std::optional<SourceWindow> window;
  bool rebuild = false;                 // CREATE OR REPLACE ... AS only
  std::optional<std::string> query_id;  // INSERT INTO only; in upper case
};

// Reads the properties. Fails with InvalidStatement if a property is unknown, if a value has the wrong type or is out
// of range, or if two properties exclude each other. The error has the position of the property.
Result<SourceProperties> read_source_properties(const PropertyList& properties,
                                                WithClauseOf statement);

}  // namespace engine
