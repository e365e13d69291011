#include "engine/expr/written_text.h"

#include "engine/expr/binder.h"
#include "engine/expr/zones.h"

namespace engine {

Result<BoundExpression> bind_written_text(const StringLiteral& text, const SqlType& type,
                                          const Scope& scope) {
  BoundExpression literal = literal_expression(TypeKind::String, Value::text(text.value));
  if (auto value = literal_in(scope, literal, type))
    return literal_expression(type, *std::move(value));
  return with_nulls_of(scope, TRY(cast(std::move(literal), type)));
}

}  // namespace engine
