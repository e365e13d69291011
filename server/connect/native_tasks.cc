// The parts of NativeConnectors that concern tasks: starting and ending them, changing definitions,
// and reading and setting positions.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/log.h"
#include "base/suggest.h"
#include "engine/connect/sink_objects.h"
#include "engine/connect/state_record.h"
#include "engine/formats/json/json_tree.h"
#include "server/connect/native_connectors.h"
#include "server/connect/sink_task.h"

namespace server {

namespace {

constexpr int32_t kTaskNumber = 0;

BadRecordPolicy bad_record_policy(const storage::ConnectorDefinition& definition,
                                  const UsableConfig& usable) {
  const engine::PropertyValues& values = usable.values;
  return {values.text("errors.tolerance") == "all",
          values.flag("errors.log.enable"),
          values.flag("errors.log.include.messages"),
          {values.text("errors.deadletterqueue.topic.name"),
           values.flag("errors.deadletterqueue.context.headers.enable"), definition.name,
           std::string(usable.of->name), kTaskNumber}};
}

// Returns whether a database stores the positions of the connector. The task uses the position in
// the database, unless a user has set another one. Therefore RESET OFFSETS must write a position to
// __connect_state.
bool keeps_positions_outside(const engine::ConnectorClass* of, const ConnectorFamily* family,
                             const storage::ConnectorDefinition& definition) {
  if (of->type != engine::ConnectorType::Sink) return false;
  return family->plan_sink(*of, engine::PropertyValues(family->rows(*of), definition.config))
      .tables.has_value();
}

// Returns the position that RESET OFFSETS stores.
std::string beginning(const Uuid& connector) {
  return engine::encode_position(
      {engine::sink_offset_json({Offset{0}, std::string(kTopicOfReset)}), connector});
}

}  // namespace

Result<CreatedConnector> NativeConnectors::replace(const Definition& old, ConnectorConfig config) {
  UsableConfig usable = TRY(usable_config(families_, settings_.secrets, old->name, config,
                                          engine::ConnectorType::Unknown));
  TRY(host_.check(*usable.of, usable.values));
  const bool is_sink = usable.of->type == engine::ConnectorType::Sink;
  SourcePlan plan;
  if (is_sink)
    TRY(check_new_sink(usable, old->name, old->owner));
  else
    plan =
        TRY(usable.family->plan_source(*usable.of, usable.values, owner_of(old->name, old->owner)));
  Declarations declared(definitions_, old->owner.empty() ? Asker() : Asker(old->owner));
  TRY(make_topics(plan, usable, declared));
  auto changed = std::make_shared<storage::ConnectorDefinition>(*old);
  changed->config = std::move(config);
  TRY(store(old->name, old, changed));
  declared.keep();
  stop_tasks(old->name);
  start_tasks(changed);
  return CreatedConnector{info_of(*changed), false, std::move(usable.notices)};
}

Result<std::vector<ConnectorNotice>> NativeConnectors::drop(const std::string& name) {
  const Definition definition = TRY(find(name));
  stop_tasks(name);
  if (const Status dropped = store(name, definition, nullptr); !dropped) {
    start_tasks(definition);
    return dropped.error();
  }
  // If the server crashes before these records are deleted, they remain. No other connector uses
  // them, because they contain the id of the dropped connector.
  auto changes = deletions(name, {});
  if (changes) std::ranges::move(host_.end_of_fence(name), std::back_inserter(*changes));
  const Status cleaned = changes ? write_state(*definition, *changes) : Status(changes.error());
  if (!cleaned)
    log_warn("the state of a dropped connector stays name={} error=\"{}\"", name,
             cleaned.error().message);
  log_info("connector dropped name={}", name);
  const auto usable = usable_config(families_, settings_.secrets, name, definition->config,
                                    engine::ConnectorType::Unknown);
  if (!usable) return std::vector<ConnectorNotice>();
  return usable->family->after_drop(*usable->of, usable->values, owner_of(name, definition->owner));
}

Status NativeConnectors::set_state(const std::string& name, TargetState target) {
  const Definition old = TRY(find(name));
  auto changed = std::make_shared<storage::ConnectorDefinition>(*old);
  changed->target = target == TargetState::Running  ? storage::ConnectorTarget::Running
                    : target == TargetState::Paused ? storage::ConnectorTarget::Paused
                                                    : storage::ConnectorTarget::Stopped;
  TRY(store(name, old, changed));
  const auto run = runs_.find(name);
  if (changed->target == storage::ConnectorTarget::Stopped) {
    stop_tasks(name);
  } else if (run == runs_.end()) {
    start_tasks(changed);
  } else {
    run->second.definition = changed;  // no other thread reads this member
    if (run->second.task)
      run->second.task->pause(changed->target == storage::ConnectorTarget::Paused);
  }
  return {};
}

// --- State

Status NativeConnectors::write_state(const storage::ConnectorDefinition& definition,
                                     std::vector<StateChange> changes) {
  if (changes.empty()) return {};
  // The commit needs no condition, because no task runs that could write the keys meanwhile.
  const PartitionId partition = engine::connect_state_partition(definition.name, kTaskNumber);
  TRY(submit_commit(log_, {{}, std::move(changes), partition, kNoCondition}).get());
  return {};
}

Result<std::vector<StateChange>> NativeConnectors::deletions(
    const std::string& name, std::initializer_list<std::string_view> kinds) {
  ConnectState state;
  TRY(log_.read(engine::connect_state_partition(name, kTaskNumber), state));
  std::vector<StateChange> changes;
  for (const auto& [key, entry] : state.entries) {
    const auto parsed = engine::parse_state_key(key);
    if (!parsed || parsed->connector != name) continue;
    if (kinds.size() == 0 || std::ranges::find(kinds, parsed->kind) != kinds.end())
      changes.push_back({key, std::nullopt});
  }
  return changes;
}

Result<engine::RowColumns> NativeConnectors::stored_columns(
    const storage::ConnectorDefinition& definition) {
  ConnectState state;
  TRY(log_.read(engine::connect_state_partition(definition.name, kTaskNumber), state));
  const auto found = state.entries.find(engine::table_key(definition.name, definition.name, 1));
  if (found == state.entries.end()) return engine::RowColumns();
  const engine::JsonTree table = TRY(engine::parse_json_tree(found->second.value));
  const engine::JsonTree* columns = table.find("columns");
  if (columns == nullptr || table.text_of("connector") != definition.id.to_string())
    return engine::RowColumns();
  return engine::parse_row_columns(engine::json_tree_text(*columns));
}

Result<std::vector<ConnectorOffset>> NativeConnectors::offsets(const std::string& name) {
  const Definition definition = TRY(find(name));
  ConnectState state;
  TRY(log_.read(engine::connect_state_partition(name, kTaskNumber), state));
  std::vector<ConnectorOffset> offsets;
  for (const auto& [key, entry] : state.entries) {
    const auto parsed = engine::parse_state_key(key);
    if (!parsed || parsed->kind != "position" || parsed->connector != name) continue;
    const auto value = engine::parse_position(entry.value);
    if (!value || value->connector != definition->id) continue;
    const auto sink = engine::parse_sink_offset(value->offset_json);
    if (sink && sink->topic_id == kTopicOfReset) continue;
    offsets.push_back(
        {parsed->rest, sink ? engine::sink_offset_json({sink->next}) : value->offset_json});
  }
  return offsets;
}

Result<std::string> NativeConnectors::alter_offsets(const std::string& name,
                                                    const std::vector<ConnectorOffset>& offsets) {
  const Definition definition = TRY(find_stopped(name));
  const auto native = native_class(families_, definition->config, engine::ConnectorType::Unknown);
  const bool is_sink = native && native->of->type == engine::ConnectorType::Sink;
  std::vector<StateChange> changes;
  for (const ConnectorOffset& each : offsets) {
    const std::string partition = TRY(engine::canonical_json_object(each.partition));
    if (is_sink) {
      const auto parsed = engine::parse_sink_partition(partition);
      if (!parsed || (each.offset != "null" && !engine::parse_sink_offset(each.offset)))
        return Error{ErrorCode::InvalidParameter,
                     fmt::format("{} with the offset {} is no position of a sink", each.partition,
                                 each.offset),
                     {},
                     "A position of a sink is {\"partition\": {\"kafka_topic\": \"t\", "
                     "\"kafka_partition\": 0}, \"offset\": {\"kafka_offset\": 7}}."};
      // Also deletes the intent to write an object. If the task executed this intent later, the new position would
      // be overwritten.
      changes.push_back({engine::intent_key(name, parsed->first, parsed->second), std::nullopt});
    }
    StateChange& change = changes.emplace_back();
    change.key = engine::position_key(name, partition);
    if (each.offset == "null") {
      if (is_sink && keeps_positions_outside(native->of, native->family, *definition))
        change.value = beginning(definition->id);
      continue;
    }
    change.value =
        engine::encode_position({TRY(engine::canonical_json_object(each.offset)), definition->id});
  }
  std::ranges::move(TRY(host_.fence(*definition)), std::back_inserter(changes));
  TRY(write_state(*definition, std::move(changes)));
  return std::string("The offsets for this connector have been altered successfully");
}

Result<std::string> NativeConnectors::reset_offsets(const std::string& name) {
  const Definition definition = TRY(find_stopped(name));
  std::vector<StateChange> changes = TRY(deletions(name, {"position", "intent"}));
  const auto native = native_class(families_, definition->config, engine::ConnectorType::Unknown);
  if (native && keeps_positions_outside(native->of, native->family, *definition)) {
    const auto topics = definitions_.image()->topics;
    for (const std::string& topic : engine::PropertyValues({}, definition->config).list("topics")) {
      const storage::TopicInfo* const info = topics->find(topic);
      const int32_t partitions = info == nullptr ? 0 : info->partition_count;
      for (PartitionId partition{0}; partition.value() < partitions; ++partition)
        changes.push_back(
            {engine::position_key(name, engine::sink_partition_json(topic, partition)),
             beginning(definition->id)});
    }
  }
  std::ranges::move(TRY(host_.fence(*definition)), std::back_inserter(changes));
  TRY(write_state(*definition, std::move(changes)));
  return std::string("The offsets for this connector have been reset successfully");
}

// --- Tasks

size_t NativeConnectors::running_threads() const {
  return static_cast<size_t>(std::ranges::count_if(
      runs_, [](const auto& each) { return each.second.task && !each.second.task->has_failed(); }));
}

Status NativeConnectors::check_sink_topics(const UsableConfig& usable,
                                           const std::string& owner) const {
  const MetadataImagePtr image = definitions_.image();
  for (const std::string& topic : usable.values.list("topics")) {
    // UndefinedObject is not permanent, so the task tries again later. It continues if the topic
    // was dropped and is created again.
    if (image->topics->find(topic) == nullptr) {
      std::vector<std::string> others;
      for (const auto& [other, info] : image->topics->by_name())
        if (owner.empty() || check_topic(*image->users, owner, other, storage::kMaySelect))
          others.push_back(other);
      return Error{ErrorCode::UndefinedObject,
                   fmt::format("topic \"{}\" does not exist", topic),
                   {},
                   did_you_mean(topic, others, "SHOW TOPICS lists the topics.", "\"", "\"")};
    }
    if (!owner.empty()) TRY(check_topic(*image->users, owner, topic, storage::kMaySelect));
  }
  return {};
}

Status NativeConnectors::check_new_sink(const UsableConfig& usable, const std::string& name,
                                        const std::string& owner) const {
  if (Status topics = check_sink_topics(usable, owner); !topics) {
    Error error = topics.error();
    if (error.code == ErrorCode::UndefinedObject) error.code = ErrorCode::InvalidParameter;
    return error;
  }
  const std::vector<std::string> places =
      usable.family->plan_sink(*usable.of, usable.values).places;
  const MetadataImagePtr image = definitions_.image();
  for (const auto& [its_name, definition] : *image->connectors) {
    const auto other = native_class(families_, definition->config, engine::ConnectorType::Unknown);
    if (its_name == name || !other || other->of->type != engine::ConnectorType::Sink ||
        other->family != usable.family)
      continue;
    const engine::PropertyValues values(other->family->rows(*other->of), definition->config);
    for (const std::string& place : other->family->plan_sink(*other->of, values).places)
      if (std::ranges::find(places, place) != places.end())
        return Error{ErrorCode::InvalidParameter,
                     fmt::format("connector {} writes to {} already", its_name, place),
                     "Two sinks would mix their records, or write over each other.",
                     "Choose another place, or drop the other connector."};
  }
  return usable.family->check_sink(*usable.of, usable.values, owner_of(name, owner));
}

ConnectorOwner NativeConnectors::owner_of(const std::string& name, const std::string& owner) const {
  const Asker asker = owner.empty() ? Asker() : Asker(owner);
  return {name, is_superuser(*definitions_.image()->users, asker)};
}

Result<std::unique_ptr<ConnectTask>> NativeConnectors::make_task(const Definition& definition,
                                                                 const UsableConfig& usable) {
  TaskSurroundings around{log_,
                          host_,
                          clock_,
                          memory_,
                          connector_memory_,
                          [this] { return definitions_.image()->topics; }};
  TaskIdentity identity{
      definition, kTaskNumber, [this, definition](std::string text) {
        const auto resolved = resolve_secrets(definition->config, settings_.secrets);
        return resolved ? without_secrets(std::move(text), definition->config, *resolved) : text;
      }};
  if (usable.of->type == engine::ConnectorType::Source) {
    SourceTaskPlan plan = TRY(source_plan(definition, usable));
    plan.identity = std::move(identity);
    return std::unique_ptr<ConnectTask>(
        std::make_unique<SourceTask>(std::move(around), std::move(plan)));
  }
  SinkPlan sink = usable.family->plan_sink(*usable.of, usable.values);
  if (sink.tables)
    return std::unique_ptr<ConnectTask>(std::make_unique<TableTask>(
        std::move(around), table_plan(std::move(identity), usable, std::move(sink))));
  if (sink.batches)
    return std::unique_ptr<ConnectTask>(std::make_unique<BatchTask>(
        std::move(around), batch_plan(std::move(identity), usable, std::move(sink))));
  SinkTaskPlan plan{
      .identity = std::move(identity),
      .open = [this, definition]() -> Result<std::unique_ptr<SinkWriter>> {
        const UsableConfig now =
            TRY(usable_config(families_, settings_.secrets, definition->name, definition->config,
                              engine::ConnectorType::Sink));
        TRY(check_sink_topics(now, definition->owner));
        return now.family->open_sink(*now.of, now.values,
                                     owner_of(definition->name, definition->owner));
      },
      .topics = std::move(sink.topics),
      .limits = sink.limits,
      .begins_at_end = usable.values.text("consumer.override.auto.offset.reset") == "latest",
      .bad_records = bad_record_policy(*definition, usable),
      .transforms = usable.transforms};
  return std::unique_ptr<ConnectTask>(
      std::make_unique<SinkTask>(std::move(around), std::move(plan)));
}

BatchTaskPlan NativeConnectors::batch_plan(TaskIdentity identity, const UsableConfig& usable,
                                           SinkPlan sink) {
  const Definition definition = identity.definition;
  return {.identity = std::move(identity),
          .open = [this, definition]() -> Result<std::unique_ptr<BatchWriter>> {
            const UsableConfig now =
                TRY(usable_config(families_, settings_.secrets, definition->name,
                                  definition->config, engine::ConnectorType::Sink));
            TRY(check_sink_topics(now, definition->owner));
            return now.family->open_batches(*now.of, now.values,
                                            owner_of(definition->name, definition->owner));
          },
          .topics = std::move(sink.topics),
          .batch_records = sink.batches->batch_records,
          .begins_at_end = usable.values.text("consumer.override.auto.offset.reset") == "latest",
          .bad_records = bad_record_policy(*definition, usable),
          .transforms = usable.transforms};
}

TableTaskPlan NativeConnectors::table_plan(TaskIdentity identity, const UsableConfig& usable,
                                           SinkPlan sink) {
  const Definition definition = identity.definition;
  return {.identity = std::move(identity),
          .open = [this, definition]() -> Result<std::unique_ptr<TableWriter>> {
            const UsableConfig now =
                TRY(usable_config(families_, settings_.secrets, definition->name,
                                  definition->config, engine::ConnectorType::Sink));
            TRY(check_sink_topics(now, definition->owner));
            return now.family->open_tables(*now.of, now.values, definition->name);
          },
          .topics = std::move(sink.topics),
          .mapping = std::move(sink.tables->mapping),
          .batch_records = sink.tables->batch_records,
          .is_exactly_once = sink.tables->is_exactly_once,
          .begins_at_end = usable.values.text("consumer.override.auto.offset.reset") == "latest",
          .bad_records = bad_record_policy(*definition, usable),
          .transforms = usable.transforms};
}

Result<SourceTaskPlan> NativeConnectors::source_plan(const Definition& definition,
                                                     const UsableConfig& usable) {
  SourceTaskPlan plan;
  plan.bad_records = bad_record_policy(*definition, usable);
  plan.transforms = usable.transforms;
  for (const char* name : {"max.batch.size", "batch.size"})
    if (const auto size = usable.values.find(name))
      plan.max_records = static_cast<size_t>(usable.values.number(name));
  if (!usable.family->topic_prefix(*usable.of, usable.values).empty() ||
      usable.transforms->routes_by_time())
    plan.admit_topic = [this, definition, partitions = partitions_of_topics(usable.values)](
                           const std::string& topic) -> Status {
      Declarations declared(definitions_,
                            definition->owner.empty() ? Asker() : Asker(definition->owner));
      TRY(declared.make_topic(topic, partitions));
      declared.keep();
      return {};
    };
  plan.open = [this, definition,
               columns =
                   TRY(stored_columns(*definition))]() -> Result<std::unique_ptr<SourceReader>> {
    const UsableConfig now = TRY(usable_config(families_, settings_.secrets, definition->name,
                                               definition->config, engine::ConnectorType::Unknown));
    // The rights are checked at each start, since they may have changed since the creation.
    const MetadataImagePtr image = definitions_.image();
    if (const std::string written = now.values.text("topic");
        !written.empty() && !definition->owner.empty() && !now.transforms->routes_by_time())
      for (const std::string& topic : now.transforms->topics_of(written))
        TRY(check_topic(*image->users, definition->owner, topic, storage::kMayInsert));
    return now.family->open_source(*now.of, now.values, columns,
                                   owner_of(definition->name, definition->owner));
  };
  return plan;
}

void NativeConnectors::start_tasks(const Definition& definition) {
  if (definition->target == storage::ConnectorTarget::Stopped) return;
  if (!host_.runs_here(*definition)) return;
  stop_tasks(definition->name);
  Run run{.definition = definition};
  run.restart = host_.restart_request(definition->name);
  if (running_threads() >= static_cast<size_t>(settings_.max_threads)) {
    run.waits_for = fmt::format("waits for a thread: {} of {} are in use", running_threads(),
                                settings_.max_threads);
  } else {
    const auto usable = usable_config(families_, settings_.secrets, definition->name,
                                      definition->config, engine::ConnectorType::Unknown);
    auto task = usable ? make_task(definition, *usable)
                       : Result<std::unique_ptr<ConnectTask>>(usable.error());
    if (task) {
      run.task = *std::move(task);
      run.task->pause(definition->target == storage::ConnectorTarget::Paused);
      run.task->start();
      if (usable->family->name() == kWebhookFamily &&
          definition->target == storage::ConnectorTarget::Running)
        await_webhook(definition->name, *run.task);
    } else {
      run.failure = trace_of(task.error());
      log_warn("connector cannot start name={} error=\"{}\"", definition->name,
               task.error().message);
    }
  }
  const std::lock_guard lock(runs_mutex_);
  runs_.insert_or_assign(definition->name, std::move(run));
}

// Waits until the webhook is open, so that a sender that posts right after CREATE or RESUME does
// not get an answer that the webhook does not run.
void NativeConnectors::await_webhook(const std::string& name, const ConnectTask& task) const {
  constexpr int64_t kPatienceUs = 5'000'000;
  const int64_t end_us = clock_.monotonic_us() + kPatienceUs;
  webhooks_.await(name, [&] {
    const ConnectorState state = task.facts().state;
    return state == ConnectorState::Failed || state == ConnectorState::Restarting ||
           clock_.monotonic_us() > end_us;
  });
}

void NativeConnectors::stop_tasks(const std::string& name) {
  decltype(runs_)::node_type ended;
  {
    const std::lock_guard lock(runs_mutex_);
    ended = runs_.extract(name);
  }
  // `ended` is destroyed after the mutex was released, because the destructor of its task waits for
  // a thread.
}

Status NativeConnectors::restart(const Definition& definition) {
  TRY(host_.request_restart(*definition));
  host_.refresh();
  if (!runs_.contains(definition->name)) return {};  // another node runs the task
  stop_tasks(definition->name);
  start_tasks(definition);
  return {};
}

void NativeConnectors::follow() {
  host_.refresh();
  const MetadataImagePtr image = definitions_.image();
  std::vector<std::string> ended;
  for (auto& [name, run] : runs_) {
    const auto found = image->connectors->find(name);
    const Definition now = found == image->connectors->end() ? nullptr : found->second;
    if (!now || !may_continue(*now, run)) {
      ended.push_back(name);
      continue;
    }
    if (run.definition->target != now->target && run.task)
      run.task->pause(now->target == storage::ConnectorTarget::Paused);
    run.definition = now;
    host_.publish(*now, {facts_of_run(run), worker_id_});
  }
  for (const std::string& name : ended) stop_tasks(name);
  for (const auto& [name, definition] : *image->connectors)
    if (!runs_.contains(name)) start_tasks(definition);
  start_waiting();
}

bool NativeConnectors::may_continue(const storage::ConnectorDefinition& now, const Run& run) const {
  return now.id == run.definition->id && now.owner == run.definition->owner &&
         now.config == run.definition->config && now.target != storage::ConnectorTarget::Stopped &&
         run.restart == host_.restart_request(now.name) && host_.runs_here(now) &&
         !(run.task && run.task->is_fenced());
}

void NativeConnectors::start_waiting() {
  for (auto& [name, run] : runs_)
    if (!run.waits_for.empty() && running_threads() < static_cast<size_t>(settings_.max_threads)) {
      const Definition definition = run.definition;
      return start_tasks(definition);  // starts only one task, since start_tasks() changes runs_
    }
}

TaskFacts NativeConnectors::facts_of_run(const Run& run) {
  if (run.task) return run.task->facts();
  TaskFacts facts;
  facts.trace = run.failure.value_or(run.waits_for);
  if (run.failure) facts.state = ConnectorState::Failed;
  return facts;
}

TaskReport NativeConnectors::report_of(const storage::ConnectorDefinition& definition) const {
  TaskReport own{{}, worker_id_};
  const auto run = runs_.find(definition.name);
  if (run != runs_.end())
    own.facts = facts_of_run(run->second);
  else
    own.facts.state = ConnectorState::Stopped;
  return host_.shown(definition, std::move(own));
}

std::vector<NativeConnectors::TaskFigures> NativeConnectors::figures() const {
  const std::lock_guard lock(runs_mutex_);
  std::vector<TaskFigures> figures;
  for (const auto& [name, run] : runs_) figures.push_back({name, kTaskNumber, facts_of_run(run)});
  return figures;
}

ConnectorInfo NativeConnectors::info_of(const storage::ConnectorDefinition& definition) const {
  ConnectorInfo info;
  info.name = definition.name;
  info.config = definition.config;
  info.owner = definition.owner;
  info.runs_at = kThisServer;
  info.state = definition.target == storage::ConnectorTarget::Running  ? ConnectorState::Running
               : definition.target == storage::ConnectorTarget::Paused ? ConnectorState::Paused
                                                                       : ConnectorState::Stopped;
  const TaskReport report = report_of(definition);
  const TaskFacts& facts = report.facts;
  info.worker_id = report.worker;
  if (has_task(definition))
    info.tasks.push_back({kTaskNumber, facts.state, info.worker_id, facts.trace});
  info.errors = facts.errors;
  info.lag_records = facts.lag_records;
  const auto native = native_class(families_, definition.config, engine::ConnectorType::Unknown);
  if (const auto named = definition.config.find("connector.class");
      named != definition.config.end())
    info.class_name = named->second;
  if (!native) return info;
  info.type = native->of->type;
  info.guarantee = native->family->guarantee(*native->of);
  if (info.type == engine::ConnectorType::Sink) {
    info.topics =
        engine::PropertyValues(native->family->rows(*native->of), definition.config).list("topics");
    return info;
  }
  const MetadataImagePtr image = definitions_.image();
  if (const auto topic = definition.config.find("topic"); topic != definition.config.end())
    info.topics.push_back(topic->second);
  const std::string prefix = native->family->topic_prefix(
      *native->of, engine::PropertyValues(native->family->rows(*native->of), definition.config));
  if (!prefix.empty())
    for (const auto& [name, topic] : image->topics->by_name())
      if (name.starts_with(prefix)) info.topics.push_back(name);
  for (const auto& [name, source] : image->catalog->sources())
    if (std::ranges::find(info.topics, source->topic) != info.topics.end())
      info.sources.push_back(name);
  return info;
}

TaskProgress NativeConnectors::progress_of(const storage::ConnectorDefinition& definition) const {
  const TaskReport report = report_of(definition);
  const TaskFacts& facts = report.facts;
  constexpr int64_t kUsOfMs = 1'000;
  TaskProgress progress;
  progress.connector = definition.name;
  progress.task = {kTaskNumber, facts.state, report.worker, facts.trace};
  progress.position = facts.position;
  progress.lag_bytes = facts.lag_bytes;
  progress.lag_records = facts.lag_records;
  progress.records = facts.records;
  progress.commits = facts.commits;
  progress.commit_ms = facts.last_commit_us / kUsOfMs;
  progress.retries = facts.retries;
  progress.dead_letters = facts.dead_letters;
  progress.memory_bytes = facts.memory_bytes;
  progress.restarts = facts.restarts;
  progress.config = definition.config;
  return progress;
}

}  // namespace server
