#include "engine/query/written_keys.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "engine/query/select_subqueries.h"

namespace engine {

namespace {

// More are not worth looking up one by one.
constexpr size_t kMostRows = 1000;

struct Equality {
  const Expression* column;  // of the table
  size_t place;              // in the written rows
};

// Its value is the same whenever it is computed.
bool is_fixed(const Expression& expression) {
  if (const auto* cast = expression.as<Cast>()) return is_fixed(*cast->operand);
  if (const auto* number = expression.as<Signed>()) return is_fixed(*number->operand);
  return expression.is<Parameter>() || expression.is<StringLiteral>() ||
         expression.is<IntegerLiteral>() || expression.is<BigintLiteral>() ||
         expression.is<DecimalLiteral>() || expression.is<DoubleLiteral>() ||
         expression.is<BooleanLiteral>() || expression.is<NullLiteral>();
}

bool is_of(const ColumnRef* column, const SelectSource& source) {
  return column && column->source && column->source->text == source.alias;
}

std::optional<Equality> equality_of(const Expression& condition, const SelectSource& first,
                                    const SelectSource& table) {
  const auto* comparison = condition.as<Comparison>();
  if (!comparison || comparison->op != ComparisonOp::Equal) return std::nullopt;
  const Expression *written = comparison->left.get(), *column = comparison->right.get();
  if (!is_of(written->as<ColumnRef>(), first)) std::swap(written, column);
  if (!is_of(written->as<ColumnRef>(), first) || !is_of(column->as<ColumnRef>(), table))
    return std::nullopt;
  const auto found =
      std::ranges::find(first.columns, written->as<ColumnRef>()->name.text, &LayoutColumn::name);
  if (found == first.columns.end()) return std::nullopt;
  return Equality{column, static_cast<size_t>(found - first.columns.begin())};
}

ExpressionPtr both(ExpressionPtr left, ExpressionPtr right, LogicalOp op) {
  if (!left) return right;
  const TextPosition at = right->position;
  return make_expression(Logical{op, std::move(left), std::move(right)}, at);
}

}  // namespace

ExpressionPtr keys_of_written_rows(const Expression& on, const AliasedSource& from,
                                   const SelectSource& first, const SelectSource& table) {
  if (!from.query || from.query->values.empty() || from.query->values.size() > kMostRows)
    return nullptr;
  std::vector<const Expression*> conjuncts;
  split(on, conjuncts);
  std::vector<Equality> equalities;
  for (const Expression* each : conjuncts)
    if (const auto found = equality_of(*each, first, table)) equalities.push_back(*found);
  if (equalities.empty()) return nullptr;
  ExpressionPtr keys;
  for (const ExpressionList& row : from.query->values) {
    ExpressionPtr of_row;
    for (const Equality& each : equalities) {
      if (each.place >= row.size() || !is_fixed(*row[each.place])) return nullptr;
      Comparison equals{ComparisonOp::Equal, clone(*each.column), clone(*row[each.place])};
      of_row = both(std::move(of_row),
                    make_expression(std::move(equals), row[each.place]->position), LogicalOp::And);
    }
    keys = both(std::move(keys), std::move(of_row), LogicalOp::Or);
  }
  return keys;
}

}  // namespace engine
