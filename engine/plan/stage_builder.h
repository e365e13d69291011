// The stages of a query while it is planned: steps are added behind the last one, and exchanges cut
// the flow.
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/plan/plan.h"

namespace engine {

// Invariants: there is always a stage, and its last node is the one that the next step follows.
// Threads: none. Owner: the planning of one statement.
class StageBuilder {
 public:
  StageBuilder() { stages_.emplace_back(); }

  StagePlan& stage() { return stages_.back(); }
  int stage_index() const { return static_cast<int>(stages_.size()) - 1; }
  // The last node of the stage, -1 when it has none yet, and what it gives.
  int last_node() const { return static_cast<int>(stages_.back().nodes.size()) - 1; }
  const Layout& layout() const { return stages_.back().nodes.back().layout; }

  // A step that takes what the last node gives.
  template <class Step>
  void add(Step step, Layout result) {
    std::vector<int> from;
    if (last_node() >= 0) from.push_back(last_node());
    add_node(std::move(step), std::move(from), std::move(result));
  }
  template <class Step>
  void add_node(Step step, std::vector<int> from, Layout result) {
    stage().nodes.push_back({std::move(step), std::move(from), std::move(result)});
  }
  // A store of the node that is added next.
  int add_store(StoreKind kind, std::string name);

  // Ends the stage with an exchange, whose schema is that of the last node's layout, and begins
  // the next one, which reads it. `kind` tells whether records or changes go through, `writers` how many tasks
  // the stage has.
  void cut(ExchangePlan exchange, SourceKind kind, int writers);

  // Puts a stage before the last one, which it feeds through an exchange: the node there that reads it.
  int add_side(StagePlan side, ExchangePlan exchange, SourceKind kind, int writers);

  // Wherever the stage's rows come through an exchange, they are to come in the order of event
  // time.
  void order_rows_before();
  // Likewise those of a join, where that costs no core: of the exchanges that the last stage reads, those
  // whose writers can tell how far they have come.
  void order_inputs();

  std::vector<StagePlan> take_stages() { return std::move(stages_); }
  std::vector<ExchangePlan> take_exchanges() { return std::move(exchanges_); }

 private:
  InputStep end_with(StagePlan& ended, ExchangePlan exchange, SourceKind kind, int writers);
  bool may_be_time_ordered(size_t exchange) const;

  std::vector<StagePlan> stages_;
  std::vector<ExchangePlan> exchanges_;
  std::vector<int> writers_;  // of each exchange, if each has a task of its own
};

// The step that reads a source's topic; which columns are used is not yet known.
InputStep read_topic(const DataSource& source);

// As ksqlDB names the internal topic of a step.
std::string internal_topic(std::string_view query_id, const Properties& properties,
                           std::string_view step);

// Sets in all steps that read topics which of their columns a later step looks at.
void mark_used_columns(std::vector<StagePlan>& stages);

}  // namespace engine
