#include "engine/plan/source_schema.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "engine/sql/postgres_lengths.h"
#include "engine/types/declared_lengths.h"
#include "engine/types/postgres_types.h"
#include "engine/types/row_limit.h"

namespace engine {
namespace {

SqlType headers_type() {
  return SqlType::array(
      SqlType::structure({{"KEY", TypeKind::String}, {"VALUE", TypeKind::Bytes}}));
}

Status check_headers_type(const TableElement& element, const SqlType& type) {
  const bool is_all = element.constraint == ColumnConstraint::Headers;
  const SqlType expected = is_all ? headers_type() : SqlType(TypeKind::Bytes);
  if (type == expected) return {};
  return Error{ErrorCode::InvalidStatement,
               fmt::format("Invalid type for {} column: expected {}, got {}",
                           is_all ? "HEADERS" : "HEADER('" + element.header_key + "')",
                           expected.to_string(), type.to_string())}
      .at(element.position);
}

// Replaces types of the dialect by PostgreSQL's types with the same name.
TypeName as_of_postgres(TypeName name) {
  for (TypeName& part : name.parts) part = as_of_postgres(std::move(part));
  const bool has_length = name.kind == TypeKind::String && name.custom_name.empty() &&
                          (name.precision > 0 || name.scale == 1);
  if (name.kind != TypeKind::Timestamp && !has_length) return name;
  name.custom_name = has_length ? "VARCHAR" : "TIMESTAMP";
  name.kind = TypeKind::Null;
  return name;
}

Result<ColumnDef> read_column(const TableElement& element, const CustomTypes& types,
                              ColumnTypes column_types) {
  if (is_system_column(element.name.text) || element.name == kRowId)
    return Error{ErrorCode::InvalidStatement,
                 fmt::format("'{}' is a reserved column name. You cannot use it as a name for a "
                             "column.",
                             element.name.text)}
        .with_hint(
            "Use another name. Every stream and table has the column ROWTIME, the time of a "
            "record.")
        .at(element.position);
  SqlType type = TRY(read_column_type(element.type, types, column_types));
  ColumnDef column{element.name.text, std::move(type)};
  column.is_not_null = element.is_not_null;
  column.is_serial = element.is_serial;
  column.default_sql = element.default_sql;
  switch (element.constraint) {
    case ColumnConstraint::None:
      break;
    case ColumnConstraint::Key:
    case ColumnConstraint::PrimaryKey:
      column.role = ColumnRole::Key;
      break;
    case ColumnConstraint::Headers:
    case ColumnConstraint::Header:
      TRY(check_headers_type(element, column.type));
      column.role = ColumnRole::Headers;
      column.header_key = element.header_key;
      break;
  }
  return column;
}

// Fails unless the columns have at most one HEADERS column, or HEADER columns with different keys.
Status check_headers(std::span<const TableElement> elements, const Schema& schema) {
  std::vector<std::string> header_keys;
  bool has_all = false;
  for (const ColumnDef& column : schema.columns) {
    if (column.role != ColumnRole::Headers) continue;
    const auto element = std::ranges::find_if(
        elements, [&](const TableElement& one) { return one.name == column.name; });
    const auto refuse = [&](std::string message) {
      return Error{ErrorCode::InvalidStatement, std::move(message)}.at(element->position);
    };
    const bool is_all = column.header_key.empty();
    if (has_all || (is_all && !header_keys.empty()))
      return refuse("Schema already contains a HEADERS column.");
    if (std::ranges::find(header_keys, column.header_key) != header_keys.end())
      return refuse(
          fmt::format("Schema already contains a HEADER('{}') column.", column.header_key));
    if (is_all)
      has_all = true;
    else
      header_keys.push_back(column.header_key);
  }
  return {};
}

// Returns the type with the label smallint only. Readers refuse records beyond the range of smallint; they do not
// check the ranges of real and oid.
SqlType without_unchecked_label(const SqlType& type) {
  if (type.kind() == TypeKind::Array)
    return SqlType::array(without_unchecked_label(type.element()));
  return type.label() == label::kInt2 ? type : without_narrow_label(type);
}

// Returns the type if it has a length that only tables in PostgreSQL's words enforce, such as "VARCHAR(20)".
// Returns an empty text for other types.
std::string limited_type(const SqlType& type) {
  if (type.kind() == TypeKind::Array) {
    const std::string element = limited_type(type.element());
    return element.empty() ? element : element + "[]";
  }
  const bool is_char = type.label() == label::kBpchar;
  if ((!is_char && type.label() != label::kVarchar) || type.modifier() == -1) return {};
  constexpr int32_t kHeader = 4;  // an atttypmod counts PostgreSQL's header of a text
  return fmt::format("{}({})", is_char ? "CHAR" : "VARCHAR", type.modifier() - kHeader);
}

}  // namespace

std::optional<std::string> unchecked_limits(std::span<const TableElement> elements,
                                            const CustomTypes& types) {
  constexpr size_t kShown = 10;
  std::vector<std::string> texts;
  for (const TableElement& element : elements) {
    const auto declared = read_column_type(element.type, types, ColumnTypes::OfPostgres);
    const auto stored = read_column_type(element.type, types, ColumnTypes::OfDialect);
    const std::string limited = declared ? limited_type(*declared) : std::string();
    if (limited.empty() || !stored) continue;
    texts.push_back(
        fmt::format("{} {} is stored as {}", element.name.text, limited, stored->to_string()));
  }
  if (texts.empty()) return std::nullopt;
  const size_t more = texts.size() - std::min(texts.size(), kShown);
  texts.resize(texts.size() - more);
  std::string text = fmt::format("lengths of types are not checked: {}", fmt::join(texts, ", "));
  return more > 0 ? fmt::format("{}, and {} more", text, more) : text;
}

Result<SqlType> read_column_type(const TypeName& name, const CustomTypes& types,
                                 ColumnTypes column_types) {
  if (column_types == ColumnTypes::OfPostgres)
    return resolve_type(as_of_postgres(with_postgres_lengths(name)), types);
  // Programs that write to the topic do not respect lengths, so the declared lengths are dropped.
  return without_declared_lengths(without_unchecked_label(TRY(resolve_type(name, types))));
}

Result<Schema> read_schema(std::span<const TableElement> elements, const CustomTypes& types,
                           ColumnTypes column_types) {
  Schema schema;
  size_t fields = 0;
  for (const TableElement& element : elements) {
    ColumnDef column = TRY(read_column(element, types, column_types));
    fields += field_count(column.type);
    if (fields > kMaxRowFields) return too_many_fields().at(element.position);
    if (schema.index_of(column.name) >= 0)
      return Error{ErrorCode::DuplicateColumn,
                   fmt::format("Duplicate column names: {}", column.name)}
          .with_hint("Each column needs a name of its own.")
          .at(element.position);
    schema.columns.push_back(std::move(column));
  }
  TRY(check_headers(elements, schema));
  std::ranges::stable_partition(
      schema.columns, [](const ColumnDef& column) { return column.role == ColumnRole::Key; });
  return schema;
}

Status check_columns(const Schema& schema) {
  size_t fields = 0;
  for (size_t i = 0; i < schema.columns.size(); ++i) {
    const ColumnDef& column = schema.columns[i];
    if (is_system_column(column.name))
      return Error{ErrorCode::InvalidStatement,
                   fmt::format("'{}' is a reserved column name. You cannot use it as a name for a "
                               "column.",
                               column.name)};
    if (schema.index_of(column.name) != static_cast<int>(i))
      return Error{ErrorCode::DuplicateColumn,
                   fmt::format("Duplicate column names: {}", column.name)};
    fields += field_count(column.type);
    if (fields > kMaxRowFields) return too_many_fields();
  }
  return {};
}

}  // namespace engine
