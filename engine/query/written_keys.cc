#include "engine/query/written_keys.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "engine/expr/assigned.h"

namespace engine {

namespace {

// Limit for the keys of a look-up, because looking up more keys one by one is not faster than a scan.
constexpr size_t kMostRows = 1000;

struct WrittenEquality {
  const Expression* column;  // a column of the table
  size_t place;              // position in the rows of VALUES
};

const FunctionCall* as_assigned(const Expression& expression) {
  const auto* call = expression.as<FunctionCall>();
  return call && call->name == kAssigned ? call : nullptr;
}

// Returns whether the expression has the same value each time it is computed.
bool is_fixed(const Expression& expression) {
  if (const auto* call = as_assigned(expression)) return is_fixed(*call->arguments.front());
  if (const auto* cast = expression.as<Cast>()) return is_fixed(*cast->operand);
  if (const auto* number = expression.as<Signed>()) return is_fixed(*number->operand);
  return expression.is<Parameter>() || expression.is<StringLiteral>() ||
         expression.is<IntegerLiteral>() || expression.is<BigintLiteral>() ||
         expression.is<DecimalLiteral>() || expression.is<DoubleLiteral>() ||
         expression.is<BooleanLiteral>() || expression.is<NullLiteral>();
}

// Returns the column that the expression consists of, apart from casts; null if it is anything else.
const ColumnRef* column_within(const Expression& expression) {
  if (const auto* call = as_assigned(expression)) return column_within(*call->arguments.front());
  if (const auto* cast = expression.as<Cast>()) return column_within(*cast->operand);
  return expression.as<ColumnRef>();
}
// Returns `value` with the casts of `expression` applied to it.
ExpressionPtr casts_of(const Expression& expression, const Expression& value) {
  if (expression.is<ColumnRef>()) return clone(value);
  ExpressionPtr copy = clone(expression);
  for (ExpressionPtr* child : children(*copy)) *child = casts_of(**child, value);
  return copy;
}

// Returns the values that the rows of VALUES have at this position, each at least once; nullopt if they are unknown.
// If the source is a query over VALUES, the list may contain values of rows that the query leaves out.
std::optional<ExpressionList> written_values(const AliasedSource& source, size_t place) {
  if (!source.query || source.query->combined) return std::nullopt;
  const Query& query = *source.query;
  ExpressionList values;
  if (!query.values.empty()) {
    if (query.values.size() > kMostRows) return std::nullopt;
    for (const ExpressionList& row : query.values) {
      if (place >= row.size() || !is_fixed(*row[place])) return std::nullopt;
      values.push_back(clone(*row[place]));
    }
    return values;
  }
  const auto is_one_column = [](const SelectItem& item) {
    return item.kind == SelectItemKind::Expression;
  };
  if (!query.from || !query.joins.empty() || place >= query.items.size() ||
      !std::ranges::all_of(query.items, is_one_column))
    return std::nullopt;
  const Expression& item = *query.items[place].expression;
  if (is_fixed(item)) {
    values.push_back(clone(item));
    return values;
  }
  const auto* column = column_within(item);
  if (!column) return std::nullopt;
  const auto found = std::ranges::find(query.from->columns, column->name.text, &Name::text);
  if (found == query.from->columns.end()) return std::nullopt;
  auto within =
      written_values(*query.from, static_cast<size_t>(found - query.from->columns.begin()));
  if (within)
    for (ExpressionPtr& value : *within) value = casts_of(item, *value);
  return within;
}

bool is_of(const ColumnRef* column, const SelectSource& source) {
  return column && column->source && column->source->text == source.alias;
}

std::optional<WrittenEquality> equality_of(const Expression& condition, const SelectSource& first,
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
  return WrittenEquality{column, static_cast<size_t>(found - first.columns.begin())};
}

ExpressionPtr both(ExpressionPtr left, ExpressionPtr right, LogicalOp op) {
  if (!left) return right;
  const TextPosition at = right->position;
  return make_expression(Logical{op, std::move(left), std::move(right)}, at);
}

}  // namespace

bool has_written_rows(const AliasedSource& source) {
  return source.query && (!source.query->values.empty() ||
                          (source.query->from && has_written_rows(*source.query->from)));
}

ExpressionPtr keys_of_written_rows(std::span<const Expression* const> conditions,
                                   const AliasedSource& written, const SelectSource& rows,
                                   const SelectSource& table) {
  struct Asked {
    const Expression* of_table;
    ExpressionList values;  // one per row, or one for all rows
  };
  std::vector<Asked> columns;
  size_t count = 0;
  for (const Expression* each : conditions) {
    const auto equality = equality_of(*each, rows, table);
    if (!equality) continue;
    if (auto values = written_values(written, equality->place)) {
      count = std::max(count, values->size());
      columns.push_back({equality->column, *std::move(values)});
    }
  }
  ExpressionPtr keys;
  for (size_t row = 0; row < count; ++row) {
    ExpressionPtr of_row;
    for (const Asked& column : columns) {
      const Expression& value = *column.values[column.values.size() == 1 ? 0 : row];
      Comparison equals{ComparisonOp::Equal, clone(*column.of_table), clone(value)};
      of_row = both(std::move(of_row), make_expression(std::move(equals), value.position),
                    LogicalOp::And);
    }
    keys = both(std::move(keys), std::move(of_row), LogicalOp::Or);
  }
  return keys;
}

}  // namespace engine
