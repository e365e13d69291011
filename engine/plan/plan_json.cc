#include "engine/plan/plan_json.h"

#include "engine/functions/registry.h"
#include "engine/plan/check_plan.h"
#include "engine/plan/plan_fields.h"

namespace engine {

namespace {

// The version of the format. Version 1 has no time-ordered exchanges, 2 has neither joins of two
// streams or two tables nor sessions, 3 has no joins by foreign keys, 4 has no filters with
// tells_all_deletes, 5 has no generators, and 6 has no materialized views.
constexpr int64_t kPlanVersion = 7;
// Plans without a view are written in the earlier version, so that the earlier program can read them.
constexpr int64_t kVersionWithoutViews = 6;

// Names of the steps in the text, in the order of the variant's alternatives.
constexpr std::string_view kSteps[] = {"input",
                                       "filter",
                                       "project",
                                       "flat_map",
                                       "regroup",
                                       "aggregate",
                                       "stream_table_join",
                                       "stream_stream_join",
                                       "table_table_join",
                                       "foreign_key_subscribe",
                                       "foreign_key_join",
                                       "foreign_key_resolve",
                                       "recompute"};
using Step = decltype(PlanNode::step);
static_assert(std::size(kSteps) == std::variant_size_v<Step>);

template <size_t kIndex = 0>
bool read_step(const JsonValue& json, const std::string& name, Step& step) {
  if constexpr (kIndex == std::variant_size_v<Step>) {
    return json.fail("unknown step \"" + name + "\"");
  } else {
    if (kSteps[kIndex] != name) return read_step<kIndex + 1>(json, name, step);
    return read_fields(json, step.emplace<kIndex>());
  }
}

}  // namespace

static_assert(member_count<AggregateInstance>() == 6, "write() and read() must know all of them");

void JsonCodec<AggregateInstance>::write(JsonWriter& out, const AggregateInstance& instance) {
  out.begin_object();
  out.key("function");
  out.text(instance.def->name);
  for (const Overload& overload : Registry::instance().find(instance.def->name)) {
    if (overload.aggregate != instance.def) continue;
    out.key("parameters");
    out.text(parameter_types(overload));
  }
  out.key("arguments");
  write_json(out, instance.argument_types);
  out.key("literals");
  write_json(out, instance.initial_arguments);
  out.key("result");
  write_json(out, instance.result_type);
  out.key("properties");
  write_json(out, instance.properties);
  out.end_object();
}

bool JsonCodec<AggregateInstance>::read(const JsonValue& json, AggregateInstance& instance) {
  std::string name, parameters;
  if (!read_member(json, "function", name) || !read_member(json, "parameters", parameters))
    return false;
  for (const Overload& overload : Registry::instance().find(name))
    if (overload.aggregate && parameter_types(overload) == parameters)
      instance.def = overload.aggregate;
  if (!instance.def)
    return json.fail("unknown aggregate function " + name + "(" + parameters + ")");
  if (!read_member(json, "arguments", instance.argument_types) ||
      !read_member(json, "literals", instance.initial_arguments) ||
      !read_member(json, "result", instance.result_type) ||
      !read_member(json, "properties", instance.properties))
    return false;
  // Plans of older versions contain all properties of the session here; only those of aggregates are kept.
  keep_aggregate_properties(instance);
  return true;
}

static_assert(member_count<PlanNode>() == 3, "write() and read() must know all of them");

void JsonCodec<PlanNode>::write(JsonWriter& out, const PlanNode& node) {
  out.begin_object();
  out.key("step");
  out.text(kSteps[node.step.index()]);
  if (!node.from.empty()) {
    out.key("from");
    write_json(out, node.from);
  }
  std::visit([&](const auto& step) { write_fields(out, step); }, node.step);
  out.key("layout");
  write_json(out, node.layout);
  out.end_object();
}

bool JsonCodec<PlanNode>::read(const JsonValue& json, PlanNode& node) {
  std::string name;
  return read_member(json, "step", name) && read_step(json, name, node.step) &&
         read_member(json, "from", node.from) && read_member(json, "layout", node.layout);
}

std::string plan_to_json(const QueryPlan& plan) {
  JsonWriter out;
  out.begin_object();
  out.key("version");
  out.number(view_step_of(plan) ? kPlanVersion : kVersionWithoutViews);
  write_fields(out, plan);
  out.end_object();
  return out.take();
}

Result<QueryPlan> plan_from_json(std::string_view json) {
  const JsonDocument document = TRY(JsonDocument::parse(json));
  return plan_from_json(document.root());
}

Result<QueryPlan> plan_from_json(const JsonValue& root) {
  int64_t version = 0;
  read_member(root, "version", version);
  if (version > kPlanVersion)
    return Error{ErrorCode::IncompatibleFormat,
                 "the plan was written by a newer version of millrace"};
  QueryPlan plan;
  if (version < 1 || !read_fields(root, plan))
    return Error{ErrorCode::CorruptRecord, "the plan cannot be read: " + root.take_problem()};
  TRY(check_plan(plan));
  return plan;
}

}  // namespace engine
