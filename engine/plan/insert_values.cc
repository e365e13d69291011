#include "engine/plan/insert_values.h"

#include <absl/strings/ascii.h>
#include <absl/strings/str_join.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/suggest.h"
#include "engine/catalog/system_sources.h"
#include "engine/catalog/visible_names.h"
#include "engine/expr/assigned.h"
#include "engine/formats/text_value.h"
#include "engine/functions/session_zone.h"
#include "engine/java/java_time.h"
#include "engine/plan/event_times.h"
#include "engine/plan/view_target.h"
#include "engine/sql/default_value.h"
#include "engine/sql/parse.h"
#include "engine/sql/public_schema.h"
#include "engine/types/ascii.h"
#include "engine/types/postgres_types.h"

namespace engine {
namespace {

// For each value of a row in an INSERT: the column that gets the value.
struct InsertPlan {
  const DataSource& source;
  std::vector<int> columns;  // indexes in the schema; kRowTimeColumn for ROWTIME
  bool may_be_short =
      false;  // in a statement of PostgreSQL without a column list, rows may omit the last columns
};
constexpr int kRowTimeColumn = -1;

Error invalid_insert(std::string message) {
  return Error{ErrorCode::InvalidStatement, std::move(message)};
}

Error unknown_source(const InsertValues& insert, const Catalog& catalog) {
  const std::string name = without_public(insert.target).text;
  Error error{ErrorCode::UndefinedSource,
              fmt::format("relation \"{}\" does not exist", display_name(name))};
  error.ksqldb = fmt::format("Cannot insert values into an unknown stream/table: `{}`", name);
  const std::vector<std::string> names = visible_sources(catalog);
  const auto same = std::ranges::find_if(names, [&](const std::string& known) {
    return absl::AsciiStrToUpper(known) == absl::AsciiStrToUpper(name);
  });
  if (same == names.end()) {
    error.hint = did_you_mean(name, names,
                              "SHOW STREAMS and SHOW TABLES list the existing streams and tables.");
  } else if (*same == absl::AsciiStrToUpper(name)) {
    error.ksqldb += fmt::format(
        "\nDid you mean {}? Hint: try removing double quotes from the source name.", *same);
    error.hint = fmt::format("Did you mean {}? Write the name without quotes.", *same);
  } else {
    error.ksqldb += fmt::format(
        "\nDid you mean \"{}\"? Hint: wrap the source name in double quotes to make it "
        "case-sensitive.",
        *same);
    error.hint = fmt::format("Did you mean \"{}\"? Write the name in double quotes.", *same);
  }
  return std::move(error).at(insert.target_position);
}

Status check_target(const DataSource& source, const PlanContext& context) {
  const auto enabled = context.properties.find("ksql.insert.into.values.enabled");
  if (enabled != context.properties.end() && enabled->second == "false")
    return invalid_insert("The server has disabled INSERT INTO ... VALUES functionality.");
  if (source.read_only)
    return invalid_insert(fmt::format("Cannot insert values into read-only {}: {}",
                                      source.kind == SourceKind::Table ? "table" : "stream",
                                      source.name));
  if (source.window) return invalid_insert("Cannot insert values into windowed stream/table!");
  return check_writable(source.topic);
}

Error header_columns(const std::vector<std::string>& names) {
  return invalid_insert("Cannot insert into HEADER columns: " + absl::StrJoin(names, ", "));
}

// Returns whether the statement that created the table named no topic. In ksqlDB every statement must name one.
bool is_declared_as_in_postgres(const DataSource& source) {
  return source.kind == SourceKind::Table && source.owns_topic;
}

Result<InsertPlan> all_columns(const DataSource& source) {
  InsertPlan plan{source, {}};
  plan.may_be_short = is_declared_as_in_postgres(source);
  std::vector<std::string> headers;
  for (const size_t index : shown_columns(source)) {
    if (source.schema.columns[index].role == ColumnRole::Headers)
      headers.push_back(source.schema.columns[index].name);
    plan.columns.push_back(static_cast<int>(index));
  }
  if (!headers.empty()) return header_columns(headers);
  return plan;
}

Result<InsertPlan> listed_columns(const InsertValues& insert, const DataSource& source,
                                  const PlanContext& context) {
  InsertPlan plan{source, {}};
  for (const InsertColumn& column : insert.columns) {
    const std::string& name = column.name.text;
    const int index = find_insert_column(column, source, context);
    if (index < 0 && (name == kRowPartition || name == kRowOffset))
      return invalid_insert(fmt::format("Inserting into column `{}` is not allowed.", name))
          .at(column.position);
    if (index < 0 && name != kRowTime) return no_such_written_column(column, source);
    if (index >= 0 && source.schema.columns[static_cast<size_t>(index)].role == ColumnRole::Headers)
      return header_columns({name}).at(column.position);
    if (index >= 0 && is_row_id(source.schema.columns[static_cast<size_t>(index)]))
      return invalid_insert(fmt::format("{} is assigned when the row is written", kRowId))
          .at(column.position);
    const int place = index < 0 ? kRowTimeColumn : index;
    if (std::ranges::find(plan.columns, place) != plan.columns.end())
      return Error{ErrorCode::DuplicateColumn, fmt::format("Duplicate column names: {}", name)}.at(
          column.position);
    plan.columns.push_back(place);
  }
  return plan;
}

Status check_primary_key(const InsertPlan& plan) {
  if (plan.source.kind != SourceKind::Table) return {};
  std::vector<std::string> missing;
  for (size_t i = 0; i < plan.source.schema.columns.size(); ++i) {
    const ColumnDef& column = plan.source.schema.columns[i];
    const bool is_key = column.role == ColumnRole::Key && !is_row_id(column) && !column.is_serial &&
                        column.default_sql.empty();
    if (is_key && std::ranges::find(plan.columns, static_cast<int>(i)) == plan.columns.end())
      missing.push_back("`" + plan.source.schema.columns[i].name + "`");
  }
  if (missing.empty()) return {};
  return Error{ErrorCode::NullValue,
               fmt::format("Value for primary key column(s) {} is required for tables",
                           absl::StrJoin(missing, ", "))};
}

std::string_view column_name(const InsertPlan& plan, size_t position) {
  const int index = plan.columns[position];
  return index == kRowTimeColumn ? kRowTime
                                 : plan.source.schema.columns[static_cast<size_t>(index)].name;
}

Error wrong_count(const InsertPlan& plan, const ExpressionList& row) {
  std::vector<std::string> expected, got;
  for (size_t i = 0; i < plan.columns.size(); ++i)
    expected.push_back("`" + std::string(column_name(plan, i)) + "`");
  for (const ExpressionPtr& value : row) got.push_back(to_sql(*value));
  return Error{ErrorCode::SyntaxError,
               fmt::format("Expected a value for each column. Expected Columns: [{}]. Got [{}]",
                           absl::StrJoin(expected, ", "), absl::StrJoin(got, ", "))}
      .with_hint("Name the columns that get a value: INSERT INTO t (a, b) VALUES (1, 2).");
}

// Gives each NULL in the constructors of a value the type of its column, because the NULL in STRUCT(tags := NULL) has
// no type of its own.
void give_types_to_nulls(Expression& value, const SqlType& type) {
  const auto give = [](ExpressionPtr& part, const SqlType& its) {
    if (!part->as<NullLiteral>()) return give_types_to_nulls(*part, its);
    const TextPosition position = part->position;
    part = make_expression(Cast{std::move(part), type_name_of(its)}, position);
  };
  if (auto* made = std::get_if<StructConstructor>(&value.node);
      made && type.kind() == TypeKind::Struct)
    for (StructField& field : made->fields)
      if (const int at = type.field_index(field.name.text); at >= 0)
        give(field.value, type.fields()[static_cast<size_t>(at)].type);
  if (auto* made = std::get_if<ArrayConstructor>(&value.node);
      made && type.kind() == TypeKind::Array)
    for (ExpressionPtr& element : made->elements) give(element, type.element());
  if (auto* made = std::get_if<MapConstructor>(&value.node); made && type.kind() == TypeKind::Map)
    for (MapEntry& entry : made->entries) give(entry.value, type.value());
}

// Shortens a value for a message, so that the message stays one line. Characters are kept whole.
std::string shown_text(std::string_view text) {
  constexpr size_t kMostBytes = 100;
  if (text.size() <= kMostBytes) return std::string(text);
  size_t end = kMostBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "...";
}

// Returns whether an error is about the value that a column gets, and not about a name or the syntax.
bool is_about_value(ErrorCode code) {
  return code == ErrorCode::TypeMismatch || code == ErrorCode::InvalidText ||
         code == ErrorCode::OutOfRange || code == ErrorCode::InvalidDatetime ||
         code == ErrorCode::InvalidCast;
}

// Returns a short constant of the type, as a statement writes it.
std::string constant_of(const SqlType& type) {
  switch (type.kind()) {
    case TypeKind::Boolean:
      return "TRUE";
    case TypeKind::Integer:
    case TypeKind::Bigint:
      return "1";
    case TypeKind::Double:
    case TypeKind::Decimal:
      return "1.5";
    case TypeKind::Array:
      return "ARRAY[" + constant_of(type.element()) + "]";
    case TypeKind::Map:
      return "MAP('a' := " + constant_of(type.value()) + ")";
    case TypeKind::Struct: {
      constexpr size_t kMostFields = 10;  // a longer example would hide the error
      std::string fields;
      for (const Field& field :
           std::span(type.fields()).first(std::min(type.fields().size(), kMostFields)))
        fields += fmt::format("{}{} := {}", fields.empty() ? "" : ", ", quote_if_needed(field.name),
                              constant_of(field.type));
      return "STRUCT(" + fields + (type.fields().size() > kMostFields ? ", ...)" : ")");
    }
    case TypeKind::Date:
      return "'2024-01-31'";
    case TypeKind::Time:
      return "'12:00:00'";
    case TypeKind::Timestamp:
      return "'2024-01-31T12:00:00'";
    default:
      return "'a'";
  }
}

// Returns an example of a value for a column of this type, as a statement writes it; empty for a type without one.
std::string example_value(const SqlType& type) {
  if (type.label() == label::kInt2) return "a whole number from -32768 to 32767, such as 42";
  switch (type.kind()) {
    case TypeKind::Boolean:
      return "TRUE or FALSE";
    case TypeKind::Integer:
      return "a whole number from -2147483648 to 2147483647, such as 42";
    case TypeKind::Bigint:
      return "a whole number, such as 42";
    case TypeKind::Double:
    case TypeKind::Decimal:
      return "a number, such as 1.5";
    case TypeKind::String:
      return type.is_identical(SqlType(TypeKind::String)) ? "a text in single quotes, such as 'a'"
                                                          : "";
    case TypeKind::Date:
      return "a date, such as '2024-01-31'";
    case TypeKind::Time:
      return "a time, such as '12:00:00'";
    case TypeKind::Timestamp:
      return "a time, such as '2024-01-31T12:00:00', or FROM_UNIXTIME(1706702400000)";
    case TypeKind::Bytes:
      return "bytes in hexadecimal digits, such as '\\x4142'";
    case TypeKind::Array:
      return "an array, such as ARRAY[1, 2]";
    case TypeKind::Map:
    case TypeKind::Struct:
      return constant_of(type);
    default:
      return "";
  }
}

std::string type_shown(const SqlType& type) {
  if (type.label() == label::kInt2) return "SMALLINT";
  return type.kind() == TypeKind::String ? "VARCHAR" : type.to_string();
}

// Returns the hint for a value that does not fit its column: the column with its type, an example of a value, and the
// hint that the error has already.
std::string hint_for_value(const Error& error, const ColumnDef& column) {
  std::string hint = fmt::format("Column {} is of type {}.", column.name, type_shown(column.type));
  const std::string example = example_value(column.type);
  // The message about a value of a type of PostgreSQL, such as uuid, names this type.
  const bool is_plain = column.type.is_identical(SqlType(TypeKind::String));
  if (column.type.kind() == TypeKind::String && !is_plain) return error.hint;
  // The message about a DECIMAL out of range has its limits, so an example would add nothing.
  const bool is_whole =
      column.type.kind() == TypeKind::Integer || column.type.kind() == TypeKind::Bigint;
  if (!error.hint.empty())
    hint += " " + error.hint;
  else if (!example.empty() && (error.code != ErrorCode::OutOfRange || is_whole))
    hint += fmt::format(" Use {}.", example);
  if (error.code == ErrorCode::OutOfRange && column.type.kind() == TypeKind::Integer)
    hint += " A column of type BIGINT takes larger numbers.";
  return hint;
}

class RowReader {
 public:
  RowReader(const InsertPlan& plan, const PlanContext& context, const EvalContext& evaluation)
      : plan_(plan), context_(context), evaluation_(evaluation), scope_(layout_, "INSERT VALUES") {
    scope_.custom_types = &context.catalog.types;
    scope_.fold_quoted_names = context.fold_quoted_names;
    scope_.parameters = context.parameters;
    scope_.texts_take_types = !context.settings.ksqldb_compat;
    scope_.forms = session_forms(context.properties);
    for (const ColumnDef& column : plan.source.schema.columns)
      columns_.push_back(std::make_shared<Column>(column.type));
  }

