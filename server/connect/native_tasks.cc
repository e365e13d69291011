// The tasks of native connectors: their start and end, their positions, and the changes of definitions that concern
// them.
#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "engine/connect/state_record.h"
#include "engine/formats/json/json_tree.h"
#include "server/connect/native_connectors.h"

namespace server {

namespace {

constexpr int32_t kTaskNumber = 0;

std::string failure_text(const Error& error) {
  std::string text = error.message;
  if (!error.detail.empty()) text += "\nDETAIL: " + error.detail;
  if (!error.hint.empty()) text += "\nHINT: " + error.hint;
  return text;
}

}  // namespace

Result<CreatedConnector> NativeConnectors::replace(const Definition& old, ConnectorConfig config) {
  UsableConfig usable = TRY(usable_config(families_, settings_.secrets, old->name, config,
                                          engine::ConnectorType::Unknown));
  const SourcePlan plan = TRY(usable.family->plan_source(*usable.of, usable.values));
  Declarations declared(definitions_, old->owner.empty() ? Asker() : Asker(old->owner));
  TRY(make_topics(plan, usable.values, declared));
  auto changed = std::make_shared<storage::ConnectorDefinition>(*old);
  changed->config = std::move(config);
  TRY(store(old->name, changed));
  declared.keep();
  stop_tasks(old->name);
  start_tasks(changed);
  return CreatedConnector{info_of(*changed), false, std::move(usable.notices)};
}

Result<std::vector<ConnectorNotice>> NativeConnectors::drop(const std::string& name) {
  const Definition definition = TRY(find(name));
  stop_tasks(name);
  if (const Status dropped = store(name, nullptr); !dropped) {
    start_tasks(definition);
    return dropped.error();
  }
  // A crash before this write leaves records with the id of the dropped connector, which count for no other.
  const auto changes = deletions(name, {});
  const Status cleaned = changes ? write_state(*definition, *changes) : Status(changes.error());
  if (!cleaned)
    log_warn("the state of a dropped connector stays name={} error=\"{}\"", name,
             cleaned.error().message);
  log_info("connector dropped name={}", name);
  return std::vector<ConnectorNotice>();
}

Status NativeConnectors::set_state(const std::string& name, TargetState target) {
  auto changed = std::make_shared<storage::ConnectorDefinition>(*TRY(find(name)));
  changed->target = target == TargetState::Running  ? storage::ConnectorTarget::Running
                    : target == TargetState::Paused ? storage::ConnectorTarget::Paused
                                                    : storage::ConnectorTarget::Stopped;
  TRY(store(name, changed));
  const auto run = runs_.find(name);
  if (changed->target == storage::ConnectorTarget::Stopped) {
    stop_tasks(name);
  } else if (run == runs_.end()) {
    start_tasks(changed);
  } else {
    run->second.definition = changed;
    if (run->second.task)
      run->second.task->pause(changed->target == storage::ConnectorTarget::Paused);
  }
  return {};
}

// --- State

Status NativeConnectors::write_state(const storage::ConnectorDefinition& definition,
                                     std::vector<StateChange> changes) {
  if (changes.empty()) return {};
  constexpr Offset kNoCondition{INT64_MAX};  // no task runs that could write the keys
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
    if (value && value->connector == definition->id)
      offsets.push_back({parsed->rest, value->offset_json});
  }
  return offsets;
}

Result<std::string> NativeConnectors::alter_offsets(const std::string& name,
                                                    const std::vector<ConnectorOffset>& offsets) {
  const Definition definition = TRY(find_stopped(name));
  std::vector<StateChange> changes;
  for (const ConnectorOffset& each : offsets) {
    const std::string partition = TRY(engine::canonical_json_object(each.partition));
    StateChange& change = changes.emplace_back();
    change.key = engine::position_key(name, partition);
    if (each.offset == "null") continue;
    change.value =
        engine::encode_position({TRY(engine::canonical_json_object(each.offset)), definition->id});
  }
  TRY(write_state(*definition, std::move(changes)));
  return std::string("The offsets for this connector have been altered successfully");
}

Result<std::string> NativeConnectors::reset_offsets(const std::string& name) {
  const Definition definition = TRY(find_stopped(name));
  std::vector<StateChange> changes = TRY(deletions(name, {"position"}));
  TRY(write_state(*definition, std::move(changes)));
  return std::string("The offsets for this connector have been reset successfully");
}

// --- Tasks

size_t NativeConnectors::running_threads() const {
  return static_cast<size_t>(std::ranges::count_if(
      runs_, [](const auto& each) { return each.second.task && !each.second.task->has_failed(); }));
}

