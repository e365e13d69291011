#include "engine/query/key_candidates.h"

#include <algorithm>

#include "engine/sql/rewrite.h"

namespace engine {

namespace {

using Candidates = std::optional<std::vector<KeyAssignment>>;

// Candidates of a condition that is true for no key.
const Candidates kNoCandidates{std::in_place};

// Limit for candidates, because looking up more keys than this one by one is not faster than a
// scan.
constexpr size_t kMaxCandidates = 1000;

class KeyRangeAnalysis {
 public:
  KeyRangeAnalysis(const std::vector<ColumnDef>& keys, const Scope& scope, const EvalContext& eval)
      : keys_(keys), scope_(scope), eval_(eval) {}

  Candidates of(const Expression& condition) const {
    if (const auto* logical = condition.as<Logical>())
      return logical->op == LogicalOp::And ? both(of(*logical->left), of(*logical->right))
                                           : either(of(*logical->left), of(*logical->right));
    if (const auto* comparison = condition.as<Comparison>()) {
      if (comparison->op != ComparisonOp::Equal) return std::nullopt;
      if (Candidates found = equality(*comparison->left, *comparison->right)) return found;
      return equality(*comparison->right, *comparison->left);
    }
    if (const auto* in = condition.as<In>()) return listed(*in);
    if (const auto* call = condition.as<FunctionCall>()) return contained(*call);
    return std::nullopt;
  }

 private:
  std::optional<size_t> key_index(const Expression& expression) const {
    const auto* column = expression.as<ColumnRef>();
    if (!column) return std::nullopt;
    for (size_t i = 0; i < keys_.size(); ++i)
      if (keys_[i].name == column->name.text) return i;
    return std::nullopt;
  }

  Candidates equality(const Expression& column, const Expression& constant) const {
    const auto index = key_index(column);
    if (!index) return std::nullopt;
    // An expression that is not a constant, or that does not convert to the type of the key, does not limit the
    // keys. The filter reports its error, if it has one.
    Result<Value> value = evaluate_constant(constant, keys_[*index].type, scope_, eval_);
    if (!value) return std::nullopt;
    if (value->is_null()) return kNoCandidates;  // no key is null, so nothing equals the value
    std::vector<KeyAssignment> found;
    add(found, *index, *value);
    return found;
  }

  // Adds a candidate. 0 and -0 are equal, but records of producers other than SQL may have both of
  // them as different keys.
  static void add(std::vector<KeyAssignment>& found, size_t index, const Value& value) {
    const auto* number = std::get_if<double>(&value.payload());
    if (!number || *number != 0) return found.push_back({{index, value}});
    for (const double zero : {0.0, -0.0}) found.push_back({{index, Value::number(zero)}});
  }

  Candidates listed(const In& in) const {
    if (in.negated || in.list.size() > kMaxCandidates) return std::nullopt;
    std::vector<KeyAssignment> found;
    for (const ExpressionPtr& item : in.list) {
      const Candidates one = equality(*in.value, *item);
      if (!one) return std::nullopt;
      found.insert(found.end(), one->begin(), one->end());
    }
    return found;
  }

  // Returns the candidates of key = ANY(array) and ARRAY_CONTAINS(array, key).
  Candidates contained(const FunctionCall& call) const {
    const bool is_list = call.name == kEqualAny || call.name == "ARRAY_CONTAINS";
    if (!is_list || call.arguments.size() != 2) return std::nullopt;
    const auto index = key_index(*call.arguments[1]);
    if (!index) return std::nullopt;
    const SqlType type = SqlType::array(keys_[*index].type);
    const Result<Value> array = evaluate_constant(*call.arguments[0], type, scope_, eval_);
    if (!array) return std::nullopt;
    if (array->is_null()) return kNoCandidates;
    if (array->as_list().size() > kMaxCandidates) return std::nullopt;
    std::vector<KeyAssignment> found;
    for (const Value& item : array->as_list())
      if (!item.is_null()) add(found, *index, item);  // a null item matches no key
    return found;
  }

  static Candidates either(Candidates left, Candidates right) {
    if (!left || !right || left->size() + right->size() > kMaxCandidates) return std::nullopt;
    left->insert(left->end(), right->begin(), right->end());
    return left;
  }

  static Candidates both(Candidates left, Candidates right) {
    if (!left || !right) return left ? left : right;
    if (left->size() * right->size() > kMaxCandidates) return left;
    std::vector<KeyAssignment> found;
    for (const KeyAssignment& a : *left)
      for (const KeyAssignment& b : *right) {
        KeyAssignment merged = a;
        const bool agree = std::ranges::all_of(b, [&](const auto& entry) {
          const auto [at, is_new] = merged.insert(entry);
          return is_new || at->second == entry.second;
        });
        if (agree) found.push_back(std::move(merged));
      }
    return found;
  }

  const std::vector<ColumnDef>& keys_;
  const Scope& scope_;
  const EvalContext& eval_;
};

}  // namespace

std::optional<std::vector<KeyAssignment>> key_candidates(const Expression& condition,
                                                         const std::vector<ColumnDef>& keys,
                                                         const Scope& scope,
                                                         const EvalContext& eval) {
  Candidates found = KeyRangeAnalysis(keys, scope, eval).of(condition);
  if (!found) return std::nullopt;
  const bool complete = std::ranges::all_of(
      *found, [&](const KeyAssignment& assignment) { return assignment.size() == keys.size(); });
  return complete ? found : std::nullopt;
}

}  // namespace engine