  Status append(const ExpressionList& row) {
    const bool is_all_default = row.empty();  // the statement has DEFAULT VALUES
    const bool is_short = plan_.may_be_short && row.size() < plan_.columns.size();
    if (row.size() != plan_.columns.size() && !is_all_default && !is_short)
      return wrong_count(plan_, row);
    std::vector<Value> values(columns_.size());
    std::vector<bool> is_given(columns_.size());
    int64_t timestamp = evaluation_.clock.wall_ms();
    for (size_t i = 0; i < row.size(); ++i) {
      const int index = plan_.columns[i];
      if (is_default_value(*row[i])) continue;
      if (index != kRowTimeColumn) is_given[static_cast<size_t>(index)] = true;
      if (index == kRowTimeColumn)
        timestamp = TRY(read_timestamp(*row[i]));
      else
        values[static_cast<size_t>(index)] = TRY(evaluate(*row[i], i));
    }
    for (size_t i = 0; i < values.size(); ++i)
      if (!is_given[i]) TRY(fill(i, values[i]));
    TRY(check_key(values));
    for (size_t i = 0; i < values.size(); ++i) columns_[i]->append_value(values[i]);
    timestamps_.push_back(timestamp);
    return {};
  }

  InsertBatch finish(std::shared_ptr<const DataSource> target) {
    return {std::move(target),
            {columns_.begin(), columns_.end()},
            std::move(timestamps_),
            std::move(serials_),
            std::move(defaults_)};
  }

