// Answers DESCRIBE of a stream, a table, all streams or tables, or a function.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/suggest.h"
#include "engine/functions/registry.h"
#include "engine/plan/create_source.h"
#include "engine/system_tables/information_parts.h"

namespace engine {
namespace {

// ---- Search for the source

std::string upper_if_all_lower(const std::string& name) {
  const auto is_upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  if (std::ranges::any_of(name, is_upper)) return name;
  std::string upper = name;
  for (char& c : upper)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return upper;
}

Error undefined_source(const DescribeSource& describe, const InformationContext& context) {
  std::vector<std::string> names;
  for (const auto& [name, source] : context.catalog.sources())
    if (may_see_source(*source, context)) names.push_back(name);
  Error error{ErrorCode::UndefinedSource,
              fmt::format("stream or table \"{}\" does not exist", describe.name.text)};
  error.ksqldb =
      fmt::format("Could not find STREAM/TABLE '{}' in the Metastore", describe.name.text);
  return std::move(error)
      .with_hint(did_you_mean(describe.name.text, names,
                              "SHOW STREAMS and SHOW TABLES list the existing streams and tables."))
      .at(describe.name_position);
}

// Fails if the stream or table does not exist, or if the reader may not see it.
Result<const DataSource*> find_source(const DescribeSource& describe,
                                      const InformationContext& context) {
  const DataSource* source = context.catalog.find_source(describe.name.text);
  if (!source && describe.name.quoting == Quoting::Double)
    source = context.catalog.find_source(upper_if_all_lower(describe.name.text));
  if (!source) return undefined_source(describe, context);
  if (!may_see_source(*source, context))
    return Error{ErrorCode::InsufficientPrivilege,
                 fmt::format("permission denied for {} {}", kind_word(source->kind), source->name),
                 {},
                 "Its owner or a superuser may GRANT SELECT or INSERT on it."}
        .at(describe.name_position);
  return source;
}

// ---- Columns

std::string column_role(const ColumnDef& column, const DataSource& source) {
  if (column.role == ColumnRole::Headers)
    return column.header_key.empty() ? "headers" : fmt::format("header('{}')", column.header_key);
  if (column.role != ColumnRole::Key) return {};
  return source.kind == SourceKind::Table ? "primary key" : "key";
}

// Returns a row for each column: name, type, role. The bounds of the window are part of a windowed
// key.
std::vector<InformationRow> column_rows(const DataSource& source) {
  std::vector<InformationRow> rows;
  size_t keys = 0;
  for (const size_t index : shown_columns(source)) {
    const ColumnDef& column = source.schema.columns[index];
    if (column.role == ColumnRole::Key) ++keys;
    rows.push_back({Value::text(column.name), Value::text(shown_type(column.type)),
                    text_or_null(column_role(column, source))});
  }
  if (!source.window) return rows;
  const std::string role = "window, " + shown_window(*source.window);
  std::vector<InformationRow> bounds;
  for (const std::string_view name : {kWindowStart, kWindowEnd})
    bounds.push_back({Value::text(std::string(name)), Value::text("BIGINT"), Value::text(role)});
  rows.insert(rows.begin() + static_cast<std::ptrdiff_t>(keys), bounds.begin(), bounds.end());
  return rows;
}

// ---- Extended: all facts as (section, name, value)

class Facts {
 public:
  void add(std::string_view section, std::string_view name, std::string value) {
    if (value.empty()) return;
    rows_.push_back({Value::text(std::string(section)), Value::text(std::string(name)),
                     Value::text(std::move(value))});
  }
  std::vector<InformationRow> take() && { return std::move(rows_); }

