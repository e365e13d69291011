#include "engine/query/view_shapes.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "engine/functions/registry.h"
#include "engine/plan/rows_inputs.h"

namespace engine {

namespace {

enum Shape : size_t {
  kFilter,
  kCompute,
  kJoinByEquality,
  kJoinOtherwise,
  kLateral,
  kGroup,
  kGroupingSets,
  kDistinct,
  kUnion,
  kIntersect,
  kScalarSubquery,
  kExists,
  kIn,
  kUncorrelatedComparison,
  kTop,
  kUnnest,
  kWindowByPartition,
  kWindowOverAll,
  kValues,
  kRecursion,
  kVolatile,
  kSystemTable,
  kShapes,
};

constexpr ViewShape kViewShapes[] = {
    {"WHERE, HAVING", ViewClass::Incremental},
    {"expressions and functions", ViewClass::Incremental},
    {"joins with an equality (inner, left, right, full)", ViewClass::Incremental},
    {"joins without an equality", ViewClass::Recompute},
    {"LATERAL", ViewClass::Incremental},
    {"GROUP BY, aggregates", ViewClass::Incremental},
    {"GROUPING SETS, ROLLUP, CUBE", ViewClass::Incremental},
    {"DISTINCT, DISTINCT ON", ViewClass::Incremental},
    {"UNION, UNION ALL", ViewClass::Incremental},
    {"INTERSECT, EXCEPT", ViewClass::Incremental},
    {"scalar sub-queries", ViewClass::Incremental},
    {"EXISTS, NOT EXISTS", ViewClass::Incremental},
    {"IN, NOT IN", ViewClass::Incremental},
    {"ANY and ALL with <, <=, > or >=", ViewClass::Recompute},
    {"LIMIT, OFFSET, FETCH FIRST", ViewClass::Incremental},
    {"set-returning functions", ViewClass::Incremental},
    {"window functions with PARTITION BY", ViewClass::Incremental},
    {"window functions without PARTITION BY", ViewClass::Recompute},
    {"VALUES", ViewClass::Incremental},
    {"WITH RECURSIVE", ViewClass::Refused,
     "Join the table with itself once for each level, or use CREATE VIEW, which runs its SELECT at "
     "each read."},
    {"functions with another result at each call", ViewClass::Refused,
     "Write such values when the rows are inserted (DEFAULT now()), or use CREATE VIEW, which runs "
     "its SELECT at each "
     "read."},
    {"system tables", ViewClass::Refused, "Use CREATE VIEW, which runs its SELECT at each read."},
};
static_assert(std::size(kViewShapes) == kShapes);

// A condition such as ts > now() - INTERVAL '1 hour' is usually in the outermost WHERE, so it can
// be moved from the view to the SELECTs that read the view.
constexpr std::string_view kConditionRemedy =
    "Omit this condition from the view and keep the columns that it needs, then write it in the "
    "SELECTs that read the "
    "view: SELECT ... FROM view WHERE ts > now() - INTERVAL '1 hour'. CREATE VIEW runs its whole "
    "SELECT at each read.";

// Walks the plan and notes its shapes.
class ShapeWalk {
 public:
  Status walk(const RowsNodePtr& node) {
    TRY(std::visit([&](const auto& step) -> Status { return see(step); }, node->step));
    Status status;
    for_each_input(*node, [&](const RowsNodePtr& input) {
      if (status) status = walk(input);
    });
    return status;
  }
  Status check(const BoundExpression& expression) {
    if (expression.kind == BoundKind::Call && !expression.is_deterministic)
      return refuse(kVolatile, expression.function
                                   ? fmt::format("the function {}", expression.function->name())
                                   : "a function");
    for (const BoundExpression& child : expression.children) TRY(check(child));
    return {};
  }
  Status check(const std::vector<BoundExpression>& expressions) {
    for (const BoundExpression& each : expressions) TRY(check(each));
    return {};
  }
  Status check(const std::optional<BoundExpression>& expression) {
    return expression ? check(*expression) : Status{};
  }
  Status check_condition(const BoundExpression& condition) {
    note(kFilter);
    is_condition_ = true;
    const Status checked = check(condition);
    is_condition_ = false;
    return checked;
  }
  std::vector<const ViewShape*> found() const {
    std::vector<const ViewShape*> shapes;
    for (const size_t shape : found_) shapes.push_back(&kViewShapes[shape]);
    return shapes;
  }
  void note(Shape shape) { found_.insert(shape); }

