// What the WITH clause says about a stream, a table, or a query that fills one.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/catalog/catalog.h"
#include "engine/sql/ast.h"

namespace engine {

// Names of streams and tables, and QUERY_IDs, are parts of the ids of tasks, which storage bounds;
// Kafka's bound for names of topics is as good as any.
inline constexpr size_t kMaxNameSize = 249;
// Fails with LimitExceeded when a new one cannot have the name that stands at `position`.
Status check_name_size(std::string_view name, TextPosition position);

// Whose WITH clause it is: each statement knows its own properties.
enum class WithClauseOf : uint8_t {
  CreateSource,
  CreateTable,  // CreateSource, and PostgreSQL's storage parameters, which are passed over
  CreateAsSelect,
  InsertSelect
};

// Whether PostgreSQL's CREATE TABLE takes a parameter of that name, in upper case: fillfactor, autovacuum_enabled, ...
bool is_storage_parameter(std::string_view name);

// What is said about the format of one side. Which format takes which of these is checked in
// engine/plan/source_formats.h.
struct FormatProperties {
  std::optional<std::string> format;  // upper case; FORMAT sets that of key and value
  std::optional<char> delimiter;
  std::optional<int32_t> schema_id;
  std::optional<std::string> full_schema_name;
  std::optional<std::string> nullable_representation;  // OPTIONAL or WRAPPER
};

// Unset: the statement does not say.
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

// Fails with InvalidStatement on a name that the statement does not know, a value of the wrong type
// or out of range, and on properties that exclude each other; the error points at the property.
Result<SourceProperties> read_source_properties(const PropertyList& properties,
                                                WithClauseOf statement);

}  // namespace engine
