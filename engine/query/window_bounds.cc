#include "engine/query/window_bounds.h"

#include <algorithm>

#include "engine/types/schema.h"
#include "engine/types/text_time.h"

namespace engine {

namespace {

class WindowBoundsAnalysis {
 public:
  WindowBoundsAnalysis(const Scope& scope, const EvalContext& eval) : scope_(scope), eval_(eval) {}

  WindowBounds of(const Expression& condition) const {
    if (const auto* logical = condition.as<Logical>()) {
      const WindowBounds left = of(*logical->left), right = of(*logical->right);
      return logical->op == LogicalOp::And ? both(left, right) : either(left, right);
    }
    if (const auto* comparison = condition.as<Comparison>())
      return both(compared(*comparison->left, comparison->op, *comparison->right),
                  compared(*comparison->right, mirrored(comparison->op), *comparison->left));
    if (const auto* between = condition.as<Between>(); between && !between->negated)
      return both(compared(*between->value, ComparisonOp::GreaterOrEqual, *between->lower),
                  compared(*between->value, ComparisonOp::LessOrEqual, *between->upper));
    return {};
  }

 private:
  static ComparisonOp mirrored(ComparisonOp op) {
    switch (op) {
      case ComparisonOp::Less:
        return ComparisonOp::Greater;
      case ComparisonOp::LessOrEqual:
        return ComparisonOp::GreaterOrEqual;
      case ComparisonOp::Greater:
        return ComparisonOp::Less;
      case ComparisonOp::GreaterOrEqual:
        return ComparisonOp::LessOrEqual;
      default:
        return op;
    }
  }

  // A text is read as a timestamp, as in the binder.
  std::optional<int64_t> number(const Expression& constant) const {
    if (const auto* text = constant.as<StringLiteral>()) return parse_timestamp(text->value);
    const Result<Value> value = evaluate_constant(constant, TypeKind::Bigint, scope_, eval_);
    if (!value || value->is_null()) return std::nullopt;
    return value->as_int64();
  }

  // Returns the bounds of one comparison. The constant itself is always within the bounds, because
  // it may have been rounded from a fraction.
  WindowBounds compared(const Expression& column, ComparisonOp op,
                        const Expression& constant) const {
    const auto* name = column.as<ColumnRef>();
    if (!name || (name->name != kWindowStart && name->name != kWindowEnd)) return {};
    const std::optional<int64_t> value = number(constant);
    if (!value) return {};
    const bool is_start = name->name == kWindowStart;
    WindowBounds bounds;
    int64_t& first = is_start ? bounds.first_start : bounds.first_end;
    int64_t& last = is_start ? bounds.last_start : bounds.last_end;
    switch (op) {
      case ComparisonOp::Equal:
        first = last = *value;
        break;
      case ComparisonOp::Less:
      case ComparisonOp::LessOrEqual:
        last = *value;
        break;
      case ComparisonOp::Greater:
      case ComparisonOp::GreaterOrEqual:
        first = *value;
        break;
      default:
        break;
    }
    return bounds;
  }

  static WindowBounds both(const WindowBounds& a, const WindowBounds& b) {
    return {std::max(a.first_start, b.first_start), std::min(a.last_start, b.last_start),
            std::max(a.first_end, b.first_end), std::min(a.last_end, b.last_end)};
  }
  static WindowBounds either(const WindowBounds& a, const WindowBounds& b) {
    return {std::min(a.first_start, b.first_start), std::max(a.last_start, b.last_start),
            std::min(a.first_end, b.first_end), std::max(a.last_end, b.last_end)};
  }

  const Scope& scope_;
  const EvalContext& eval_;
};

}  // namespace

WindowBounds window_bounds(const Expression& condition, const Scope& scope,
                           const EvalContext& eval) {
  return WindowBoundsAnalysis(scope, eval).of(condition);
}

}  // namespace engine