 private:
  // Sets the value of a column that the row omits.
  Status fill(size_t index, Value& value) {
    const ColumnDef& column = plan_.source.schema.columns[index];
    if (column.is_serial) {
      note(index, serials_);
    } else if (!column.default_sql.empty()) {
      note(index, defaults_);
      value = TRY(default_value(column, context_, evaluation_));
    }
    return {};
  }
  void note(size_t column, std::vector<InsertBatch::Gaps>& of) const {
    auto gaps = std::ranges::find(of, column, &InsertBatch::Gaps::column);
    if (gaps == of.end()) gaps = of.insert(gaps, {column, {}});
    gaps->rows.push_back(timestamps_.size());
  }

  // Evaluates a value of the column, or of a field of it, as this type. For a type made by CREATE TYPE, ROW(...) and a
  // text are accepted.
  Result<Value> evaluate_as(const Expression& expression, const SqlType& type,
                            std::string_view column) {
    const bool is_composite = type.kind() == TypeKind::Struct && type.label() == label::kComposite;
    const auto* row = is_composite ? expression.as<FunctionCall>() : nullptr;
    if (row && row->name == "ROW") {
      if (row->arguments.size() != type.fields().size())
        return Error{ErrorCode::InvalidCast, "cannot cast type record to " + type.to_string(),
                     row->arguments.size() < type.fields().size() ? "Input has too few columns."
                                                                  : "Input has too many columns."}
            .at(expression.position);
      ValueList fields;
      for (size_t i = 0; i < row->arguments.size(); ++i)
        fields.push_back(TRY(evaluate_as(*row->arguments[i], type.fields()[i].type, column)));
      return Value::list(std::move(fields));
    }
    const bool is_read = (type.kind() == TypeKind::Array || type.kind() == TypeKind::Time) &&
                         scope_.texts_take_types;
    if (const auto* text = is_composite || is_read ? expression.as<StringLiteral>() : nullptr)
      return parse_text_value(type, text->value, "a value", scope_.forms);
    if (type.is_nested() && scope_.texts_take_types) {
      const ExpressionPtr typed = clone(expression);
      give_types_to_nulls(*typed, type);
      return assign_constant(*typed, type, column, scope_, evaluation_);
    }
    return assign_constant(expression, type, column, scope_, evaluation_);
  }

