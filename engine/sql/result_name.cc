#include "engine/sql/result_name.h"

#include <string_view>

#include "engine/sql/ast_query.h"

namespace engine {

namespace {

constexpr std::string_view kNone = "?column?";

// Returns the name of the type in pg_type.
std::string name_of_type(const TypeName& type) {
  if (type.custom_name == "\"char\"") return "CHAR";
  // In SQL these types have other names than in pg_type.
  if (type.custom_name == "SMALLINT") return "INT2";
  if (type.custom_name == "REAL") return "FLOAT4";
  if (!type.custom_name.empty()) return type.custom_name;
  switch (type.kind) {
    case TypeKind::Boolean:
      return "BOOL";
    case TypeKind::Integer:
      return "INT4";
    case TypeKind::Bigint:
      return "INT8";
    case TypeKind::Double:
      return "FLOAT8";
    case TypeKind::Decimal:
      return "NUMERIC";
    case TypeKind::String:
      return "TEXT";
    case TypeKind::Bytes:
      return "BYTEA";
    case TypeKind::Date:
      return "DATE";
    case TypeKind::Time:
      return "TIME";
    case TypeKind::Timestamp:
      return "TIMESTAMPTZ";
    case TypeKind::Array:
      return type.parts.empty() ? std::string(kNone) : name_of_type(type.parts.front());
    default:
      return "JSONB";
  }
}

bool is_of_type(const Expression& expression, const std::string& name) {
  const auto* cast = expression.as<Cast>();
  return cast && name == name_of_type(cast->type);
}

}  // namespace

std::string result_name(const Expression& expression) {
  if (const auto* column = expression.as<ColumnRef>()) return column->name.text;
  if (const auto* part = expression.as<Dereference>()) return part->field.text;
  if (const auto* call = expression.as<FunctionCall>(); call && !call->is_operator)
    return call->name == "TRIM" ? "BTRIM" : call->name;  // PostgreSQL's TRIM() calls BTRIM
  if (const auto* element = expression.as<Subscript>()) return result_name(*element->base);
  if (expression.is<ArrayConstructor>()) return "ARRAY";
  if (expression.is<AtTimeZone>()) return "TIMEZONE";  // the operator calls TIMEZONE
  if (const auto* cast = expression.as<Cast>()) {
    std::string inner = result_name(*cast->operand);
    const bool is_weak =
        inner == kNone || cast->operand->is<Case>() || is_of_type(*cast->operand, inner);
    return is_weak ? name_of_type(cast->type) : inner;
  }
  if (const auto* choice = expression.as<Case>()) {
    if (!choice->otherwise) return "CASE";
    std::string name = result_name(*choice->otherwise);
    return name == kNone || is_of_type(*choice->otherwise, name) ? "CASE" : name;
  }
  if (const auto* subquery = expression.as<Subquery>()) {
    if (subquery->kind == SubqueryKind::Exists) return "EXISTS";
    const Query& query = *subquery->query;
    if (subquery->kind == SubqueryKind::Scalar && query.items.size() == 1) {
      const SelectItem& item = query.items.front();
      if (item.alias) return item.alias->text;
      if (item.kind == SelectItemKind::Expression) return result_name(*item.expression);
    }
  }
  return std::string(kNone);
}

}  // namespace engine
