#include "engine/plan/alias_hint.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace engine {

namespace {

// Returns the column at which the error was reported; null if another expression is at this
// position.
const ColumnRef* column_at(const Expression& expression, const TextPosition& position) {
  if (const auto* column = expression.as<ColumnRef>();
      column && !column->source && expression.position == position)
    return column;
  for (const Expression* child : children(expression))
    if (const ColumnRef* found = column_at(*child, position)) return found;
  return nullptr;
}

}  // namespace

Error with_alias_hint(Error error, const Expression& condition, std::string_view clause,
                      const std::vector<std::string>& names) {
  if (error.code != ErrorCode::UndefinedColumn || !error.position) return error;
  const ColumnRef* column = column_at(condition, *error.position);
  if (!column || std::ranges::find(names, column->name.text) == names.end()) return error;
  return std::move(error).with_hint(
      fmt::format("{} does not know names of the SELECT. Repeat the expression of {} in {}.",
                  clause, column->name.text, clause));
}

std::vector<std::string> aliases_of(const Query& query) {
  std::vector<std::string> names;
  for (const SelectItem& item : query.items)
    if (item.alias) names.push_back(item.alias->text);
  return names;
}

std::vector<std::string> aliases_of(const Analysis& analysis) {
  std::vector<std::string> names;
  for (const AnalysedItem& item : analysis.items)
    if (!item.is_generated) names.push_back(item.name);
  return names;
}

}  // namespace engine
