// The WITH clause of a stream, a table, or a query that writes one.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/catalog/catalog.h"
#include "engine/sql/ast.h"

namespace engine {

// Names of streams and tables, and QUERY_IDs, are parts of task ids, whose length storage limits. The limit is Kafka's
// limit for topic names.
inline constexpr size_t kMaxNameSize = 249;
// Fails with LimitExceeded if the name at `position` is too long.
Status check_name_size(std::string_view name, TextPosition position);

// Statement of the WITH clause: each statement has its own properties.
enum class WithClauseOf : uint8_t {
  CreateSource,
  CreateTable,  // CreateSource, with PostgreSQL's storage parameters, which are ignored
  CreateAsSelect,
  InsertSelect
};

// Returns whether PostgreSQL's CREATE TABLE has a parameter of that name, in upper case: fillfactor,
// autovacuum_enabled, ...
bool is_storage_parameter(std::string_view name);

// Format properties of one side. engine/plan/source_formats.h checks which format supports which of them.
struct FormatProperties {
  std::optional<std::string> format;  // upper case; FORMAT sets both key and value
  std::optional<char> delimiter;
  std::optional<int32_t> schema_id;
  std::optional<std::string> full_schema_name;
  std::optional<std::string> nullable_representation;  // OPTIONAL or WRAPPER
};

// Unset members are not in the statement.
struct SourceProperties {
  std::optional<std::string> topic;
  std::optional<int> partitions, replicas;
  std::optional<int64_t> retention_ms;
  FormatProperties key, value;
  std::optional<bool> wrap_single_value;
  std::optional<std::string> timestamp_column;  // as a name: folded unless quoted
  std::optional<std::string> timestamp_format;
  std::optional<SourceWindow> window;
  bool rebuild = false;                 // CREATE OR REPLACE ... AS only
  std::optional<std::string> query_id;  // INSERT INTO only; upper case
};

// Fails with InvalidStatement on an unknown property, a value of the wrong type or out of range, and on properties that
// exclude each other; the error points at the property.
Result<SourceProperties> read_source_properties(const PropertyList& properties,
                                                WithClauseOf statement);

}  // namespace engine
