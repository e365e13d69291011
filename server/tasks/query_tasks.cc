#include "server/tasks/query_tasks.h"

#include <fmt/format.h>

#include <future>

#include "base/log.h"

namespace server {

namespace {

// More than a task can have had on its way when it failed, so the bad record is among them.
constexpr uint64_t kCarefulRows = 32'768;

// Runs work on a shard's loop and waits for it.
void run_on(Shard& shard, std::function<void()> work) {
  std::promise<void> done;
  shard.post([&] {
    work();
    done.set_value();
  });
  done.get_future().wait();
}

engine::TaskOptions options_for(const engine::QueryPlan& plan) {
  engine::TaskOptions options;
  const auto buffering = plan.properties.find("cache.max.bytes.buffering");
  options.merge_updates = buffering == plan.properties.end() || buffering->second != "0";
  return options;
}

Status wait_for(const std::function<void(std::function<void(Status)>)>& begin) {
  std::promise<Status> done;
  begin([&](Status status) { done.set_value(std::move(status)); });
  return done.get_future().get();
}

}  // namespace

Shard& QueryTasks::shard_for(const std::string& query_id, int32_t partition) {
  return *shards_[(std::hash<std::string>{}(query_id) + static_cast<size_t>(partition)) %
                  shards_.size()];
}

int32_t QueryTasks::partition_count(const Uuid& topic) const {
  int32_t count = 0;
  while (log_.find_partition({topic, PartitionId(count)})) ++count;
  return count;
}

Result<std::vector<QueryTasks::StageInput>> QueryTasks::inputs_of(
    const DefinedQuery& defined, const engine::StagePlan& stage) const {
  std::vector<StageInput> inputs;
  for (const engine::PlanNode& node : stage.nodes) {
    const auto* input = std::get_if<engine::InputStep>(&node.step);
    if (!input) continue;
    const auto index = static_cast<uint32_t>(inputs.size());
    if (input->exchange >= 0) {
      inputs.push_back(
          {index, defined.exchange_ids.at(static_cast<size_t>(input->exchange)), input});
      continue;
    }
    const auto topic = defined.topic_ids.find(input->topic);
    if (topic == defined.topic_ids.end() || partition_count(topic->second) == 0)
      return Error{ErrorCode::UnknownTopic,
                   fmt::format("topic \"{}\" of {} was deleted", input->topic, input->source_name)};
    inputs.push_back({index, topic->second, input});
  }
  for (const StageInput& input : inputs)
    if (partition_count(input.topic) != partition_count(inputs.front().topic))
      return Error{
          ErrorCode::ObjectState,
          fmt::format("the inputs of the query have different numbers of partitions: {} "
                      "has {}, {} has {}",
                      inputs.front().step->source_name, partition_count(inputs.front().topic),
                      input.step->source_name, partition_count(input.topic)),
          {},
          "Partitions were added to a topic. Drop the query, copy the stream or table "
          "to as many partitions as the other has, and create the query anew."};
  return inputs;
}

Result<engine::StageEnd> QueryTasks::end_of(const DefinedQuery& defined,
                                            const engine::StagePlan& stage) const {
  if (stage.output.exchange >= 0) {
    const Uuid id = defined.exchange_ids.at(static_cast<size_t>(stage.output.exchange));
    return engine::StageEnd(engine::OutputTarget{id, partition_count(id)});
  }
  if (stage.output.topic.empty())
    return engine::StageEnd(engine::CallbackOutput::Take([](engine::Batch) {}));
  const auto topic = defined.topic_ids.find(stage.output.topic);
  if (topic == defined.topic_ids.end() || partition_count(topic->second) == 0)
    return Error{
        ErrorCode::UnknownTopic,
        fmt::format("topic \"{}\", which the query writes, was deleted", stage.output.topic)};
  return engine::StageEnd(engine::OutputTarget{topic->second, partition_count(topic->second)});
}

engine::Task::Input QueryTasks::task_input(const DefinedQuery& defined, const StageInput& input,
                                           PartitionId partition) const {
  engine::Task::Input made;
  made.input = input.index;
  made.partition = {input.topic, partition};
  made.is_exchange = input.step->exchange >= 0;
  // A table is always whole, also where a stream of the same topic begins at its end.
  if (input.step->kind == engine::SourceKind::Stream)
    for (const StartPosition& start : defined.starts)
      if (start.topic == input.topic && start.partition == partition) made.next = start.offset;
  return made;
}

Status QueryTasks::start_task(const DefinedQuery& defined, int stage_index, int32_t number,
                              const std::vector<int32_t>& partitions,
                              const std::vector<StageInput>& inputs, engine::TaskOptions options) {
  const engine::QueryPlan& plan = *defined.plan;
  const engine::StagePlan& stage = plan.stages[static_cast<size_t>(stage_index)];
  const std::string id = fmt::format("{}/{}/{}", plan.id, stage_index, number);
  const storage::TaskStart begun = TRY(storage::raise_epoch_and_wait(log_, id));
  std::vector<engine::Task::Input> task_inputs;
  for (const int32_t partition : partitions) {
    for (const StageInput& input : inputs)
      task_inputs.push_back(task_input(defined, input, PartitionId(partition)));
  }
  Shard& shard = shard_for(plan.id, number);
  auto entry = std::make_unique<ShardTask>();
  entry->query_id = plan.id;
  entry->stage = stage_index;
  engine::StageEnd end = TRY(end_of(defined, stage));
  entry->task = TRY(engine::Task::make(id, stage, std::move(task_inputs), std::move(end),
                                       shard.sources(), &shard.sink(), clock_,
                                       std::hash<std::string>{}(id), plan.properties, options));
  entry->checkpoints =
      std::make_unique<TaskCheckpoints>(id, state_, log_, clock_, checkpoint_pace_);
  const auto restore = [&task = *entry->task](const engine::JournalEntry& one) {
    return task.restore(one);
  };
  const TaskSequence last = TRY(load_task_state(id, state_, log_, restore, *entry->checkpoints));
  if (last != begun.last_sequence)
    return Error{ErrorCode::StorageFailure,
                 fmt::format("the state of {} ends at commit {}, but the log at {}", id,
                             last.value(), begun.last_sequence.value()),
                 {},
                 "log.mdb and state.mdb belong together: restore both from the same backup."};
  entry->task->resume_after(begun.epoch, last);
  entry->task->on_durable_entry([checkpoints = entry->checkpoints.get()](
                                    TaskSequence sequence, engine::JournalEntry journalled) {
    checkpoints->add(sequence, std::move(journalled));
  });
  if (plan.materialization && plan.materialization->stage == stage_index) {
    entry->view = std::make_unique<engine::TableView>(*plan.materialization, *entry->task);
    recovered_.table_rows += entry->view->size();
  }
  ++recovered_.tasks;
  entry->is_paused = defined.query->state == engine::DesiredState::Paused;
  shard.post([&shard, begun, raw = entry.release()] {
    shard.sink().introduce(raw->task->id(), begun.producer_id, begun.producer_epoch);
    shard.add(std::unique_ptr<ShardTask>(raw));
  });
  return {};
}

Status QueryTasks::start_with(const DefinedQuery& defined, engine::TaskOptions options) {
  const engine::QueryPlan& plan = *defined.plan;
  for (size_t i = 0; i < plan.exchanges.size(); ++i)
    TRY(storage::create_partitions_and_wait(log_, defined.exchange_ids.at(i),
                                            plan.exchanges[i].partitions));
  for (const engine::StagePlan& stage : plan.stages) {  // all topics are there, or no task starts
    TRY(inputs_of(defined, stage));
    TRY(end_of(defined, stage));
  }
  for (size_t stage = 0; stage < plan.stages.size(); ++stage) {
    const std::vector<StageInput> inputs = TRY(inputs_of(defined, plan.stages[stage]));
    const int32_t partitions = partition_count(inputs.front().topic);
    std::vector<std::vector<int32_t>> tasks;  // the partitions of each
    for (int32_t partition = 0; partition < partitions; ++partition) {
      if (tasks.empty() || !plan.stages[stage].merges_partitions) tasks.emplace_back();
      tasks.back().push_back(partition);
    }
    for (size_t task = 0; task < tasks.size(); ++task)
      TRY(start_task(defined, static_cast<int>(stage), static_cast<int32_t>(task), tasks[task],
                     inputs, options));
  }
  return {};
}

size_t QueryTasks::keeper_count(const DefinedQuery& defined) const {
  const auto& materialization = defined.plan->materialization;
  if (!materialization) return 0;
  const engine::StagePlan& stage =
      defined.plan->stages[static_cast<size_t>(materialization->stage)];
  const auto inputs = inputs_of(defined, stage);
  if (!inputs || stage.merges_partitions) return 1;
  return static_cast<size_t>(partition_count(inputs->front().topic));
}

Status QueryTasks::start(const DefinedQuery& defined) {
  return start_with(defined, options_for(*defined.plan));
}

void QueryTasks::remove_tasks(const std::string& query_id) {
  for (Shard* shard : shards_) run_on(*shard, [&] { shard->remove_query(query_id); });
}

void QueryTasks::stop(const DefinedQuery& defined, Keep keep) {
  const std::string& id = defined.plan->id;
  remove_tasks(id);
  if (keep == Keep::State) return;
  const auto warn = [&](const Status& status) {
    if (!status)
      log_warn("state of an ended query not removed query={} error=\"{}\"", id,
               status.error().message);
  };
  warn(wait_for([&](auto done) { log_.drop_tasks(id + "/", std::move(done)); }));
  warn(wait_for([&](auto done) { state_.drop_tasks(id + "/", std::move(done)); }));
  for (const Uuid& exchange : defined.exchange_ids)
    warn(wait_for([&](auto done) { log_.drop_topic(exchange, std::move(done)); }));
}

void QueryTasks::pause(const std::string& query_id, bool is_paused) {
  for (Shard* shard : shards_) run_on(*shard, [&] { shard->pause_query(query_id, is_paused); });
}

Status QueryTasks::rebuild(const DefinedQuery& defined, const Error& error, bool was_careful) {
  const std::string& id = defined.plan->id;
  if (was_careful && !is_retriable(error.code)) {
    log_error("query stopped query={} error=\"{}\" detail=\"{}\"", id, error.message, error.detail);
    return {};  // its failed tasks stay, so that SHOW QUERIES tells
  }
  log_warn("query failed, its tasks begin again at their last commit query={} error=\"{}\"", id,
           error.message);
  remove_tasks(id);
  engine::TaskOptions options = options_for(*defined.plan);
  if (!is_retriable(error.code)) options.careful_rows = kCarefulRows;
  return start_with(defined, options);
}

}  // namespace server
