#include "engine/expr/bound.h"

#include <algorithm>

namespace engine {

namespace {

void collect_columns(const BoundExpression& expression, std::vector<uint32_t>& columns) {
  if (expression.kind == BoundKind::Column) columns.push_back(expression.index);
  for (const BoundExpression& child : expression.children) collect_columns(child, columns);
}

}  // namespace

std::optional<uint32_t> as_column(const BoundExpression& expression) {
  if (expression.kind != BoundKind::Column) return std::nullopt;
  return expression.index;
}

bool is_constant(const BoundExpression& expression) {
  if (expression.kind == BoundKind::Column || expression.kind == BoundKind::Parameter) return false;
  return expression.is_deterministic && std::ranges::all_of(expression.children, is_constant);
}

std::vector<uint32_t> referenced_columns(std::span<const BoundExpression> expressions) {
  std::vector<uint32_t> columns;
  for (const BoundExpression& expression : expressions) collect_columns(expression, columns);
  std::ranges::sort(columns);
  const auto repeated = std::ranges::unique(columns);
  columns.erase(repeated.begin(), repeated.end());
  return columns;
}

void remap_columns(BoundExpression& expression, std::span<const uint32_t> new_index) {
  if (expression.kind == BoundKind::Column) expression.index = new_index[expression.index];
  for (BoundExpression& child : expression.children) remap_columns(child, new_index);
}

BoundExpression literal_expression(SqlType type, Value value) {
  BoundExpression literal;
  literal.type = std::move(type);
  literal.literal = std::move(value);
  return literal;
}

BoundExpression column_expression(SqlType type, uint32_t index) {
  BoundExpression column;
  column.kind = BoundKind::Column;
  column.type = std::move(type);
  column.index = index;
  return column;
}

}  // namespace engine