  Result<Value> evaluate(const Expression& expression, size_t position) {
    const int index = plan_.columns[position];
    const ColumnDef& column = plan_.source.schema.columns[static_cast<size_t>(index)];
    const SqlType& type = column.type;
    Result<Value> value = evaluate_as(expression, type, column.name);
    if (value && column.role == ColumnRole::Key && scope_.texts_take_types)
      return as_key(*std::move(value));
    if (value) return value;
    const auto* text = expression.as<StringLiteral>();
    Error error = value.error();
    if (is_about_value(error.code)) error.hint = hint_for_value(error, column);
    if (error.code != ErrorCode::TypeMismatch && !text) return error;
    error.ksqldb = fmt::format("Expected type {} for field `{}` but got {}", type.to_string(),
                               column_name(plan_, position),
                               text ? "STRING(" + text->value + ")" : to_sql(expression));
    return error;
  }

  // Returns the key in its normal form: -0 becomes 0, because equal numbers must have one key.
  Value as_key(Value value) const {
    const bool is_double =
        plan_.source.kind == SourceKind::Table && std::holds_alternative<double>(value.payload());
    return is_double ? Value::number(value.as_double() + 0.0) : value;
  }

  Result<int64_t> read_timestamp(const Expression& expression) {
    const Value value = TRY(evaluate_constant(expression, TypeKind::Bigint, scope_, evaluation_));
    if (!value.is_null() && value.as_int64() >= 0) return value.as_int64();
    return Error{ErrorCode::InvalidTimestamp, "ROWTIME must be 0 or greater"}.at(
        expression.position);
  }

