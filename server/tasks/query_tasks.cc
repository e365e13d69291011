#include "server/tasks/query_tasks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <future>
#include <iterator>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "base/task_id.h"
#include "engine/exec/exchange_lanes.h"
#include "server/tasks/local_commits.h"
#include "server/tasks/restored_task.h"
#include "storage/kv/damage.h"
#include "storage/log/task_journal.h"
#include "storage/meta/topic_configs.h"
#include "storage/replica/task_producer.h"

namespace server {

namespace {

// This number is greater than the number of rows that a task can have in progress when it fails. So
// the bad record is among the first kIsolatedRows rows after the last commit.
constexpr uint64_t kIsolatedRows = 32'768;

// Runs `work` on a shard's loop and waits until it is done.
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

// Returns the stage that writes the exchange. Every exchange of a valid plan has one.
const engine::StagePlan& stage_that_writes(const engine::QueryPlan& plan, int exchange) {
  return *std::ranges::find_if(plan.stages, [&](const engine::StagePlan& stage) {
    return stage.output.exchange == exchange;
  });
}

Status wait_for(const std::function<void(std::function<void(Status)>)>& begin) {
  std::promise<Status> done;
  begin([&](Status status) { done.set_value(std::move(status)); });
  return done.get_future().get();
}

// Returns the error with the code DataCorrupted, because a retry would read the same data. The hint is that of the
// damaged query, unless `why` is another error that has a hint of its own.
Error damaged(Error why, const DefinedQuery& defined) {
  if (storage::is_damage(why.code) || why.hint.empty()) why.hint = hint_about_damage(defined);
  why.code = ErrorCode::DataCorrupted;
  return why;
}

}  // namespace

QueryTasks::QueryTasks(storage::Log& log, storage::StateStore& state, const Clock& clock,
                       std::vector<Shard*> shards, FindTopics find_topics,
                       CheckpointPolicy checkpoint_policy, const std::atomic<bool>& must_stop)
    : log_(log),
      state_(state),
      clock_(clock),
      shards_(std::move(shards)),
      find_topics_(std::move(find_topics)),
      must_stop_(must_stop),
      lane_(std::make_shared<CheckpointLane>(state, log, clock, checkpoint_policy)),
      view_rows_(shards_.empty() ? nullptr : &shards_.front()->memory()),
      progress_(log),
      commits_(std::make_unique<LocalCommits>(*this)) {
  // A single node has all partitions, and elects no leaders.
  has_replica_ = [](const storage::TopicPartition&) { return true; };
  find_elections_ = [] { return storage::UncleanElections(); };
  for (Shard* shard : shards_) shard->read_state(state_);
  deal_out_journals();
}

Shard& QueryTasks::owner_of(PartitionId journal) const {
  return *shards_[static_cast<size_t>(journal.value()) % shards_.size()];
}

Shard& QueryTasks::shard_for(const std::string& query_id, int32_t partition) {
  return owner_of(storage::journal_of(query_id, partition));
}

void QueryTasks::deal_out_journals() {
  std::vector<FirstEntries> first_entries(storage::kJournalPartitions);
  const auto tasks = log_.tasks();
  if (tasks)
    for (const storage::Log::StoredTask& task : *tasks)
      first_entries[static_cast<size_t>(task.journal.value())].emplace(task.id, task.first_entry);
  std::vector<std::unique_ptr<JournalCheckpoints>> journals(first_entries.size());
  for_all(journals.size(), [&](size_t i) {
    const PartitionId journal(static_cast<int32_t>(i));
    journals[i] = std::make_unique<JournalCheckpoints>(journal, lane_);
    tasks ? journals[i]->recover(first_entries[i]) : journals[i]->lose_all(tasks.error());
  });
  if (tasks)
    for (const storage::Log::StoredTask& task : *tasks)
      if (task.damage)
        journals[static_cast<size_t>(task.journal.value())]->lose(task.id, *task.damage);
  for (size_t i = 0; i < journals.size(); ++i) {
    const PartitionId journal(static_cast<int32_t>(i));
    owner_of(journal).own(journal, std::move(journals[i]));
  }
}

void QueryTasks::for_all(size_t count, const std::function<void(size_t)>& work) const {
  std::atomic<size_t> next = 0;
  const auto help = [&] {
    for (size_t i = next++; i < count; i = next++) work(i);
  };
  std::vector<std::thread> helpers;
  for (size_t i = 1; i < std::min(shards_.size(), count); ++i) helpers.emplace_back(help);
  help();
  for (std::thread& helper : helpers) helper.join();
}

Result<std::vector<QueryTasks::StageInput>> QueryTasks::inputs_of(
    const DefinedQuery& defined, const engine::StagePlan& stage,
    const storage::TopicSnapshot& topics) {
  std::vector<StageInput> inputs;
  for (const engine::PlanNode& node : stage.nodes) {
    const auto* input = std::get_if<engine::InputStep>(&node.step);
    if (!input) continue;
    const auto topic = input_topic(defined, *input, topics);
    if (!topic)
      return Error{ErrorCode::UnknownTopic,
                   fmt::format("topic \"{}\" of {} was deleted", input->topic, input->source_name)};
    inputs.push_back({static_cast<uint32_t>(inputs.size()), *topic, input});
  }
  if (engine::view_step_of(*defined.plan)) return inputs;  // one task reads all partitions
  const StageInput& first = inputs.front();
  for (const StageInput& input : inputs)
    if (input.topic.partition_count != first.topic.partition_count)
      return Error{ErrorCode::ObjectState,
                   fmt::format("the inputs of the query have different numbers of partitions: {} "
                               "has {}, {} has {}",
                               first.step->source_name, first.topic.partition_count,
                               input.step->source_name, input.topic.partition_count),
                   {},
                   "Partitions were added to a topic. Drop the query, copy the stream or table to "
                   "the number of partitions of the other one, and create the query again."};
  return inputs;
}

Result<engine::StageEnd> QueryTasks::end_of(const DefinedQuery& defined,
                                            const engine::StagePlan& stage, int32_t task,
                                            const storage::TopicSnapshot& topics) {
  if (stage.output.exchange < 0 && stage.output.topic.empty())
    return engine::StageEnd(engine::CallbackOutput::Take([](engine::Batch) {}));
  const auto topic = output_topic(defined, stage.output, topics);
  if (!topic)
    return Error{
        ErrorCode::UnknownTopic,
        fmt::format("topic \"{}\", which the query writes, was deleted", stage.output.topic)};
  engine::OutputTarget target{topic->id, topic->partition_count};
  if (stage.output.exchange >= 0) {
    const engine::ExchangeLanes lanes(
        defined.plan->exchanges[static_cast<size_t>(stage.output.exchange)]);
    target.first_partition = lanes.first_of(task);
    target.is_time_ordered = lanes.is_time_ordered();
  }
  return engine::StageEnd(target);
}

engine::Task::Input QueryTasks::task_input(const DefinedQuery& defined, const StageInput& input,
                                           PartitionId partition) {
  engine::Task::Input made;
  made.input = input.index;
  made.partition = {input.topic.id, partition};
  made.is_exchange = input.step->exchange >= 0;
  // Start positions apply only to streams. A table is always read from the beginning, even if a
  // stream of the same topic starts at its end.
  if (input.step->kind == engine::SourceKind::Stream)
    for (const StartPosition& start : defined.starts)
      if (start.topic == input.topic.id && start.partition == partition) made.next = start.offset;
  return made;
}

// Adds the inputs of a task for one partition. In a time-ordered exchange, each writing task has a partition of its own
// (lane) for each reading task, so the inputs are the lanes of all writers.
Status QueryTasks::add_inputs(const DefinedQuery& defined, const StageInput& input,
                              PartitionId partition, const storage::TopicSnapshot& topics,
                              std::vector<engine::Task::Input>& inputs) {
  engine::Task::Input made = task_input(defined, input, partition);
  const int exchange = input.step->exchange;
  if (exchange < 0 || !defined.plan->exchanges[static_cast<size_t>(exchange)].is_time_ordered) {
    inputs.push_back(std::move(made));
    return {};
  }
  const engine::StagePlan& writers = stage_that_writes(*defined.plan, exchange);
  const engine::ExchangeLanes lanes(defined.plan->exchanges[static_cast<size_t>(exchange)]);
  const std::vector<StageInput> read = TRY(inputs_of(defined, writers, topics));
  for (int32_t writer = 0; writer < read.front().topic.partition_count; ++writer) {
    made.partition.partition = lanes.lane(writer, partition.value());
    engine::LaneWriter its_writer{{made.partition.topic, lanes.progress_of(writer)}, {}};
    for (const StageInput& each : read) {
      const engine::Task::Input its = task_input(defined, each, PartitionId(writer));
      if (each.step->kind == engine::SourceKind::Stream)
        its_writer.stream = its_writer.inputs.size();
      its_writer.inputs.emplace_back(its.partition, its.next);
    }
    made.writer = std::make_shared<const engine::LaneWriter>(std::move(its_writer));
    inputs.push_back(made);
  }
  return {};
}

Status QueryTasks::make_exchanges(const DefinedQuery& defined,
                                  const storage::TopicSnapshot& topics) {
  for (size_t i = 0; i < defined.plan->exchanges.size(); ++i) {
    const Uuid& id = defined.exchange_ids.at(i);
    const engine::StagePlan& writers = stage_that_writes(*defined.plan, static_cast<int>(i));
    // task_count() is 0 if an input of the writing stage was deleted. Such a query does not start.
    const size_t writer_count = std::max<size_t>(1, task_count(defined, writers, topics));
    const int32_t partitions = engine::ExchangeLanes(defined.plan->exchanges[i])
                                   .partition_count(static_cast<int32_t>(writer_count));
    if (log_.find_partition({id, PartitionId(partitions - 1)}))
      continue;  // all exist: no commit needed
    TRY(storage::create_partitions_and_wait(log_, id, partitions,
                                            storage::PartitionKind::Internal));
  }
  return {};
}

// Returns the id of a task. Fails if the id is too long for the log: the log would otherwise reject the whole call that
// begins all tasks.
Result<std::string> QueryTasks::task_id(const engine::QueryPlan& plan, size_t stage,
                                        int32_t number) {
  std::string id = fmt::format("{}/{}/{}", plan.id, stage, number);
  if (is_task_id(id)) return id;
  return Error{ErrorCode::ObjectState,
               fmt::format("the id of the query is too long: the ids of its tasks can have at most "
                           "{} bytes",
                           kMaxTaskIdSize),
               {},
               "Create it again with a shorter name."};
}

Status QueryTasks::place(const QueryLaunch& launch, size_t index,
                         const storage::TopicSnapshot& topics, std::vector<TaskPlace>& places) {
  const engine::QueryPlan& plan = *launch.defined->plan;
  std::vector<TaskPlace> mine;
  for (size_t stage = 0; stage < plan.stages.size(); ++stage) {
    TRY(end_of(*launch.defined, plan.stages[stage], 0, topics));
    const std::vector<StageInput> inputs =
        TRY(inputs_of(*launch.defined, plan.stages[stage], topics));
    int32_t partitions = inputs.front().topic.partition_count;
    if (engine::view_step_of(plan))
      for (const StageInput& input : inputs)
        partitions = std::max(partitions, input.topic.partition_count);
    for (int32_t partition = 0; partition < partitions; ++partition) {
      if (partition == 0 || !plan.stages[stage].merges_partitions)
        mine.push_back({&launch,
                        index,
                        static_cast<int>(stage),
                        partition,
                        TRY(task_id(plan, stage, partition)),
                        {},
                        {},
                        {}});
      for (const StageInput& input : inputs)
        if (partition < input.topic.partition_count || input.step->exchange >= 0)
          TRY(add_inputs(*launch.defined, input, PartitionId(partition), topics,
                         mine.back().inputs));
    }
  }
  std::ranges::move(mine, std::back_inserter(places));
  return {};
}

void QueryTasks::find_lost(std::span<const TaskPlace> places, std::vector<Status>& results) const {
  for (const TaskPlace& place : places) {
    const auto why = lane_->lost().find(place.id, storage::journal_of(place.id));
    if (why && results[place.query]) results[place.query] = damaged(*why, *place.launch->defined);
  }
}

Status QueryTasks::begin_tasks(std::span<TaskPlace> places, std::vector<Status>& results) {
  if (places.empty()) return {};
  std::vector<std::string> tasks;
  for (const TaskPlace& place : places) tasks.push_back(place.id);
  storage::TaskStarts begun = TRY(storage::begin_tasks_and_wait(log_, std::move(tasks)));
  assert(begun.size() == places.size());
  for (size_t i = 0; i < places.size(); ++i)
    if (begun[i])
      places[i].begun = *begun[i];
    else
      results[places[i].query] = std::move(begun[i]).error();
  return {};
}

QueryTasks::Tails QueryTasks::read_journals(std::span<const TaskPlace> places) {
  std::map<PartitionId, FirstEntries> tasks;
  for (const TaskPlace& place : places)
    tasks[place.begun.journal].emplace(place.id, place.begun.first_entry);
  std::vector<PartitionId> journals;
  for (const auto& [journal, its_tasks] : tasks) journals.push_back(journal);
  Tails tails;
  std::mutex mutex;  // guards `tails`
  for_all(journals.size(), [&](size_t i) {
    auto tail = JournalTail::read(log_, state_, journals[i], tasks.at(journals[i]));
    std::lock_guard lock(mutex);
    tails.emplace(journals[i], std::move(tail));
  });
  return tails;
}

Status QueryTasks::check_goes_on(const GivesWay& gives_way) const {
  if (must_stop_) return Error{ErrorCode::ShuttingDown, "the server is stopping"};
  if (gives_way())
    return Error{ErrorCode::QueryCanceled, "the start was interrupted by a statement"};
  return {};
}

Status QueryTasks::build(TaskPlace& place, const Tails& tails, const storage::TopicSnapshot& topics,
                         const GivesWay& gives_way) {
  const QueryLaunch& launch = *place.launch;
  const engine::QueryPlan& plan = *launch.defined->plan;
  const engine::StagePlan& stage = plan.stages[static_cast<size_t>(place.stage)];
  Shard& shard = shard_for(plan.id, place.number);
  auto entry = std::make_unique<ShardTask>();
  entry->query_id = plan.id;
  entry->run = launch.run;
  entry->stage = place.stage;
  entry->number = place.number;
  entry->plan = launch.defined->plan;
  entry->is_paused = launch.is_paused;
  engine::TaskOptions options = options_for(plan);
  options.schemas = schemas_;
  options.views = &view_rows_;
  options.has_append_time = [find_topics = find_topics_](const Uuid& id) {
    const std::shared_ptr<const storage::TopicSnapshot> present = find_topics();
    const storage::TopicInfo* topic = present->find(id);
    return topic && storage::has_append_time(*topic);
  };
  if (find_processing_log_) options.processing_log = find_processing_log_();
  if (launch.mode == RunMode::Isolating) options.careful_rows = kIsolatedRows;
  TaskRole role = TRY(commits_->role_of(place, shard));
  entry->own_sink = std::move(role.own_sink);
  // If another node runs the task, the task here only applies the commits of that node.
  const bool follows = role.sink == nullptr;
  if (const engine::GeneratorPlan* generator = engine::generator_of(plan); generator && !follows)
    entry->generator = std::make_unique<GeneratorClock>(*generator, clock_);
  if (!entry->generator && !follows)
    entry->limited = std::make_unique<LimitedSources>(shard.sources());
  engine::Sources& sources = entry->generator ? static_cast<engine::Sources&>(*entry->generator)
                             : entry->limited ? static_cast<engine::Sources&>(*entry->limited)
                                              : shard.sources();
  engine::StageEnd end = TRY(end_of(*launch.defined, stage, place.number, topics));
  const bool keeps_table = plan.materialization && plan.materialization->stage == place.stage;
  if (keeps_table && launch.defined->results_at > Revision{} && stage.output.is_table) {
    const int store = plan.materialization->store;
    const int node = stage.stores[static_cast<size_t>(store)].node;
    options.show_again = {store, stage.nodes[static_cast<size_t>(node)].layout.size(),
                          launch.defined->results_at.value()};
  }
  if (follows) entry->standby = {keeps_table};
  await_writers(stage, plan.id, shard, place.inputs, *entry);
  if (commits_->shows_outputs_with_commits()) entry->progress = progress_.find(plan.id);
  entry->task = TRY(engine::Task::make(
      place.id, stage, std::move(place.inputs), std::move(end), sources, role.sink, clock_,
      std::hash<std::string>{}(place.id),
      engine::SharedProperties(launch.defined->plan, &plan.properties), options));
  // A task that only applies another node's commits keeps its whole table in memory, so its stores
  // are never read from the checkpoint.
  if (!entry->standby)
    entry->task->open_stores([&](uint32_t store) -> engine::Backing& {
      auto backing = std::make_unique<StateBacking>(shard.state(), place.id, store);
      return *entry->backings.emplace_back(std::move(backing));
    });
  using What = RestoredTask::What;
  RestoredTask restored_task(*entry->task,
                             entry->standby && !keeps_table ? What::Positions : What::All,
                             [&] { return check_goes_on(gives_way); });
  const auto& tail = tails.at(place.begun.journal);
  if (!tail) return tail.error();
  const TaskSequence last = TRY((*tail)->restore(place.id, state_, restored_task));
  TRY(entry->task->resume_after(place.begun.epoch, last, role.producer));
  entry->first_sequence = last;
  entry->journal = place.begun.journal;
  if (keeps_table) {
    entry->view = std::make_shared<engine::TableView>(*plan.materialization, *entry->task);
    recovered_.table_rows += entry->view->size();
  }
  ++recovered_.tasks;
  place.built = std::move(entry);
  return {};
}

namespace {

// Returns whether the stage joins a stream with a table.
bool joins_table(const engine::StagePlan& stage) {
  return std::ranges::any_of(stage.nodes, [](const engine::PlanNode& node) {
    return std::holds_alternative<engine::StreamTableJoinStep>(node.step);
  });
}

}  // namespace

// Only a join of a stream with a table depends on the order in which its inputs are read: a join of
// two tables gives the same rows whichever is read first, and a join of two streams matches in both
// directions.
void QueryTasks::await_writers(const engine::StagePlan& stage, const std::string& query_id,
                               Shard& shard, std::span<engine::Task::Input> inputs,
                               ShardTask& task) const {
  if (!joins_wait_ || !commits_->shows_outputs_with_commits() || !joins_table(stage)) return;
  task.wake_key = Shard::new_wake_key();
  const auto wake = [&shard, key = to_storage(*task.wake_key)] { shard.wake(std::span(&key, 1)); };
  std::map<Uuid, engine::TopicWritersPtr> by_topic;
  for (engine::Task::Input& input : inputs) {
    if (input.is_exchange) continue;
    const auto [writers, is_new] = by_topic.try_emplace(input.partition.topic);
    if (is_new) writers->second = progress_.writers_of(input.partition.topic, query_id, wake);
    input.topic_writers = writers->second;
  }
}

// Stores how many tasks each stage has, before the tasks publish positions. So while a task of a
// stage is missing, the stage does not count as having passed any position.
void QueryTasks::expect_tasks(std::span<const TaskPlace> places) const {
  std::map<const QueryLaunch*, std::vector<size_t>> counts;
  for (const TaskPlace& place : places) {
    const auto [by_stage, is_new] = counts.try_emplace(place.launch);
    if (is_new) by_stage->second.resize(place.launch->defined->plan->stages.size());
    ++by_stage->second[static_cast<size_t>(place.stage)];
  }
  for (auto& [launch, by_stage] : counts)
    if (const auto progress = progress_.find(launch->defined->plan->id))
      progress->expect(std::move(by_stage));
}

// Passes the tasks to the shards, with one message to each shard.
void QueryTasks::hand_over(std::vector<TaskPlace> places) {
  std::map<Shard*, std::vector<TaskPlace>> by_shard;
  for (TaskPlace& place : places) {
    assert(place.built && place.built->task);
    by_shard[&shard_for(place.built->query_id, place.number)].push_back(std::move(place));
  }
  for (auto& [shard, its_places] : by_shard) {
    // A shared_ptr, because a posted function must be copyable. If the shard stops before it runs
    // the function, the tasks are destroyed with it.
    auto shared = std::make_shared<std::vector<TaskPlace>>(std::move(its_places));
    shard->post([shard = shard, shared] {
      for (TaskPlace& place : *shared) shard->add(std::move(place.built));
    });
  }
}

// --- Unclean elections

// Builds a declared table again, because it has rows from records that its topic no longer has.
// renew_table() removes the table's tasks and state. The tasks read the topic from the beginning as
// soon as the local replica has the records of the leader. Nodes whose replica has lost nothing do
// the same: their tables may have rows from records that the log has deleted in the meantime.
Status QueryTasks::renew_if_lost(const DefinedQuery& defined) {
  const PartitionElections elections = elections_of(defined);
  return elections.empty() ? Status() : renew_table(defined, elections);
}

Status QueryTasks::renew_table(const DefinedQuery& defined, const PartitionElections& elections) {
  const std::string& id = defined.plan->id;
  if (!renewed_) renewed_ = TRY(RenewedTables::read(log_));
  const Revision newest = newest_of(elections);
  if (renewed_->renewed_after(id) >= newest) return check_follows(elections);
  remove(id);
  if (!shards_run_)
    return Error{ErrorCode::QueryCanceled, "the table is rebuilt when the node has started"};
  TRY(check_follows(elections));
  TRY(drop_state(id));
  TRY(renewed_->note(id, newest));
  const auto& [partition, election] =
      *std::ranges::find(elections, newest, [](const auto& each) { return each.second.revision; });
  log_warn(
      "a table is rebuilt because an unclean election lost records query={} topic={} partition={} "
      "epoch={}",
      id, partition.topic.to_string(), partition.partition.value(), election.epoch.value());
  return {};
}

Status QueryTasks::check_follows(const PartitionElections& elections) const {
  for (const auto& [partition, election] : elections) {
    if (!has_replica_(partition)) continue;
    const auto status = log_.find_partition(partition);
    if (status && status->leader_epoch() >= election.epoch) continue;
    return Error{ErrorCode::QueryCanceled,
                 fmt::format("partition {} of topic {} does not have the state of its new leader "
                             "yet",
                             partition.partition.value(), partition.topic.to_string())};
  }
  return {};
}

std::vector<Status> QueryTasks::start(std::span<const QueryLaunch> launches,
                                      const GivesWay& gives_way) {
  std::vector<Status> results(launches.size());
  const std::unique_ptr<CommitPath::Start> start = commits_->prepare(launches, results);
  std::vector<TaskPlace> places;
  const auto topics = find_topics_();  // fetched once, so that all tasks of a query fit together
  for (size_t i = 0; i < launches.size(); ++i) {
    if (results[i]) results[i] = make_exchanges(*launches[i].defined, *topics);
    if (results[i]) results[i] = place(launches[i], i, *topics, places);
  }
  // If a task of a query fails, none of the query's tasks runs.
  const auto leave_out_failed = [&] {
    std::erase_if(places, [&](const TaskPlace& place) { return !results[place.query]; });
  };
  find_lost(places, results);
  leave_out_failed();
  // The former owners are fenced before any other change. If that fails, nothing has changed.
  if (const Status begun = begin_tasks(places, results); !begun) {
    for (const TaskPlace& place : places) results[place.query] = begun;
    return results;
  }
  start->tasks_have_begun(launches, places, results);
  for (const TaskPlace& place : places) remove(place.launch->defined->plan->id);
  leave_out_failed();
  build_all(places, *topics, gives_way, results);
  leave_out_failed();
  for (const TaskPlace& place : places) on_shards_.insert(place.launch->defined->plan->id);
  expect_tasks(places);
  hand_over(std::move(places));
  return results;
}

void QueryTasks::build_all(std::span<TaskPlace> places, const storage::TopicSnapshot& topics,
                           const GivesWay& gives_way, std::vector<Status>& results) {
  const Tails tails = read_journals(places);
  std::mutex mutex;  // guards `results`
  for_all(places.size(), [&](size_t i) {
    Status built = check_goes_on(gives_way);
    if (built) built = build(places[i], tails, topics, gives_way);
    if (built) return;
    if (storage::is_damage(built.error().code))
      built = damaged(built.error(), *places[i].launch->defined);
    std::lock_guard lock(mutex);
    results[places[i].query] = std::move(built);
  });
}

void QueryTasks::remove(const std::string& query_id) {
  // Without an entry the query has no tasks, for example during the start, before the shards run.
  if (on_shards_.erase(query_id) == 0) return;
  for (Shard* shard : shards_) run_on(*shard, [&] { shard->remove_query(query_id); });
}

void QueryTasks::pause(const std::string& query_id, bool is_paused) {
  for (Shard* shard : shards_) run_on(*shard, [&] { shard->pause_query(query_id, is_paused); });
}

Result<QueryTasks::Inventory> QueryTasks::inventory() const {
  Inventory inventory;
  for (const storage::StoredTopic& topic : log_.topics()) inventory.topics.push_back(topic.id);
  for (const auto& task : TRY(log_.tasks())) inventory.queries.emplace(query_of(task.id));
  for (const std::string& task : TRY(state_.task_ids())) inventory.queries.emplace(query_of(task));
  return inventory;
}

Status QueryTasks::drop_state(const std::string& query_id) {
  commits_->forget(query_id);
  const std::string prefix = query_id + "/";
  TRY(wait_for([&](auto done) { log_.drop_tasks(prefix, std::move(done)); }));
  // The shards have now been notified of all earlier commits, and no further commits follow.
  std::vector<std::function<void()>> left;
  for (Shard* shard : shards_) run_on(*shard, [&] { shard->drop_journalled(prefix, left); });
  for (const auto& rest : left) rest();
  return wait_for([&](auto done) { state_.drop_tasks(prefix, std::move(done)); });
}

Status QueryTasks::drop_topic(const Uuid& topic) {
  return wait_for([&](auto done) { log_.drop_topic(topic, std::move(done)); });
}

}  // namespace server
