#include "engine/expr/whole_numeric.h"

#include <algorithm>

#include "engine/expr/kernels.h"
#include "engine/functions/adapters.h"
#include "engine/types/blanks.h"
#include "engine/types/numeric_alone.h"
#include "engine/types/postgres_types.h"

namespace engine {

namespace {

Result<Decimal> whole_of_text(std::string_view text) {
  return Decimal{TRY(numeric_alone(without_blanks(text))), kScaleOfNumeric};
}
Result<Decimal> whole_of_decimal(Decimal number) {
  return Decimal{TRY(numeric_alone(number)), kScaleOfNumeric};
}
Result<Decimal> whole_of_double(double number) {
  return Decimal{TRY(numeric_alone(number)), kScaleOfNumeric};
}

}  // namespace

bool names_number(const Expression& expression) {
  if (const auto* sign = expression.as<Signed>()) return names_number(*sign->operand);
  return expression.is<DecimalLiteral>() || expression.is<DoubleLiteral>() ||
         expression.is<StringLiteral>() || expression.is<Parameter>() || expression.is<ColumnRef>();
}

bool names_number(const Query& query, size_t item) {
  if (!query.values.empty())
    return std::ranges::all_of(query.values, [&](const ExpressionList& row) {
      return item >= row.size() || names_number(*row[item]);
    });
  if (query.combined || item >= query.items.size()) return false;
  const bool names_all = std::ranges::all_of(
      query.items, [](const SelectItem& each) { return each.kind == SelectItemKind::Expression; });
  if (!names_all) return true;
  const Expression& expression = *query.items[item].expression;
  const auto* column = expression.as<ColumnRef>();
  if (column == nullptr || !query.from || !query.from->query) return names_number(expression);
  const auto& names = query.from->columns;
  const auto inner = std::ranges::find(names, column->name.text, &Name::text);
  return inner == names.end() ||
         names_number(*query.from->query, static_cast<size_t>(inner - names.begin()));
}

void whole_numeric_kernel(KernelCall& call) {
  switch (call.args[0].type().kind()) {
    case TypeKind::Decimal:
      return row_kernel<whole_of_decimal>(call);
    case TypeKind::Double:
      return row_kernel<whole_of_double>(call);
    case TypeKind::String:
      return row_kernel<whole_of_text>(call);
    default:
      return cast_kernel(call);
  }
}

}  // namespace engine