  Status check_key(const std::vector<Value>& values) const {
    if (plan_.source.kind != SourceKind::Table) return {};
    for (size_t i = 0; i < values.size(); ++i) {
      const ColumnDef& column = plan_.source.schema.columns[i];
      if (column.role == ColumnRole::Key && !is_row_id(column) && !column.is_serial &&
          values[i].is_null())
        return Error{ErrorCode::NullValue,
                     fmt::format("Value for primary key column(s) `{}` is required for tables",
                                 column.name)};
    }
    return {};
  }

  const InsertPlan& plan_;
  const PlanContext& context_;
  const EvalContext& evaluation_;
  const Layout layout_ = {};
  Scope scope_;
  std::vector<std::shared_ptr<Column>> columns_;
  std::vector<int64_t> timestamps_;
  std::vector<InsertBatch::Gaps> serials_, defaults_;
};

Result<InsertBatch> plan_rows(const InsertValues& insert, const DataSource& source,
                              const PlanContext& context, const EvalContext& evaluation) {
  TRY(check_target(source, context));
  const InsertPlan plan =
      TRY(insert.columns.empty() ? all_columns(source) : listed_columns(insert, source, context));
  TRY(check_primary_key(plan));
  const auto is_of_other_length = [&](const ExpressionList& row) {
    return row.size() != insert.rows.front().size();
  };
  if (plan.may_be_short && std::ranges::any_of(insert.rows, is_of_other_length))
    return Error{ErrorCode::SyntaxError, "VALUES lists must all be the same length"};
  RowReader reader(plan, context, evaluation);
  for (const ExpressionList& row : insert.rows) TRY(reader.append(row));
  return reader.finish(context.catalog.sources().at(source.name));
}

}  // namespace

Status check_event_times(const DataSource& source, std::span<const ColumnPtr> columns, size_t rows,
                         size_t& row) {
  if (!source.timestamp) return {};
  const int index = source.schema.index_of(source.timestamp->column);
  if (index < 0 || !columns[static_cast<size_t>(index)]) return {};
  const Column& times = *columns[static_cast<size_t>(index)];
  const bool is_text = times.type().kind() == TypeKind::String;
  std::optional<TimePattern> pattern;
  if (is_text && source.timestamp->format)
    pattern = TRY(TimePattern::compile(*source.timestamp->format));
  for (row = 0; row < rows; ++row) {
    // A SELECT over a stream warns about such a record. A SELECT over a table reads only the stored rows, so it would
    // not report that the row is missing.
    if (times.is_null(row) && source.kind == SourceKind::Stream) continue;
    if (times.is_null(row))
      return Error{ErrorCode::NullValue,
                   fmt::format("column {} cannot be NULL: it has the time of the record",
                               source.timestamp->column),
                   fmt::format("Readers of {} skip a record without a time.", source.name)};
    if (is_text && !pattern) continue;
    const std::string_view text = is_text ? times.data<std::string_view>()[row] : "";
    const Result<int64_t> time = is_text ? pattern->parse_timestamp(text, TimeZone::utc())
                                         : Result<int64_t>(times.data<int64_t>()[row]);
    if (time && *time >= 0) continue;
    if (time)
      return Error{ErrorCode::InvalidDatetime,
                   fmt::format("time out of range for column {}: {}", source.timestamp->column,
                               is_text ? fmt::format("\"{}\"", shown_text(text))
                                       : fmt::format("{} ms before 1970",
                                                     static_cast<uint64_t>(-(*time + 1)) + 1)),
                   "The time of a record must be in 1970 or later."};
    return Error{
        ErrorCode::InvalidDatetime,
        fmt::format("invalid input for column {}: \"{}\" does not fit TIMESTAMP_FORMAT '{}'",
                    source.timestamp->column, shown_text(text), pattern->text())};
  }
  return {};
}

std::optional<int64_t> find_time_in_seconds(const DataSource& source,
                                            std::span<const ColumnPtr> columns,
                                            std::span<const int64_t> timestamps) {
  constexpr int64_t kLeast = 631'152'000;   // 1990 in seconds
  constexpr int64_t kMost = 4'102'444'800;  // 2100 in seconds
  const auto seems_seconds = [](int64_t time) { return time >= kLeast && time < kMost; };
  const int index = source.timestamp ? source.schema.index_of(source.timestamp->column) : -1;
  if (index >= 0) {
    const ColumnPtr& times = columns[static_cast<size_t>(index)];
    if (!times || times->type().kind() == TypeKind::String) return std::nullopt;
    timestamps = times->data<int64_t>();  // NULL is 0
  }
  const auto found = std::ranges::find_if(timestamps, seems_seconds);
  if (found == timestamps.end()) return std::nullopt;
  return *found;
}

Result<Value> default_value(const ColumnDef& column, const PlanContext& context,
                            const EvalContext& evaluation) {
  if (column.default_sql.empty()) return Value();
  const ExpressionPtr expression = TRY(parse_expression(column.default_sql));
  const Layout nothing;
  Scope scope(nothing, "DEFAULT");
  scope.custom_types = &context.catalog.types;
  scope.texts_take_types = !context.settings.ksqldb_compat;
  scope.forms = session_forms(context.properties);
  const auto* text = scope.texts_take_types ? expression->as<StringLiteral>() : nullptr;
  // a text such as '{}' is the DEFAULT of an array
  if (text && column.type.kind() == TypeKind::Array)
    return parse_text_value(column.type, text->value, "a value", scope.forms);
  return assign_constant(*expression, column.type, column.name, scope, evaluation);
}

int find_insert_column(const InsertColumn& column, const DataSource& source,
                       const PlanContext& context) {
  const int index = source.schema.index_of(column.name.text);
  if (index >= 0 || !context.fold_quoted_names || column.name.quoting != Quoting::Double)
    return index;
  return source.schema.index_of(absl::AsciiStrToUpper(column.name.text));
}

Error no_such_written_column(const InsertColumn& column, const DataSource& source) {
  std::vector<std::string> names;
  for (const ColumnDef& known : source.schema.columns)
    if (is_written(known)) names.push_back(known.name);
  Error error{ErrorCode::UndefinedColumn,
              fmt::format("column \"{}\" of relation \"{}\" does not exist",
                          display_name(column.name.text), display_name(source.name))};
  error.ksqldb = fmt::format("Column name `{}` does not exist.", column.name.text);
  const std::string guess = did_you_mean(column.name.text, names);
  error.hint =
      fmt::format("{}{}Columns: {}.", guess, guess.empty() ? "" : " ", absl::StrJoin(names, ", "));
  return std::move(error).at(column.position);
}

Result<InsertBatch> plan_insert_values(const InsertValues& insert, const PlanContext& context,
                                       const EvalContext& evaluation) {
  const DataSource* source = find_source(insert.target, context);
  if (!source) {
    if (auto refused =
            refuse_view(insert.target, insert.target_position, ViewChange::Insert, context.catalog))
      return *std::move(refused);
    return unknown_source(insert, context.catalog);
  }
  Result<InsertBatch> batch = plan_rows(insert, *source, context, evaluation);
  if (batch) return batch;
  Error error = batch.error();
  const std::string& why = error.ksqldb.empty() ? error.message : error.ksqldb;
  error.ksqldb = error.code == ErrorCode::UndefinedSource
                     ? "Failed to prepare statement: " + why
                     : fmt::format("Failed to insert values into '{}'. {}", source->name, why);
  return std::move(error).at(insert.target_position);
}

}  // namespace engine
