// Compares a step of a running query with the step that will replace it, and decides which parts
// may differ. Include this file only in .cc files, because it includes simdjson.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/plan/plan_fields.h"

namespace engine {

// For each column of a new layout, its index in the old layout, or -1 if the old layout does not have it. Columns are
// identified by name.
using Places = std::vector<int>;
Places places_of(const Layout& next, const Layout& old);

// A node of the old plan and its replacement; filters are compared separately.
struct StepPair {
  const StagePlan& old_stage;
  StagePlan& next_stage;
  const PlanNode& old;
  PlanNode& next;

  // Layouts of the columns that arrive at a port.
  const Layout& old_input(size_t port = 0) const { return input(old_stage, old, port); }
  const Layout& next_input(size_t port = 0) const { return input(next_stage, next, port); }
  Places places(size_t port = 0) const { return places_of(next_input(port), old_input(port)); }

 private:
  static const Layout& input(const StagePlan& stage, const PlanNode& node, size_t port) {
    return stage.nodes[static_cast<size_t>(node.from.at(port))].layout;
  }
};

// Fails unless the new step can continue with the state of the old one. Copies those members from
// the old step that the new step must not choose itself. `is_result` is true for the last step,
// which computes the columns of the result.
Status upgrade_step(const StepPair& pair, bool is_result);

// ---- Comparison by the JSON form, which contains every member

template <class T>
std::string text_of(const T& value) {
  JsonWriter out;
  write_json(out, value);
  return out.take();
}
// moved() takes an expression of the new plan and makes it refer to the columns of the old layout; still() takes an
// expression of the old plan. Both remove the positions in the text of the statement, because equal expressions have
// different positions in the texts of the two statements.
BoundExpression moved(BoundExpression expression, const Places& places);
BoundExpression still(BoundExpression expression);
std::string shown_expressions(const std::vector<BoundExpression>& expressions,
                              const Layout& layout);

// ---- Messages in ksqlDB's wording

std::string step_name(const PlanNode& node);
Error refusal(std::string_view what);
Error differs(std::string_view step, std::string_view property, std::string_view old,
              std::string_view next);

}  // namespace engine
