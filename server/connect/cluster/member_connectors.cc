// The parts of NativeConnectors for a node of a cluster: which tasks this node runs, and the states
// of the tasks of all nodes.
#include <fmt/format.h>

#include <utility>

#include "base/log.h"
#include "engine/connect/state_record.h"
#include "server/connect/native_connectors.h"

namespace server {

namespace {

constexpr int32_t kTaskOfMember = 0;

engine::TaskCounts counts_of(const TaskFacts& facts) {
  return {.records = facts.records,
          .bytes = facts.bytes,
          .commits = facts.commits,
          .last_commit_us = facts.last_commit_us,
          .retries = facts.retries,
          .errors = facts.errors,
          .dead_letters = facts.dead_letters,
          .restarts = facts.restarts,
          .memory_bytes = facts.memory_bytes,
          .lag_bytes = facts.lag_bytes,
          .lag_records = facts.lag_records};
}

}  // namespace

bool NativeConnectors::is_placed_here(const storage::ConnectorDefinition& definition) const {
  if (!settings_.cluster) return true;
  const std::string pin = pinned_node(definition.config);
  if (!pin.empty()) return pin == fmt::to_string(settings_.cluster->node);
  const auto topics = definitions_.image()->topics;
  const storage::TopicInfo* const topic = topics->find(engine::kConnectStateTopic);
  return topic != nullptr &&
         settings_.cluster->leads(
             {topic->id, engine::connect_state_partition(definition.name, kTaskOfMember)});
}

const std::string* NativeConnectors::stored_value(const std::string& connector,
                                                  const std::string& key) const {
  const auto state = states_.find(engine::connect_state_partition(connector, kTaskOfMember));
  if (state == states_.end()) return nullptr;
  const auto entry = state->second.entries.find(key);
  return entry == state->second.entries.end() ? nullptr : &entry->second.value;
}

// The record is missing while CREATE CONNECTOR is writing it, and after DROP CONNECTOR.
bool NativeConnectors::has_commit_record(const storage::ConnectorDefinition& definition) const {
  const std::string* const value =
      stored_value(definition.name, engine::commit_key(definition.name, kTaskOfMember));
  if (value == nullptr) return false;
  const auto commit = engine::parse_commit(*value);
  return commit && commit->connector == definition.id;
}

engine::TaskStateValue NativeConnectors::stored_state(
    const storage::ConnectorDefinition& definition) const {
  if (const std::string* const value =
          stored_value(definition.name, engine::task_state_key(definition.name, kTaskOfMember)))
    if (auto state = engine::parse_task_state(*value); state && state->connector == definition.id)
      return *std::move(state);
  return {std::string(connector_state_name(ConnectorState::Unassigned)), {}, definition.id};
}

TaskFacts NativeConnectors::stored_facts(const storage::ConnectorDefinition& definition) const {
  TaskFacts facts;
  if (definition.target == storage::ConnectorTarget::Stopped) {
    facts.state = ConnectorState::Stopped;
    return facts;
  }
  const engine::TaskStateValue stored = stored_state(definition);
  facts.state = connector_state_named(stored.state).value_or(ConnectorState::Unassigned);
  facts.trace = stored.trace;
  facts.records = stored.counts.records;
  facts.bytes = stored.counts.bytes;
  facts.commits = stored.counts.commits;
  facts.last_commit_us = stored.counts.last_commit_us;
  facts.retries = stored.counts.retries;
  facts.errors = stored.counts.errors;
  facts.dead_letters = stored.counts.dead_letters;
  facts.restarts = stored.counts.restarts;
  facts.memory_bytes = stored.counts.memory_bytes;
  facts.lag_bytes = stored.counts.lag_bytes;
  facts.lag_records = stored.counts.lag_records;
  facts.position = stored_position(definition);
  return facts;
}

// Returns the newest position.
std::string NativeConnectors::stored_position(
    const storage::ConnectorDefinition& definition) const {
  const auto state = states_.find(engine::connect_state_partition(definition.name, kTaskOfMember));
  if (state == states_.end()) return {};
  std::string newest;
  Offset newest_offset{-1};
  for (const auto& [key, entry] : state->second.entries) {
    if (entry.offset < newest_offset) continue;
    const auto parsed = engine::parse_state_key(key);
    if (!parsed || parsed->kind != "position" || parsed->connector != definition.name) continue;
    const auto value = engine::parse_position(entry.value);
    if (!value || value->connector != definition.id) continue;
    newest = parsed->rest + " " + value->offset_json;
    newest_offset = entry.offset;
  }
  return newest;
}

void NativeConnectors::read_states() {
  const MetadataImagePtr image = definitions_.image();
  if (image->topics->find(engine::kConnectStateTopic) == nullptr) return;
  std::set<PartitionId> partitions;
  for (const auto& [name, definition] : *image->connectors)
    partitions.insert(engine::connect_state_partition(name, kTaskOfMember));
  std::erase_if(states_, [&](const auto& each) { return !partitions.contains(each.first); });
  for (const PartitionId partition : partitions)
    if (const Status read = log_.read(partition, states_[partition]); !read)
      log_debug("the state of connectors is not readable partition={} error=\"{}\"",
                partition.value(), read.error().message);
}

void NativeConnectors::follow_cluster() {
  read_states();
  const MetadataImagePtr image = definitions_.image();
  std::vector<std::string> ended;
  for (auto& [name, run] : runs_) {
    const auto found = image->connectors->find(name);
    const Definition now = found == image->connectors->end() ? nullptr : found->second;
    if (!now || !may_run(*now, run)) {
      ended.push_back(name);
      continue;
    }
    if (run.definition->target != now->target && run.task)
      run.task->pause(now->target == storage::ConnectorTarget::Paused);
    run.definition = now;
    store_state(run);
  }
  for (const std::string& name : ended) stop_tasks(name);
  for (const auto& [name, definition] : *image->connectors)
    if (!runs_.contains(name)) start_tasks(definition);
  start_waiting();
}

bool NativeConnectors::may_run(const storage::ConnectorDefinition& now, const Run& run) const {
  const std::string* const restart =
      stored_value(now.name, engine::restart_key(now.name, kTaskOfMember));
  const bool is_same = now.id == run.definition->id && now.owner == run.definition->owner &&
                       now.config == run.definition->config &&
                       run.restart == (restart == nullptr ? std::string() : *restart);
  return is_same && now.target != storage::ConnectorTarget::Stopped && is_placed_here(now) &&
         !(run.task && run.task->is_fenced());
}

// Stores the state of a task that this node runs, if it differs from the newest record of
// __connect_state. The record may be that of another node, which ran the task before.
void NativeConnectors::store_state(Run& run) {
  constexpr int64_t kStateIntervalUs = 200'000, kCountsIntervalUs = 2'000'000;
  const TaskFacts facts = facts_of_run(run);
  const engine::TaskStateValue stored = stored_state(*run.definition);
  const std::string state(connector_state_name(facts.state));
  const bool is_same_state =
      stored.state == state && stored.trace == facts.trace && stored.worker == worker_id_;
  const engine::TaskCounts counts = counts_of(facts);
  if (is_same_state && stored.counts == counts) return;
  const int64_t now_us = clock_.monotonic_us();
  if (now_us - run.stored_us < (is_same_state ? kCountsIntervalUs : kStateIntervalUs)) return;
  run.stored_us = now_us;
  const engine::TaskStateValue value{state,
                                     facts.trace,
                                     run.definition->id,
                                     is_same_state ? stored.since_ms : clock_.wall_ms(),
                                     worker_id_,
                                     counts};
  const std::string& name = run.definition->name;
  // The record only informs other nodes, so this node does not wait until it is durable.
  log_.commit({{},
               {{engine::task_state_key(name, kTaskOfMember), engine::encode_task_state(value)}},
               engine::connect_state_partition(name, kTaskOfMember),
               kNoCondition},
              [](const Result<Offset>&) {});
}

Status NativeConnectors::request_restart(const storage::ConnectorDefinition& definition) {
  const std::string key = engine::restart_key(definition.name, kTaskOfMember);
  return write_state(definition, {{key, engine::JsonObjectText()
                                            .text("connector", definition.id.to_string())
                                            .text("request", Uuid::random().to_string())
                                            .take()}});
}

Result<StateChange> NativeConnectors::next_commit_record(
    const storage::ConnectorDefinition& definition) {
  const std::string key = engine::commit_key(definition.name, kTaskOfMember);
  ConnectState state;
  TRY(log_.read(engine::connect_state_partition(definition.name, kTaskOfMember), state));
  int64_t number = 0;
  if (const auto entry = state.entries.find(key); entry != state.entries.end())
    if (const auto commit = engine::parse_commit(entry->second.value)) number = commit->commit;
  return StateChange{key, engine::encode_commit({number + 1, definition.id})};
}

}  // namespace server