Result<SourceTaskPlan> NativeConnectors::task_plan(const Definition& definition,
                                                   const UsableConfig& usable) {
  SourceTaskPlan plan;
  plan.definition = definition;
  plan.task = kTaskNumber;
  plan.tolerates_bad_records = usable.values.text("errors.tolerance") == "all";
  plan.logs_bad_records = usable.values.flag("errors.log.enable");
  plan.logs_their_bytes = usable.values.flag("errors.log.include.messages");
  for (const char* name : {"batch.size", "max.batch.size"})
    if (const auto size = usable.values.find(name))
      plan.max_records = static_cast<size_t>(usable.values.number(name));
  plan.dead_letters = {usable.values.text("errors.deadletterqueue.topic.name"),
                       usable.values.flag("errors.deadletterqueue.context.headers.enable"),
                       definition->name, std::string(usable.of->name), kTaskNumber};
  plan.open = [this, definition,
               columns =
                   TRY(stored_columns(*definition))]() -> Result<std::unique_ptr<SourceReader>> {
    const UsableConfig now = TRY(usable_config(families_, settings_.secrets, definition->name,
                                               definition->config, engine::ConnectorType::Unknown));
    // The rights of the owner may have changed since the creation.
    const MetadataImagePtr image = definitions_.image();
    if (!definition->owner.empty())
      TRY(check_topic(*image->users, definition->owner, now.values.text("topic"),
                      storage::kMayInsert));
    return now.family->open_source(*now.of, now.values, columns);
  };
  plan.hide_secrets = [this, definition](std::string text) {
    const auto resolved = resolve_secrets(definition->config, settings_.secrets);
    return resolved ? without_secrets(std::move(text), definition->config, *resolved) : text;
  };
  return plan;
}

void NativeConnectors::start_tasks(const Definition& definition) {
  if (definition->target == storage::ConnectorTarget::Stopped) return;
  Run& run = runs_[definition->name];
  run = {.definition = definition};
  if (running_threads() >= static_cast<size_t>(settings_.max_threads)) {
    run.waits_for = fmt::format("waits for a thread: {} of {} are in use", running_threads(),
                                settings_.max_threads);
    return;
  }
  const auto usable = usable_config(families_, settings_.secrets, definition->name,
                                    definition->config, engine::ConnectorType::Unknown);
  auto plan = usable ? task_plan(definition, *usable) : Result<SourceTaskPlan>(usable.error());
  if (!plan) {
    run.failure = failure_text(plan.error());
    log_warn("connector cannot start name={} error=\"{}\"", definition->name, plan.error().message);
    return;
  }
  run.task = std::make_unique<SourceTask>(
      TaskSurroundings{log_, clock_, memory_, [this] { return definitions_.image()->topics; }},
      *std::move(plan));
  run.task->pause(definition->target == storage::ConnectorTarget::Paused);
  run.task->start();
}

void NativeConnectors::stop_tasks(const std::string& name) { runs_.erase(name); }

void NativeConnectors::start_waiting() {
  for (auto& [name, run] : runs_)
    if (!run.waits_for.empty() && running_threads() < static_cast<size_t>(settings_.max_threads)) {
      const Definition definition = run.definition;
      return start_tasks(definition);  // one at a time: the map changes
    }
}

TaskFacts NativeConnectors::facts_of_task(const storage::ConnectorDefinition& definition) const {
  TaskFacts facts;
  const auto run = runs_.find(definition.name);
  if (run == runs_.end()) {
    facts.state = ConnectorState::Stopped;
  } else if (run->second.task) {
    facts = run->second.task->facts();
  } else if (run->second.failure) {
    facts.state = ConnectorState::Failed;
    facts.trace = *run->second.failure;
  } else {
    facts.trace = run->second.waits_for;
  }
  return facts;
}

ConnectorInfo NativeConnectors::info_of(const storage::ConnectorDefinition& definition) const {
  ConnectorInfo info;
  info.name = definition.name;
  info.config = definition.config;
  info.owner = definition.owner;
  info.worker_id = worker_id_;
  info.runs_at = kThisServer;
  info.state = definition.target == storage::ConnectorTarget::Running  ? ConnectorState::Running
               : definition.target == storage::ConnectorTarget::Paused ? ConnectorState::Paused
                                                                       : ConnectorState::Stopped;
  const TaskFacts facts = facts_of_task(definition);
  if (runs_.contains(definition.name))
    info.tasks.push_back({kTaskNumber, facts.state, worker_id_, facts.trace});
  info.errors = facts.errors;
  const auto native = native_class(families_, definition.config, engine::ConnectorType::Unknown);
  if (const auto named = definition.config.find("connector.class");
      named != definition.config.end())
    info.class_name = named->second;
  if (!native) return info;
  info.type = native->of->type;
  info.guarantee = native->family->guarantee(*native->of);
  const auto topic = definition.config.find("topic");
  if (topic == definition.config.end()) return info;
  info.topics.push_back(topic->second);
  const MetadataImagePtr image = definitions_.image();
  for (const auto& [name, source] : image->catalog->sources())
    if (source->topic == topic->second) info.sources.push_back(name);
  return info;
}

TaskProgress NativeConnectors::progress_of(const storage::ConnectorDefinition& definition) const {
  const TaskFacts facts = facts_of_task(definition);
  constexpr int64_t kUsOfMs = 1'000;
  TaskProgress progress;
  progress.connector = definition.name;
  progress.task = {kTaskNumber, facts.state, worker_id_, facts.trace};
  progress.position = facts.position;
  progress.lag_bytes = facts.lag_bytes;
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