 private:
  Error refuse(Shape shape, std::string_view what) const {
    return Error{ErrorCode::NotSupported, fmt::format("a materialized view cannot have {}", what),
                 shape == kVolatile
                     ? "Its result would change although no row of its tables has changed."
                     : "",
                 std::string(shape == kVolatile && is_condition_ ? kConditionRemedy
                                                                 : kViewShapes[shape].remedy)};
  }
  static bool has_calls(const std::vector<BoundExpression>& columns) {
    return std::ranges::any_of(columns, [](const BoundExpression& column) {
      return column.kind != BoundKind::Column && column.kind != BoundKind::Literal;
    });
  }

  Status see(const ReadRows&) { return {}; }
  Status see(const ReadSystemTable&) { return refuse(kSystemTable, "a system table"); }
  Status see(const OuterRows&) { return {}; }
  Status see(const RecursiveRows&) { return refuse(kRecursion, "WITH RECURSIVE"); }
  Status see(const OneRow&) { return {}; }
  Status see(const NoRows&) { return {}; }
  Status see(const WrittenRows& step) {
    note(kValues);
    for (const auto& row : step.rows) TRY(check(row));
    return {};
  }
  Status see(const CombineRows& step) {
    note(step.op == SetOperator::Union ? kUnion : kIntersect);
    return {};
  }
  Status see(const AppendSubquery& step) {
    const bool is_ordered = step.op != ComparisonOp::Equal && step.op != ComparisonOp::NotEqual;
    note(step.kind == SubqueryKind::Scalar   ? kScalarSubquery
         : step.kind == SubqueryKind::Exists ? kExists
         : is_ordered                        ? kUncorrelatedComparison
                                             : kIn);
    TRY(check(step.keys));
    return check(step.value);
  }
  Status see(const JoinRows& step) {
    note(step.outer ? kLateral : step.left_keys.empty() ? kJoinOtherwise : kJoinByEquality);
    TRY(check(step.left_keys));
    TRY(check(step.right_keys));
    return check(step.condition);
  }
  Status see(const UnnestRows& step) {
    note(kUnnest);
    return check(step.arrays);
  }
  Status see(const FilterRows& step) { return check_condition(step.condition); }
  Status see(const GroupRows& step) {
    note(step.sets.empty() ? kGroup : kGroupingSets);
    TRY(check(step.keys));
    for (const GroupedCall& each : step.aggregates) {
      TRY(check(each.call.arguments));
      TRY(check(each.filter));
      for (const RowsOrder& order : each.order) TRY(check(order.value));
    }
    return {};
  }
  Status see(const WindowRows& step) {
    note(step.partition.empty() ? kWindowOverAll : kWindowByPartition);
    TRY(check(step.partition));
    for (const RowsOrder& order : step.order) TRY(check(order.value));
    for (const WindowCall& call : step.calls) {
      TRY(check(call.arguments));
      TRY(check(call.filter));
      TRY(check(call.frame.start_offset));
      TRY(check(call.frame.end_offset));
    }
    return {};
  }
  Status see(const ComputeColumns& step) {
    if (has_calls(step.columns)) note(kCompute);
    return check(step.columns);
  }
  Status see(const DistinctRows&) {
    note(kDistinct);
    return {};
  }
  Status see(const SortRows&) { return {}; }
  Status see(const CutRows&) {
    note(kTop);
    return {};
  }

  std::set<size_t> found_;
  bool is_condition_ = false;  // the expression that is checked belongs to a WHERE
};

// Infers the columns of each node's output that identify its rows.
class IdentityWalk {
 public:
  IdentityWalk(const ViewPlan& view, std::span<const size_t> key_counts)
      : view_(view), key_counts_(key_counts) {}

  using Identity = std::optional<RowIdentity>;

  Identity of(const RowsNodePtr& node) const {
    return std::visit([&](const auto& step) { return of(step, *node); }, node->step);
  }

 private:
  static RowIdentity one_row() { return {}; }
  static Identity all_columns(size_t count) {
    RowIdentity all;
    for (size_t i = 0; i < count; ++i) all.columns.push_back(i);
    all.may_be_null = true;
    return all;
  }
  // Returns the identity of the input's rows in terms of the output columns; nullopt if a column of
  // the identity is not passed on unchanged.
  static Identity through(const Identity& input, const std::vector<BoundExpression>& columns) {
    if (!input) return std::nullopt;
    RowIdentity out{{}, input->may_be_null};
    for (const size_t wanted : input->columns) {
      const auto found = std::ranges::find_if(columns, [&](const BoundExpression& column) {
        return as_column(column) == std::optional(static_cast<uint32_t>(wanted));
      });
      if (found == columns.end()) return std::nullopt;
      out.columns.push_back(static_cast<size_t>(found - columns.begin()));
    }
    return out;
  }
  // Returns whether each row of the other side has at most one partner on `side`, namely if the
  // compared keys include all columns of that side's identity.
  static bool determines(const std::vector<BoundExpression>& keys, const RowIdentity& side) {
    return std::ranges::all_of(side.columns, [&](size_t column) {
      return std::ranges::any_of(keys, [&](const BoundExpression& key) {
        return as_column(key) == std::optional(static_cast<uint32_t>(column));
      });
    });
  }

