// One step of a running query beside the one that is to take its place: what of it may differ.
// Includes simdjson: for .cc files only.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/plan/plan_fields.h"

namespace engine {

// For each column of a new layout its place in the old one, -1 where that does not have it. Columns are what they
// are called.
using Places = std::vector<int>;
Places places_of(const Layout& next, const Layout& old);

// A node of the old plan and what takes its place; filters are looked at beside them.
struct StepPair {
  const StagePlan& old_stage;
  StagePlan& next_stage;
  const PlanNode& old;
  PlanNode& next;

  // Of the columns that come in at a port.
  const Layout& old_input(size_t port = 0) const { return input(old_stage, old, port); }
  const Layout& next_input(size_t port = 0) const { return input(next_stage, next, port); }
  Places places(size_t port = 0) const { return places_of(next_input(port), old_input(port)); }

 private:
  static const Layout& input(const StagePlan& stage, const PlanNode& node, size_t port) {
    return stage.nodes[static_cast<size_t>(node.from.at(port))].layout;
  }
};

// Fails unless the step goes on with what the old one has kept; takes over what it does not choose itself.
// `is_result`: it is the last one, which gives the result's columns.
Status upgrade_step(const StepPair& pair, bool is_result);

// ---- Comparing by the written form, in which every member has its place

template <class T>
std::string text_of(const T& value) {
  JsonWriter out;
  write_json(out, value);
  return out.take();
}
// The expression over the old layout, and one that is there already: where they stand in their texts does not matter.
BoundExpression moved(BoundExpression expression, const Places& places);
BoundExpression still(BoundExpression expression);
std::string shown_expressions(const std::vector<BoundExpression>& expressions,
                              const Layout& layout);

// ---- In ksqlDB's words

std::string step_name(const PlanNode& node);
Error refusal(std::string_view what);
Error differs(std::string_view step, std::string_view property, std::string_view old,
              std::string_view next);

}  // namespace engine
