// Writes and reads the SELECT of a materialized view as JSON (docs/formats/plan.md).
#include <map>
#include <string>

#include "engine/plan/plan_fields.h"
#include "engine/plan/rows_inputs.h"
#include "engine/plan/view_plan.h"

namespace engine {

template <>
struct JsonNames<SetOperator> {
  static constexpr std::pair<SetOperator, std::string_view> names[] = {
      {SetOperator::Union, "union"},
      {SetOperator::Intersect, "intersect"},
      {SetOperator::Except, "except"}};
};
template <>
struct JsonNames<SubqueryKind> {
  static constexpr std::pair<SubqueryKind, std::string_view> names[] = {
      {SubqueryKind::Scalar, "scalar"}, {SubqueryKind::Exists, "exists"}, {SubqueryKind::In, "in"}};
};
template <>
struct JsonNames<ComparisonOp> {
  static constexpr std::pair<ComparisonOp, std::string_view> names[] = {
      {ComparisonOp::Equal, "="},
      {ComparisonOp::NotEqual, "<>"},
      {ComparisonOp::Less, "<"},
      {ComparisonOp::LessOrEqual, "<="},
      {ComparisonOp::Greater, ">"},
      {ComparisonOp::GreaterOrEqual, ">="},
      {ComparisonOp::IsDistinctFrom, "is_distinct_from"},
      {ComparisonOp::IsNotDistinctFrom, "is_not_distinct_from"}};
};
template <>
struct JsonNames<WindowFunction> {
  static constexpr std::pair<WindowFunction, std::string_view> names[] = {
      {WindowFunction::RowNumber, "row_number"},
      {WindowFunction::Rank, "rank"},
      {WindowFunction::DenseRank, "dense_rank"},
      {WindowFunction::PercentRank, "percent_rank"},
      {WindowFunction::CumeDist, "cume_dist"},
      {WindowFunction::Ntile, "ntile"},
      {WindowFunction::Lag, "lag"},
      {WindowFunction::Lead, "lead"},
      {WindowFunction::FirstValue, "first_value"},
      {WindowFunction::LastValue, "last_value"},
      {WindowFunction::NthValue, "nth_value"},
      {WindowFunction::Aggregate, "aggregate"}};
};
template <>
struct JsonNames<FrameUnit> {
  static constexpr std::pair<FrameUnit, std::string_view> names[] = {
      {FrameUnit::Range, "range"}, {FrameUnit::Rows, "rows"}, {FrameUnit::Groups, "groups"}};
};
template <>
struct JsonNames<FrameEdge> {
  static constexpr std::pair<FrameEdge, std::string_view> names[] = {
      {FrameEdge::UnboundedPreceding, "unbounded_preceding"},
      {FrameEdge::Preceding, "preceding"},
      {FrameEdge::CurrentRow, "current_row"},
      {FrameEdge::Following, "following"},
      {FrameEdge::UnboundedFollowing, "unbounded_following"}};
};
template <>
struct JsonNames<FrameExclusion> {
  static constexpr std::pair<FrameExclusion, std::string_view> names[] = {
      {FrameExclusion::None, "none"},
      {FrameExclusion::CurrentRow, "current_row"},
      {FrameExclusion::Group, "group"},
      {FrameExclusion::Ties, "ties"}};
};

// A node contains its inputs as nested objects. If two nodes have the same input, it is written twice.
template <>
struct JsonCodec<RowsNodePtr> {
  static void write(JsonWriter& out, const RowsNodePtr& node);
  static bool read(const JsonValue& json, RowsNodePtr& node);
};

template <>
struct JsonFields<BoundAggregate> {
  static constexpr auto fields = std::tuple(json_field("arguments", &BoundAggregate::arguments),
                                            json_field("instance", &BoundAggregate::instance));
};
template <>
struct JsonFields<RowsOrder> {
  static constexpr auto fields = std::tuple(json_field("value", &RowsOrder::value),
                                            json_field("is_descending", &RowsOrder::is_descending),
                                            json_field("nulls_first", &RowsOrder::nulls_first));
};
template <>
struct JsonFields<GroupedCall> {
  static constexpr auto fields =
      std::tuple(json_field("call", &GroupedCall::call), json_field("filter", &GroupedCall::filter),
                 json_field("order", &GroupedCall::order),
                 json_field("is_distinct", &GroupedCall::is_distinct));
};
template <>
struct JsonFields<BoundFrame> {
  static constexpr auto fields = std::tuple(
      json_field("unit", &BoundFrame::unit), json_field("start", &BoundFrame::start),
      json_field("end", &BoundFrame::end), json_field("start_offset", &BoundFrame::start_offset),
      json_field("end_offset", &BoundFrame::end_offset),
      json_field("exclusion", &BoundFrame::exclusion));
};
// WindowCall::instance is written only if it has a function, which is so for calls of aggregate
// functions; otherwise the member is null.
template <>
struct JsonCodec<WindowCall> {
  static void write(JsonWriter& out, const WindowCall& call);
  static bool read(const JsonValue& json, WindowCall& call);
};
template <>
struct JsonFields<WindowCall> {
  static constexpr size_t elsewhere = 1;
  static constexpr auto fields =
      std::tuple(json_field("function", &WindowCall::function),
                 json_field("arguments", &WindowCall::arguments),
                 json_field("filter", &WindowCall::filter), json_field("frame", &WindowCall::frame),
                 json_field("type", &WindowCall::type), json_field("text", &WindowCall::text));
};
void JsonCodec<WindowCall>::write(JsonWriter& out, const WindowCall& call) {
  out.begin_object();
  write_fields(out, call);
  if (call.instance.def) {
    out.key("instance");
    write_json(out, call.instance);
  }
  out.end_object();
}
bool JsonCodec<WindowCall>::read(const JsonValue& json, WindowCall& call) {
  return read_fields(json, call) && read_member(json, "instance", call.instance);
}
template <>
struct JsonFields<SortKey> {
  static constexpr auto fields = std::tuple(json_field("column", &SortKey::column),
                                            json_field("is_descending", &SortKey::is_descending),
                                            json_field("nulls_first", &SortKey::nulls_first));
};

// ---- Steps ----

template <>
struct JsonFields<ReadRows> {
  static constexpr auto fields = std::tuple(json_field("table", &ReadRows::table));
};
template <>
struct JsonFields<ReadSystemTable> {  // no view has this step
  static constexpr size_t elsewhere = 1;
  static constexpr std::tuple<> fields = {};
};
template <>
struct JsonFields<OuterRows> {
  static constexpr auto fields = std::tuple(json_field("number", &OuterRows::number));
};
template <>
struct JsonFields<RecursiveRows> {
  static constexpr auto fields = std::tuple(
      json_field("first", &RecursiveRows::first), json_field("round", &RecursiveRows::step),
      json_field("number", &RecursiveRows::number), json_field("all", &RecursiveRows::all));
};
template <>
struct JsonFields<OneRow> {
  static constexpr std::tuple<> fields = {};
};
template <>
struct JsonFields<NoRows> {
  static constexpr std::tuple<> fields = {};
};
template <>
struct JsonFields<WrittenRows> {
  static constexpr auto fields = std::tuple(json_field("rows", &WrittenRows::rows));
};
template <>
struct JsonFields<CombineRows> {
  static constexpr auto fields =
      std::tuple(json_field("op", &CombineRows::op), json_field("all", &CombineRows::all),
                 json_field("left", &CombineRows::left), json_field("right", &CombineRows::right));
};
template <>
struct JsonFields<AppendSubquery> {
  static constexpr auto fields = std::tuple(
      json_field("input", &AppendSubquery::input), json_field("rows", &AppendSubquery::rows),
      json_field("kind", &AppendSubquery::kind), json_field("keys", &AppendSubquery::keys),
      json_field("value", &AppendSubquery::value), json_field("negated", &AppendSubquery::negated),
      json_field("op", &AppendSubquery::op), json_field("otherwise", &AppendSubquery::otherwise),
      json_field("takes_first", &AppendSubquery::takes_first),
      json_field("outer", &AppendSubquery::outer));
};
template <>
struct JsonFields<JoinRows> {
  static constexpr auto fields = std::tuple(
      json_field("type", &JoinRows::type), json_field("left", &JoinRows::left),
      json_field("right", &JoinRows::right), json_field("left_keys", &JoinRows::left_keys),
      json_field("right_keys", &JoinRows::right_keys),
      json_field("condition", &JoinRows::condition), json_field("outer", &JoinRows::outer),
      json_field("otherwise", &JoinRows::otherwise));
};
template <>
struct JsonFields<UnnestRows> {
  static constexpr auto fields =
      std::tuple(json_field("input", &UnnestRows::input), json_field("arrays", &UnnestRows::arrays),
                 json_field("keeps_all", &UnnestRows::keeps_all));
};
template <>
struct JsonFields<FilterRows> {
  static constexpr auto fields = std::tuple(json_field("input", &FilterRows::input),
                                            json_field("condition", &FilterRows::condition));
};
template <>
struct JsonFields<GroupRows> {
  static constexpr auto fields = std::tuple(
      json_field("input", &GroupRows::input), json_field("keys", &GroupRows::keys),
      json_field("aggregates", &GroupRows::aggregates), json_field("sets", &GroupRows::sets),
      json_field("groupings", &GroupRows::groupings));
};
template <>
struct JsonFields<WindowRows> {
  static constexpr auto fields = std::tuple(
      json_field("input", &WindowRows::input), json_field("partition", &WindowRows::partition),
      json_field("order", &WindowRows::order), json_field("calls", &WindowRows::calls));
};
template <>
struct JsonFields<ComputeColumns> {
  static constexpr auto fields = std::tuple(json_field("input", &ComputeColumns::input),
                                            json_field("columns", &ComputeColumns::columns));
};
template <>
struct JsonFields<DistinctRows> {
  static constexpr auto fields = std::tuple(json_field("input", &DistinctRows::input),
                                            json_field("columns", &DistinctRows::columns));
};
template <>
struct JsonFields<SortRows> {
  static constexpr auto fields =
      std::tuple(json_field("input", &SortRows::input), json_field("keys", &SortRows::keys),
                 json_field("most", &SortRows::most));
};
template <>
struct JsonFields<CutRows> {
  static constexpr auto fields =
      std::tuple(json_field("input", &CutRows::input), json_field("offset", &CutRows::offset),
                 json_field("most", &CutRows::most), json_field("keys", &CutRows::keys),
                 json_field("counts", &CutRows::counts));
};

template <>
struct JsonFields<ViewRead> {
  static constexpr auto fields =
      std::tuple(json_field("port", &ViewRead::port), json_field("filter", &ViewRead::filter),
                 json_field("columns", &ViewRead::columns));
};
template <>
struct JsonFields<ViewPlan> {
  static constexpr auto fields = std::tuple(
      json_field("reads", &ViewPlan::reads), json_field("root", &ViewPlan::root),
      json_field("result", &ViewPlan::result), json_field("identity", &ViewPlan::identity),
      json_field("is_one_row", &ViewPlan::is_one_row),
      json_field("has_row_id", &ViewPlan::has_row_id), json_field("columns", &ViewPlan::columns),
      json_field("failures_are_null", &ViewPlan::failures_are_null));
};

namespace {

// Names of the steps in the text, in the order of the variant's alternatives.
constexpr std::string_view kRowsSteps[] = {
    "read",   "read_system", "outer",    "recursion", "one_row", "no_rows",
    "values", "combine",     "subquery", "join",      "unnest",  "filter",
    "group",  "window",      "compute",  "distinct",  "sort",    "cut"};
using RowsStep = decltype(RowsNode::step);
static_assert(std::size(kRowsSteps) == std::variant_size_v<RowsStep>);
static_assert(member_count<RowsNode>() == 3, "write() and read() must know all of them");

template <size_t kIndex = 0>
bool read_rows_step(const JsonValue& json, const std::string& name, RowsStep& step) {
  if constexpr (kIndex == std::variant_size_v<RowsStep>) {
    return json.fail("unknown step \"" + name + "\"");
  } else {
    if (kRowsSteps[kIndex] != name) return read_rows_step<kIndex + 1>(json, name, step);
    return read_fields(json, step.emplace<kIndex>());
  }
}

}  // namespace

void JsonCodec<RowsNodePtr>::write(JsonWriter& out, const RowsNodePtr& node) {
  if (!node) return out.null();
  out.begin_object();
  out.key("step");
  out.text(kRowsSteps[node->step.index()]);
  std::visit(
      [&]<class Step>(const Step& step) {
        if constexpr (std::tuple_size_v < std::remove_cvref_t <
                      decltype(JsonFields<Step>::fields) >>> 0)
          write_fields(out, step);
      },
      node->step);
  out.key("layout");
  write_json(out, node->layout);
  if (node->is_shared) {
    out.key("is_shared");
    out.boolean(true);
  }
  out.end_object();
}

bool JsonCodec<RowsNodePtr>::read(const JsonValue& json, RowsNodePtr& node) {
  node.reset();
  if (json.is_null()) return true;
  RowsNode read;
  std::string name;
  if (!read_member(json, "step", name) || !read_rows_step(json, name, read.step) ||
      !read_member(json, "layout", read.layout) || !read_member(json, "is_shared", read.is_shared))
    return false;
  node = std::make_shared<const RowsNode>(std::move(read));
  return true;
}

namespace {

// Makes equal shared nodes one node again: a node that is run once must have one address.
class SharedNodes {
 public:
  RowsNodePtr unite(const RowsNodePtr& node) {
    std::string text;
    if (node->is_shared) {
      JsonWriter out;
      write_json(out, node);
      text = out.take();
      if (const auto known = by_text_.find(text); known != by_text_.end()) return known->second;
    }
    RowsNode united = *node;
    for_each_input(united, [this](RowsNodePtr& input) { input = unite(input); });
    auto made = std::make_shared<const RowsNode>(std::move(united));
    if (made->is_shared) by_text_.emplace(std::move(text), made);
    return made;
  }

 private:
  std::map<std::string, RowsNodePtr> by_text_;
};

}  // namespace

void JsonCodec<std::shared_ptr<const ViewPlan>>::write(
    JsonWriter& out, const std::shared_ptr<const ViewPlan>& view) {
  if (!view) return out.null();
  write_json(out, *view);
}

bool JsonCodec<std::shared_ptr<const ViewPlan>>::read(const JsonValue& json,
                                                      std::shared_ptr<const ViewPlan>& view) {
  view.reset();
  if (json.is_null()) return true;
  ViewPlan read;
  if (!read_json(json, read)) return false;
  if (!read.root) return json.fail("a view without a SELECT");
  read.root = SharedNodes().unite(read.root);
  view = std::make_shared<const ViewPlan>(std::move(read));
  return true;
}

}  // namespace engine
