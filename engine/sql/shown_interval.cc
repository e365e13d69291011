#include "engine/sql/shown_interval.h"

#include <algorithm>

namespace engine {

bool shows_interval(const Expression& expression) {
  if (expression.is<StringLiteral>()) return true;
  if (const auto* cast = expression.as<Cast>()) return cast->type.custom_name == "INTERVAL";
  if (const auto* call = expression.as<FunctionCall>()) return call->name == "MAKE_INTERVAL";
  return (expression.is<Arithmetic>() || expression.is<Signed>()) &&
         std::ranges::any_of(children(expression),
                             [](const Expression* child) { return shows_interval(*child); });
}

}  // namespace engine
