#include "engine/plan/stage_builder.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/formats/format.h"
#include "engine/plan/view_plan.h"

namespace engine {

namespace {

// Limit for the tasks on each side of a time-ordered exchange. Each pair of a writing and a reading task has a
// partition of the log: 64 tasks on both sides have 4,160 partitions, and creating such a query takes 50 ms, compared
// with 3 ms for a few tasks.
constexpr int kMostOrderedPartitions = 64;
// Limit for the lanes (partitions of time-ordered exchanges) of a task that reads all partitions, because it polls all
// of them in each of its steps.
constexpr int kMostLanesOfOneTask = 256;

void mark(std::span<const BoundExpression> expressions, std::vector<bool>& used) {
  for (const uint32_t column : referenced_columns(expressions)) used[column] = true;
}

// Computes which columns a node needs from its inputs, given the columns that later nodes need from it.
class ColumnUse {
 public:
  ColumnUse(StagePlan& stage, DecodedColumns decoded) : stage_(stage), decoded_(decoded) {
    for (const PlanNode& node : stage_.nodes) used_.emplace_back(node.layout.size(), false);
    if (!used_.empty()) used_.back().assign(used_.back().size(), true);
  }

  void run() {
    for (at_ = stage_.nodes.size(); at_-- > 0;) std::visit(*this, stage_.nodes[at_].step);
  }

  void operator()(InputStep& step) {
    // The columns of an exchange were chosen when the exchange was planned, so `used` is not changed.
    if (step.exchange >= 0) return;
    step.used = used_[at_];
    if (step.timestamp)
      for (size_t i = 0; i < step.used.size(); ++i)
        if (node().layout[i].name == step.timestamp->column) step.used[i] = true;
    if (decoded_ != DecodedColumns::All) return;
    const auto declared = step.used.begin() + static_cast<ptrdiff_t>(step.schema.columns.size());
    if (step.kind == SourceKind::Stream && step.store < 0)
      std::fill(step.used.begin(), declared, true);
    else
      step.decodes_all = std::find(step.used.begin(), declared, false) != declared;
  }
  void operator()(const FilterStep& step) {
    pass_on(0, 0);
    mark({&step.predicate, 1}, input(0));
  }
  void operator()(const ProjectStep& step) { mark(step.columns, input(0)); }
  void operator()(const FlatMapStep& step) {
    pass_on(0, 0);
    mark(step.functions, input(0));
  }
  void operator()(const RegroupStep&) { need_all(); }
  void operator()(const AggregateStep&) { need_all(); }
  void operator()(const StreamTableJoinStep& step) {
    pass_on(0, 0);
    pass_on(1, input(0).size());
    input(0)[static_cast<size_t>(step.stream_key)] = true;
  }
  void operator()(StreamStreamJoinStep& step) {
    const size_t keys = step.left_key.size();
    pass_on(0, keys);
    pass_on(1, keys + input(0).size());
    for (const int column : step.left_key) input(0)[static_cast<size_t>(column)] = true;
    for (const int column : step.right_key) input(1)[static_cast<size_t>(column)] = true;
    step.left_used = input(0);
    step.right_used = input(1);
  }
  void operator()(TableTableJoinStep& step) {
    pass_on(0, 1);
    pass_on(1, 1 + input(0).size());
    input(0)[static_cast<size_t>(step.left_key)] = true;
    input(1)[static_cast<size_t>(step.right_key)] = true;
    step.used = used_[at_];
    step.used.front() = true;
  }

  void operator()(const ForeignKeySubscribeStep& step) {
    mark({&step.foreign_key, 1}, input(0));
    for (const int column : step.columns) input(0)[static_cast<size_t>(column)] = true;
  }
  void operator()(const ForeignKeyJoinStep& step) {
    need_all();
    for (const int column : step.right_columns) input(1)[static_cast<size_t>(column)] = true;
  }
  void operator()(const ForeignKeyResolveStep&) { need_all(); }
  void operator()(const RecomputeStep& step) {
    for (const ViewRead& read : step.view->reads) {
      mark(read.columns, input(read.port));
      if (read.filter) mark({&*read.filter, 1}, input(read.port));
    }
  }

 private:
  const PlanNode& node() const { return stage_.nodes[at_]; }
  std::vector<bool>& input(size_t port) { return used_[static_cast<size_t>(node().from[port])]; }
  // Marks the columns of a port that the node passes on. They begin at column `first` of the node's own layout.
  void pass_on(size_t port, size_t first) {
    std::vector<bool>& to = input(port);
    for (size_t i = 0; i < to.size(); ++i)
      if (used_[at_][first + i]) to[i] = true;
  }
  void need_all() { input(0).assign(input(0).size(), true); }

