#include "engine/query/scan_restrictions.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace engine {

namespace {

// Returns a copy of the expression that has these children.
BoundExpression with_children(const BoundExpression& expression,
                              std::vector<BoundExpression> children) {
  BoundExpression made;
  made.kind = expression.kind;
  made.type = expression.type;
  made.position = expression.position;
  made.knows_unknown = expression.knows_unknown;
  made.children = std::move(children);
  return made;
}

}  // namespace

bool is_safe_anywhere(const BoundExpression& expression) {
  using enum BoundKind;
  switch (expression.kind) {
    case Literal:
    case Column:
      return true;
    case And:
    case Or:
      break;
    case Call:
      if (expression.can_fail || expression.refuses_null != 0 || !expression.is_deterministic)
        return false;
      break;
    default:
      return false;
  }
  return std::ranges::all_of(expression.children, is_safe_anywhere);
}

std::optional<BoundExpression> restriction_of(const BoundExpression& condition, uint32_t first,
                                              uint32_t end) {
  if (condition.kind != BoundKind::And && condition.kind != BoundKind::Or) {
    const std::vector<uint32_t> columns = referenced_columns({&condition, 1});
    const bool is_within = !columns.empty() && columns.front() >= first && columns.back() < end;
    return is_within && is_safe_anywhere(condition) ? std::optional(condition) : std::nullopt;
  }
  const bool is_or = condition.kind == BoundKind::Or;
  std::vector<BoundExpression> parts;
  // A long list of alternatives (OR) is nested on the left. The loop begins with the last alternative: it often shows
  // that the condition restricts nothing, and then the other alternatives need not be examined.
  for (auto child = condition.children.rbegin(); child != condition.children.rend(); ++child) {
    auto part = restriction_of(*child, first, end);
    if (!part && is_or) return std::nullopt;
    if (part) parts.push_back(*std::move(part));
  }
  if (parts.empty()) return std::nullopt;
  if (parts.size() == 1) return std::move(parts.front());
  std::ranges::reverse(parts);
  return with_children(condition, std::move(parts));
}

}  // namespace engine