  Identity of(const ReadRows& step, const RowsNode&) const {
    const size_t keys = key_counts_[step.table];
    if (keys == 0) return std::nullopt;
    RowIdentity identity;
    for (size_t i = 0; i < keys; ++i) identity.columns.push_back(i);
    return through(identity, view_.reads[step.table].columns);
  }
  Identity of(const ReadSystemTable&, const RowsNode&) const { return std::nullopt; }
  Identity of(const OuterRows&, const RowsNode&) const { return std::nullopt; }
  Identity of(const RecursiveRows&, const RowsNode&) const { return std::nullopt; }
  Identity of(const OneRow&, const RowsNode&) const { return one_row(); }
  Identity of(const NoRows&, const RowsNode&) const { return one_row(); }
  Identity of(const WrittenRows& step, const RowsNode&) const {
    return step.rows.size() <= 1 ? Identity(one_row()) : std::nullopt;
  }
  Identity of(const CombineRows& step, const RowsNode& node) const {
    if (!step.all) return all_columns(node.layout.size());
    return step.op == SetOperator::Union ? std::nullopt : of(step.left);
  }
  Identity of(const AppendSubquery& step, const RowsNode&) const { return of(step.input); }
  Identity of(const JoinRows& step, const RowsNode&) const {
    if (step.outer) return std::nullopt;
    const Identity left = of(step.left), right = of(step.right);
    if (!left || !right) return std::nullopt;
    const bool keeps_left = step.type == JoinType::Left || step.type == JoinType::Full;
    const bool keeps_right = step.type == JoinType::Right || step.type == JoinType::Full;
    if (!keeps_right && determines(step.right_keys, *right)) return left;
    RowIdentity shifted{{}, right->may_be_null};
    for (const size_t column : right->columns)
      shifted.columns.push_back(column + step.left->layout.size());
    if (!keeps_left && determines(step.left_keys, *left)) return shifted;
    RowIdentity both = *left;
    both.columns.insert(both.columns.end(), shifted.columns.begin(), shifted.columns.end());
    both.may_be_null |= shifted.may_be_null || keeps_left || keeps_right;
    return both;
  }
  Identity of(const UnnestRows&, const RowsNode&) const { return std::nullopt; }
  Identity of(const FilterRows& step, const RowsNode&) const { return of(step.input); }
  Identity of(const GroupRows& step, const RowsNode&) const {
    if (!step.sets.empty()) return std::nullopt;
    if (step.keys.empty()) return one_row();
    Identity keys = all_columns(step.keys.size());
    const Identity input = of(step.input);
    // Grouping columns that belong to an identity without nulls are not null.
    keys->may_be_null =
        !input || input->may_be_null ||
        !std::ranges::all_of(step.keys, [&](const BoundExpression& key) {
          const auto column = as_column(key);
          return column && std::ranges::find(input->columns, *column) != input->columns.end();
        });
    return keys;
  }
  Identity of(const WindowRows& step, const RowsNode&) const { return of(step.input); }
  Identity of(const ComputeColumns& step, const RowsNode&) const {
    return through(of(step.input), step.columns);
  }
  Identity of(const DistinctRows& step, const RowsNode& node) const {
    if (Identity input = of(step.input)) return input;
    if (step.columns.empty()) return all_columns(node.layout.size());
    return RowIdentity{step.columns, true};
  }
  Identity of(const SortRows& step, const RowsNode&) const { return of(step.input); }
  Identity of(const CutRows& step, const RowsNode&) const {
    if (step.keys == 0 && step.most && *step.most <= 1) return one_row();
    return of(step.input);
  }

  const ViewPlan& view_;
  const std::span<const size_t> key_counts_;
};

}  // namespace

std::span<const ViewShape> view_shapes() { return kViewShapes; }

Result<std::vector<const ViewShape*>> shapes_of(const ViewPlan& view) {
  ShapeWalk walk;
  for (const ViewRead& read : view.reads) {
    TRY(walk.check(read.columns));
    if (read.filter) TRY(walk.check_condition(*read.filter));
  }
  TRY(walk.walk(view.root));
  return walk.found();
}

// identity_of() returns the columns by which a row of the result is identified. The root of the
// view may have more columns than the result; an identity that needs such a column cannot be used.
std::optional<RowIdentity> identity_of(const ViewPlan& view, std::span<const size_t> key_counts) {
  auto identity = IdentityWalk(view, key_counts).of(view.root);
  if (identity && std::ranges::any_of(identity->columns, [&](size_t column) {
        return column >= view.result.columns.size();
      }))
    return std::nullopt;
  return identity;
}

}  // namespace engine
