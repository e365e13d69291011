#include "engine/exec/stage.h"

#include <algorithm>
#include <cassert>

#include "engine/exec/filter.h"
#include "engine/exec/foreign_key_join.h"
#include "engine/exec/foreign_key_resolve.h"
#include "engine/exec/foreign_key_subscribe.h"
#include "engine/exec/project.h"
#include "engine/exec/recompute.h"
#include "engine/exec/regroup.h"
#include "engine/exec/session_aggregate.h"
#include "engine/exec/stream_stream_join.h"
#include "engine/exec/stream_table_join.h"
#include "engine/exec/table_table_join.h"
#include "engine/plan/carried_keys.h"

namespace engine {

namespace {

Schema key_schema_of(const Layout& layout, size_t key_count) {
  Schema schema;
  for (size_t i = 0; i < key_count; ++i)
    schema.columns.push_back({layout[i].name, layout[i].type, ColumnRole::Key});
  return schema;
}

template <class T>
Result<std::unique_ptr<Operator>> upcast(Result<std::unique_ptr<T>> made) {
  if (!made) return std::move(made).error();
  return std::unique_ptr<Operator>(std::move(made).take());
}

}  // namespace

Result<std::unique_ptr<Stage>> Stage::build(const StagePlan& plan, TaskContext& context,
                                            StageEnd end) {
  auto stage = std::make_unique<Stage>();
  stage->stores_.resize(plan.stores.size());
  stage->tables_.resize(plan.stores.size());
  stage->behind_tables_.resize(plan.stores.size());
  stage->keyed_tables_.resize(plan.stores.size());
  for (const PlanNode& node : plan.nodes) TRY(stage->add_node(plan, node, context));
  TRY(stage->add_end(plan, context, std::move(end)));
  // Each store of the plan must belong to an operator.
  assert(std::ranges::find(stage->stores_, nullptr) == stage->stores_.end());
  return stage;
}

Result<std::unique_ptr<Operator>> Stage::make_operator(const StagePlan& stage, const PlanNode& node,
                                                       TaskContext& context) {
  if (const auto* step = std::get_if<InputStep>(&node.step)) {
    auto made = TRY(InputOperator::make(context, *step, node.layout));
    inputs_.push_back(made.get());
    if (step->store >= 0) {
      stores_[static_cast<size_t>(step->store)] = made->store();
      tables_[static_cast<size_t>(step->store)] = made->materialized();
      keyed_tables_[static_cast<size_t>(step->store)] = made.get();
      if (!step->is_joined && !shown_) shown_ = made.get();
    }
    return std::unique_ptr<Operator>(std::move(made));
  }
  if (const auto* step = std::get_if<TableTableJoinStep>(&node.step)) {
    const Layout& left = stage.nodes[static_cast<size_t>(node.from.front())].layout;
    KeyedTable* const sides[] = {keyed_tables_[static_cast<size_t>(step->left_store)],
                                 keyed_tables_[static_cast<size_t>(step->right_store)]};
    assert(sides[0] && sides[1]);  // the planner puts both tables before the join
    auto made = std::make_unique<TableTableJoinOperator>(context, *step, node.layout, left.size(),
                                                         *sides[0], *sides[1]);
    stores_[static_cast<size_t>(step->store)] = &made->rows();
    tables_[static_cast<size_t>(step->store)] = made->materialized();
    keyed_tables_[static_cast<size_t>(step->store)] = made.get();
    shown_ = made.get();
    return std::unique_ptr<Operator>(std::move(made));
  }
  if (const auto* step = std::get_if<AggregateStep>(&node.step);
      step && step->window && step->window->type == WindowType::Session) {
    auto made = TRY(SessionAggregateOperator::make(context, *step,
                                                   key_schema_of(node.layout, step->key_count)));
    stores_[static_cast<size_t>(step->store)] = &made->store();
    tables_[static_cast<size_t>(step->store)] = made->materialized();
    return std::unique_ptr<Operator>(std::move(made));
  }
  if (const auto* step = std::get_if<AggregateStep>(&node.step)) {
    auto made =
        TRY(AggregateOperator::make(context, *step, key_schema_of(node.layout, step->key_count)));
    if (carried_keys(stage, node)) made->take_carried_keys();
    stores_[static_cast<size_t>(step->store)] = &made->store();
    tables_[static_cast<size_t>(step->store)] = made->materialized();
    aggregate_ = made.get();
    return std::unique_ptr<Operator>(std::move(made));
  }
  if (const auto* step = std::get_if<FilterStep>(&node.step))
    return std::unique_ptr<Operator>(new FilterOperator(context, *step));
  if (const auto* step = std::get_if<ProjectStep>(&node.step))
    return std::unique_ptr<Operator>(new ProjectOperator(context, *step));
  if (const auto* step = std::get_if<FlatMapStep>(&node.step))
    return std::unique_ptr<Operator>(new FlatMapOperator(context, *step));
  if (const auto* step = std::get_if<RegroupStep>(&node.step))
    return std::unique_ptr<Operator>(new RegroupOperator(context, *step));
  if (const auto* step = std::get_if<StreamStreamJoinStep>(&node.step)) {
    const auto layout_of = [&](size_t port) -> const Layout& {
      return stage.nodes[static_cast<size_t>(node.from[port])].layout;
    };
    auto made = TRY(StreamStreamJoinOperator::make(context, *step, layout_of(0), layout_of(1)));
    stores_[static_cast<size_t>(step->left_store)] = &made->store_of(0);
    stores_[static_cast<size_t>(step->right_store)] = &made->store_of(1);
    if (step->pending_store >= 0)
      stores_[static_cast<size_t>(step->pending_store)] = &made->pending_store();
    return std::unique_ptr<Operator>(std::move(made));
  }
  if (std::holds_alternative<RecomputeStep>(node.step)) return make_view(stage, node, context);
  if (std::holds_alternative<ForeignKeySubscribeStep>(node.step) ||
      std::holds_alternative<ForeignKeyJoinStep>(node.step) ||
      std::holds_alternative<ForeignKeyResolveStep>(node.step))
    return make_foreign_key_operator(stage, node, context);
  const auto& step = std::get<StreamTableJoinStep>(node.step);
  const LayoutColumn& key = stage.nodes[static_cast<size_t>(node.from.front())]
                                .layout[static_cast<size_t>(step.stream_key)];
  const auto table = std::ranges::find(
      inputs_, step.store, [](const InputOperator* input) { return input->step().store; });
  assert(table != inputs_.end());  // the planner puts the table's input before the join
  return upcast(StreamTableJoinOperator::make(context, step, key, **table));
}

Result<std::unique_ptr<Operator>> Stage::make_view(const StagePlan&, const PlanNode& node,
                                                   TaskContext& context) {
  const auto& step = std::get<RecomputeStep>(node.step);
  // The inputs are the first nodes of the stage, in the order of the ports.
  assert(node.from.size() == inputs_.size());
  auto made = TRY(RecomputeOperator::make(context, step, node.layout, inputs_));
  for (size_t port = 0; port < step.stream_stores.size(); ++port)
    if (const int store = step.stream_stores[port]; store >= 0)
      stores_[static_cast<size_t>(store)] = &made->stream_store(port);
  stores_[static_cast<size_t>(step.store)] = &made->rows();
  tables_[static_cast<size_t>(step.store)] = made->materialized();
  shown_ = view_ = made.get();
  return std::unique_ptr<Operator>(std::move(made));
}

Result<std::unique_ptr<Operator>> Stage::make_foreign_key_operator(const StagePlan& stage,
                                                                   const PlanNode& node,
                                                                   TaskContext& context) {
  if (const auto* step = std::get_if<ForeignKeySubscribeStep>(&node.step))
    return std::unique_ptr<Operator>(new ForeignKeySubscribeOperator(context, *step, node.layout));
  if (const auto* step = std::get_if<ForeignKeyJoinStep>(&node.step)) {
    const auto layout_of = [&](size_t port) -> const Layout& {
      return stage.nodes[static_cast<size_t>(node.from[port])].layout;
    };
    KeyedTable* const right = keyed_tables_[static_cast<size_t>(step->right_store)];
    assert(right);  // the planner puts the right table before the join
    auto made =
        TRY(ForeignKeyJoinOperator::make(context, *step, layout_of(0), layout_of(1), *right));
    stores_[static_cast<size_t>(step->store)] = &made->store();
    return std::unique_ptr<Operator>(std::move(made));
  }
  const auto& step = std::get<ForeignKeyResolveStep>(node.step);
  auto made = TRY(ForeignKeyResolveOperator::make(context, step, node.layout));
  stores_[static_cast<size_t>(step.moving_store)] = &made->moving();
  stores_[static_cast<size_t>(step.store)] = &made->rows();
  tables_[static_cast<size_t>(step.store)] = made->materialized();
  keyed_tables_[static_cast<size_t>(step.store)] = made.get();
  shown_ = made.get();
  return std::unique_ptr<Operator>(std::move(made));
}

Status Stage::add_node(const StagePlan& stage, const PlanNode& node, TaskContext& context) {
  std::unique_ptr<Operator> made = TRY(make_operator(stage, node, context));
  for (size_t port = 0; port < node.from.size(); ++port)
    feed(static_cast<size_t>(node.from[port]), *made, port);
  operators_.push_back(std::move(made));
  return {};
}

Status Stage::add_end(const StagePlan& plan, TaskContext& context, StageEnd end) {
  std::unique_ptr<Operator> made;
  if (auto* take = std::get_if<CallbackOutput::Take>(&end)) {
    made = std::make_unique<CallbackOutput>(context, std::move(*take));
  } else {
    const OutputTarget target = std::get<OutputTarget>(end);
    made =
        TRY(plan.output.exchange >= 0 ? upcast(ExchangeOutput::make(context, plan.output, target))
                                      : upcast(TopicOutput::make(context, plan.output, target)));
    output_ = static_cast<LogOutput*>(made.get());
    // The updates of one group within a block need not be emitted one by one, because the topic
    // output merges them anyway (TopicOutput::chosen_rows).
    if (aggregate_ && plan.output.exchange < 0 && plan.output.is_table && context.merge_updates)
      aggregate_->merge_updates();
    if (target.is_time_ordered) time_ordered_output_ = static_cast<ExchangeOutput*>(made.get());
  }
  feed(operators_.size() - 1, *made, 0);
  operators_.push_back(std::move(made));
  return {};
}

// Makes `to` the operator that follows `from`.
void Stage::feed(size_t from, Operator& to, size_t port) {
  operators_[from]->feed(&to, port);
  Materialized* const table = operators_[from]->materialized();
  for (size_t store = 0; table && store < tables_.size(); ++store)
    if (tables_[store] == table) behind_tables_[store] = {operators_.size(), port};
}

Status Stage::push_again(int store, Batch rows) const {
  if (rows.rows == 0) return {};
  const auto [behind, port] = behind_tables_[static_cast<size_t>(store)];
  return operators_[behind]->process(std::move(rows), port);
}

bool Stage::has_rest() const {
  return std::ranges::any_of(operators_, [](const auto& each) { return each->has_rest(); });
}

const SlowRow* Stage::awaited() const {
  for (size_t i = operators_.size(); i-- > 0;)
    if (operators_[i]->has_rest()) return operators_[i]->awaited();
  return nullptr;
}

Status Stage::resume() {
  const bool was_held_back = !may_commit();
  // The loop goes from the end of the chain to the front, because an operator may push only if no
  // operator after it has a rest.
  for (size_t i = operators_.size(); i-- > 0;) {
    if (!operators_[i]->has_rest()) continue;
    TRY(operators_[i]->resume());
    if (operators_[i]->has_rest() || has_rest_behind(i)) return {};
    // If a commit had to wait, the task must make the commit before the operators in front change
    // more state.
    if (was_held_back && may_commit()) return {};
  }
  return {};
}

bool Stage::is_publishing() const { return view_ && view_->is_publishing(); }

bool Stage::only_reads() const { return view_ && view_->only_reads(); }

bool Stage::waits_aside() const { return view_ && view_->waits_aside(); }

bool Stage::has_rest_behind(size_t index) const {
  return std::any_of(operators_.begin() + static_cast<ptrdiff_t>(index) + 1, operators_.end(),
                     [](const auto& each) { return each->has_rest(); });
}

bool Stage::may_commit() const {
  for (size_t i = 0; i < operators_.size(); ++i)
    if (operators_[i]->holds_commits_back() && has_rest_behind(i)) return false;
  return true;
}

void Stage::visit_rest(const Operator::VisitRecord& visit) const {
  for (const auto& each : operators_) each->visit_rest(visit);
}

void Stage::own_rest() {
  for (const auto& each : operators_) each->own_rest();
}

bool Stage::tidy() {
  bool has_more = false;
  for (const auto& each : operators_) has_more |= each->tidy();
  return has_more;
}

const StreamTime* Stage::stream_time() const {
  for (const auto& each : operators_)
    if (const StreamTime* seen = each->stream_time()) return seen;
  return nullptr;
}

bool Stage::release_some() {
  return std::ranges::any_of(stores_, [](Store* store) { return store->release_some(); });
}

void Stage::take_outputs(std::vector<OutputBatch>& out) {
  if (output_) output_->take(out);
}

std::vector<int64_t> Stage::scalars() const {
  std::vector<int64_t> all;
  for (const auto& each : operators_) each->append_scalars(all);
  return all;
}

void Stage::restore_scalars(std::span<const int64_t>& scalars) {
  for (const auto& each : operators_) each->restore_scalars(scalars);
}

}  // namespace engine