 private:
  std::vector<InformationRow> rows_;
};

void add_columns(const DataSource& source, Facts& facts) {
  for (const InformationRow& row : column_rows(source)) {
    const std::string role = row[2].is_null() ? "" : fmt::format(" ({})", row[2].as_string());
    facts.add("column", row[0].as_string(), row[1].as_string() + role);
  }
}

void add_source(const DataSource& source, Facts& facts) {
  const std::string_view section = kind_word(source.kind);
  facts.add(section, "topic", source.topic);
  facts.add(section, "partitions", std::to_string(source.partitions));
  facts.add(section, "key format", shown_format(source.key_format));
  facts.add(section, "value format", shown_format(source.value_format));
  if (source.window) facts.add(section, "window", shown_window(*source.window));
  facts.add(section, "event time",
            !source.timestamp ? "of the record"
            : source.timestamp->format
                ? fmt::format("{}, as {}", source.timestamp->column, *source.timestamp->format)
                : source.timestamp->column);
  if (source.read_only) facts.add(section, "read only", "yes");
  facts.add(section, "statement", source.sql);
}

void add_query(const PersistentQuery& query, std::string_view role, const QueryStatuses& statuses,
               Facts& facts) {
  std::string text = fmt::format("{}, {}", role, state_of(query, statuses));
  if (const auto found = statuses.find(query.id); found != statuses.end()) {
    const QueryStatus& status = found->second;
    text += fmt::format(", {} rows read, lag {}, {} rows/s, {} errors", status.records_in,
                        status.lag_records ? fmt::to_string(*status.lag_records) : "unknown",
                        status.records_per_second, status.records_failed);
    if (!status.last_error.empty()) text += ", last error: " + status.last_error;
  }
  facts.add("query", query.id, std::move(text));
}

std::vector<InformationRow> extended_rows(const DataSource& source,
                                          const InformationContext& context) {
  Facts facts;
  add_columns(source, facts);
  add_source(source, facts);
  for (const RunningQuery& running : context.queries.all()) {
    const PersistentQuery& query = *running.query;
    if (!may_see_query(query, context)) continue;
    const bool reads = std::ranges::find(query.sources, source.name) != query.sources.end();
    if (query.sink == source.name) add_query(query, "writes", context.statuses, facts);
    if (!reads) continue;
    const bool keeps = query.kind == QueryKind::SourceTable;
    add_query(query, keeps ? "keeps its rows" : "reads", context.statuses, facts);
  }
  return std::move(facts).take();
}

std::vector<InformationRow> rows_of(const DataSource& source, bool extended,
                                    const InformationContext& context) {
  return extended ? extended_rows(source, context) : column_rows(source);
}

std::vector<ColumnDef> source_columns(bool extended) {
  if (extended) return {text_column("section"), text_column("name"), text_column("value")};
  return {text_column("column"), text_column("type"), text_column("role")};
}

}  // namespace

Schema describe_schema(const DescribeSource& describe) {
  return {source_columns(describe.extended)};
}

Schema describe_schema(const DescribeSources& describe) {
  Schema schema{source_columns(describe.extended)};
  schema.columns.insert(schema.columns.begin(), text_column(kind_word(describe.kind)));
  return schema;
}

Schema describe_schema(const DescribeFunction&) {
  return {{text_column("function"), text_column("kind"), text_column("arguments"),
           text_column("returns"), text_column("description"), text_column("example")}};
}

Result<InformationRows> answer_describe(const DescribeSource& describe,
                                        const InformationContext& context) {
  const DataSource* source = TRY(find_source(describe, context));
  return make_rows(describe_schema(describe), rows_of(*source, describe.extended, context));
}

Result<InformationRows> answer_describe(const DescribeSources& describe,
                                        const InformationContext& context) {
  std::vector<InformationRow> rows;
  for (const auto& [name, source] : context.catalog.sources()) {
    if (source->kind != describe.kind || !may_see_source(*source, context)) continue;
    for (InformationRow& row : rows_of(*source, describe.extended, context)) {
      row.insert(row.begin(), Value::text(name));
      rows.push_back(std::move(row));
    }
  }
  return make_rows(describe_schema(describe), rows);
}

Result<InformationRows> answer_describe(const DescribeFunction& describe) {
  const Registry& registry = Registry::instance();
  std::vector<InformationRow> rows;
  for (const Overload& overload : registry.find(describe.name)) {
    const bool is_table = overload.function && overload.function->kind == FunctionKind::Table;
    const std::string_view doc =
        overload.function ? overload.function->doc : overload.aggregate->doc;
    const std::string_view example = overload.function ? overload.function->example : "";
    rows.push_back({Value::text(std::string(overload.name())),
                    Value::text(overload.aggregate ? "AGGREGATE"
                                : is_table         ? "TABLE"
                                                   : "SCALAR"),
                    Value::text(overload.signature.parameters_to_string()),
                    Value::text(overload.signature.result.to_string()),
                    text_or_null(std::string(doc)), text_or_null(std::string(example))});
  }
  if (!rows.empty()) return make_rows(describe_schema(describe), rows);
  std::vector<std::string> names;
  for (const Registry::Entry& entry : registry.entries()) names.push_back(entry.name);
  Error error{ErrorCode::UndefinedFunction,
              fmt::format("function {} does not exist", describe.name),
              fmt::format("Can't find any functions with the name '{}'", describe.name)};
  error.ksqldb = error.detail;
  return std::move(error)
      .with_hint(did_you_mean(describe.name, names, "SHOW FUNCTIONS lists the existing functions."))
      .at(describe.name_position);
}

}  // namespace engine