  StagePlan& stage_;
  const DecodedColumns decoded_;
  std::vector<std::vector<bool>> used_;  // used columns of each node
  size_t at_ = 0;
};

}  // namespace

int StageBuilder::add_store(StoreKind kind, std::string name) {
  stage().stores.push_back({kind, std::move(name), last_node() + 1});
  return static_cast<int>(stage().stores.size()) - 1;
}

void StageBuilder::cut(ExchangePlan exchange, SourceKind kind, int writers) {
  Layout carried = layout();
  InputStep input = end_with(stage(), std::move(exchange), kind, writers);
  stages_.emplace_back();
  add(std::move(input), std::move(carried));
}

int StageBuilder::add_side(StagePlan side, ExchangePlan exchange, SourceKind kind, int writers) {
  Layout carried = side.nodes.back().layout;
  InputStep input = end_with(side, std::move(exchange), kind, writers);
  // The new stage is inserted before the stage that reads its exchange.
  stages_.insert(stages_.end() - 1, std::move(side));
  add_node(std::move(input), {}, std::move(carried));
  return last_node();
}

InputStep StageBuilder::end_with(StagePlan& ended, ExchangePlan exchange, SourceKind kind,
                                 int writers) {
  const int index = static_cast<int>(exchanges_.size());
  OutputPlan output;
  output.exchange = index;
  output.schema = exchange.schema;
  output.key_format = exchange.key_format;
  output.is_table = kind == SourceKind::Table;
  ended.output = std::move(output);

  InputStep input;
  input.exchange = index;
  input.kind = kind;
  input.source_name = exchange.topic;
  input.key_format = exchange.key_format;
  input.schema = exchange.schema;
  input.used.assign(ended.nodes.back().layout.size(), true);
  exchanges_.push_back(std::move(exchange));
  writers_.push_back(writers);
  return input;
}

// The loop goes from the last exchange to the first. If the exchange that a stage writes cannot be
// time-ordered, the stage becomes a single task. This is decided first, because it affects the
// exchange that the stage reads.
void StageBuilder::order_rows_before() {
  for (size_t i = stages_.size() - 1; i-- > 0;) {
    const auto exchange = static_cast<size_t>(stages_[i].output.exchange);
    exchanges_[exchange].is_time_ordered = may_be_time_ordered(exchange);
    if (!exchanges_[exchange].is_time_ordered) stages_[i].merges_partitions = true;
  }
}

// Returns whether the exchange can be time-ordered: its writers must be able to report their
// progress, and there must not be too many lanes. Progress is reported as positions in topics. A
// task that reads another exchange cannot report it, because it would need the positions of the
// tasks that write that exchange.
bool StageBuilder::may_be_time_ordered(size_t exchange) const {
  const int readers = exchanges_[exchange].partitions, writers = writers_[exchange];
  if (std::max(readers, writers) > kMostOrderedPartitions) return false;
  const auto reads = [&](const PlanNode& node) {
    const auto* const input = std::get_if<InputStep>(&node.step);
    return input && input->exchange == static_cast<int>(exchange);
  };
  const auto reader = std::ranges::find_if(
      stages_, [&](const StagePlan& each) { return std::ranges::any_of(each.nodes, reads); });
  if (reader->merges_partitions && readers * writers > kMostLanesOfOneTask) return false;
  const auto writer = std::ranges::find_if(stages_, [&](const StagePlan& each) {
    return each.output.exchange == static_cast<int>(exchange);
  });
  // such a task would have to report the progress of several partitions
  if (writer->merges_partitions) return false;
  size_t streams = 0;
  for (const PlanNode& node : writer->nodes) {
    const auto* const input = std::get_if<InputStep>(&node.step);
    if (!input) continue;
    if (input->exchange >= 0) return false;
    if (input->kind == SourceKind::Stream) ++streams;
  }
  return streams == 1;
}

void StageBuilder::order_inputs() {
  for (const PlanNode& node : stage().nodes) {
    const auto* const input = std::get_if<InputStep>(&node.step);
    if (!input || input->exchange < 0) continue;
    const auto exchange = static_cast<size_t>(input->exchange);
    if (may_be_time_ordered(exchange)) exchanges_[exchange].is_time_ordered = true;
  }
}

InputStep read_topic(const DataSource& source) {
  InputStep input;
  input.topic = source.topic;
  input.kind = source.kind;
  input.source_name = source.name;
  input.key_format = reading_format(source.key_format);
  input.value_format = reading_format(source.value_format);
  input.schema = source.schema;
  input.window = source.window;
  input.timestamp = source.timestamp;
  return input;
}

std::string internal_topic(std::string_view query_id, const Properties& properties,
                           std::string_view step) {
  const auto service = properties.find("ksql.service.id");
  return fmt::format("_confluent-ksql-{}query_{}-{}",
                     service == properties.end() ? std::string_view("default_")
                                                 : std::string_view(service->second),
                     query_id, step);
}

void mark_used_columns(std::vector<StagePlan>& stages, DecodedColumns decoded) {
  for (StagePlan& stage : stages) ColumnUse(stage, decoded).run();
}

}  // namespace engine
