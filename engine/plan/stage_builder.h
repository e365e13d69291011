// Builds the stages of a query during planning. Steps are appended to the last stage; an exchange
// ends a stage.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/plan/plan.h"

namespace engine {

// Invariants: at least one stage exists; add() appends a step to the last node of the last stage.
// Not thread-safe: one thread plans a statement, and the planning owns the object.
class StageBuilder {
 public:
  StageBuilder() { stages_.emplace_back(); }

  StagePlan& stage() { return stages_.back(); }
  int stage_index() const { return static_cast<int>(stages_.size()) - 1; }
  // Return the last node of the stage, -1 if it has none yet, and the layout of this node.
  int last_node() const { return static_cast<int>(stages_.back().nodes.size()) - 1; }
  const Layout& layout() const { return stages_.back().nodes.back().layout; }

  // Adds a step whose input is the last node.
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
  // Adds a store for the node that is added next. Returns its index.
  int add_store(StoreKind kind, std::string name);

  // Ends the stage with an exchange, whose schema is the layout of the last node, and begins a stage that reads the
  // exchange. `kind` is Stream if the exchange carries records, and Table if it carries changes. `writers` is the
  // number of tasks of the ended stage.
  void cut(ExchangePlan exchange, SourceKind kind, int writers);

  // Inserts a stage before the last one and connects the two by an exchange. Returns the node in the last stage that
  // reads the exchange.
  int add_side(StagePlan side, ExchangePlan exchange, SourceKind kind, int writers);

  // Makes every exchange between two stages time-ordered if that is possible: its readers can then merge its rows in
  // the order of event time. If it is not possible for an exchange, one task runs the stage that writes it, and merges
  // all partitions of its input.
  void order_rows_before();
  // Makes each exchange that the last stage reads time-ordered if that is possible, so that a join gets its inputs in
  // time order. Unlike order_rows_before(), it leaves the other exchanges unordered, and does not restrict any stage to
  // one task.
  void order_inputs();

  std::vector<StagePlan> take_stages() { return std::move(stages_); }
  std::vector<ExchangePlan> take_exchanges() { return std::move(exchanges_); }

 private:
  InputStep end_with(StagePlan& ended, ExchangePlan exchange, SourceKind kind, int writers);
  bool may_be_time_ordered(size_t exchange) const;

  std::vector<StagePlan> stages_;
  std::vector<ExchangePlan> exchanges_;
  // for each exchange: number of its writing tasks, if each partition has its own writer
  std::vector<int> writers_;
};

// Returns the step that reads a source's topic. Its used columns are not set yet.
InputStep read_topic(const DataSource& source);

// Returns the name of the internal topic of a step, as in ksqlDB.
std::string internal_topic(std::string_view query_id, const Properties& properties,
                           std::string_view step);

// The columns of a record that a query decodes. A record is left out if one of them cannot be read.
enum class DecodedColumns : uint8_t {
  Used,  // the columns that a later step reads
  All,   // for COUNT(*), which counts the rows of SELECT *
};

// Sets InputStep::used and InputStep::decodes_all in all steps that read topics.
void mark_used_columns(std::vector<StagePlan>& stages, DecodedColumns decoded);

}  // namespace engine
