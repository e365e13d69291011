#include "server/connect/cluster/member_connect_host.h"

#include <fmt/format.h>

#include <set>
#include <utility>

#include "base/log.h"
#include "server/connect/cluster/connect_cluster.h"

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

MemberConnectHost::MemberConnectHost(ConnectLog& log, const Clock& clock, Node node)
    : log_(log), clock_(clock), node_(std::move(node)) {}

Status MemberConnectHost::check(const engine::ConnectorClass& of,
                                const engine::PropertyValues& values) const {
  return check_runs_in_cluster(of, values, node_.id);
}

// --- Which tasks this node runs

bool MemberConnectHost::is_placed_here(const storage::ConnectorDefinition& definition) const {
  const std::string pin = pinned_node(definition.config);
  if (!pin.empty()) return pin == fmt::to_string(node_.id);
  const auto topics = node_.metadata()->topics;
  const storage::TopicInfo* const topic = topics->find(engine::kConnectStateTopic);
  return topic != nullptr &&
         node_.leads({topic->id, engine::connect_state_partition(definition.name, kTaskOfMember)});
}

bool MemberConnectHost::runs_here(const storage::ConnectorDefinition& definition) const {
  return is_placed_here(definition) && has_fence(definition);
}

const std::string* MemberConnectHost::stored_value(const std::string& connector,
                                                   const std::string& key) const {
  const auto state = states_.find(engine::connect_state_partition(connector, kTaskOfMember));
  if (state == states_.end()) return nullptr;
  const auto entry = state->second.entries.find(key);
  return entry == state->second.entries.end() ? nullptr : &entry->second.value;
}

// The record is missing while CREATE CONNECTOR is writing it, and after DROP CONNECTOR.
bool MemberConnectHost::has_fence(const storage::ConnectorDefinition& definition) const {
  const std::string* const value =
      stored_value(definition.name, engine::commit_key(definition.name, kTaskOfMember));
  if (value == nullptr) return false;
  const auto commit = engine::parse_commit(*value);
  return commit && commit->connector == definition.id;
}

engine::TaskStateValue MemberConnectHost::stored_state(
    const storage::ConnectorDefinition& definition) const {
  if (const std::string* const value =
          stored_value(definition.name, engine::task_state_key(definition.name, kTaskOfMember)))
    if (auto state = engine::parse_task_state(*value); state && state->connector == definition.id)
      return *std::move(state);
  return {std::string(connector_state_name(ConnectorState::Unassigned)), {}, definition.id};
}

TaskReport MemberConnectHost::shown(const storage::ConnectorDefinition& definition,
                                    TaskReport) const {
  const engine::TaskStateValue stored = stored_state(definition);
  TaskReport report{{}, stored.worker};
  TaskFacts& facts = report.facts;
  if (definition.target == storage::ConnectorTarget::Stopped) {
    facts.state = ConnectorState::Stopped;
    return report;
  }
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
  return report;
}

// Returns the newest position.
std::string MemberConnectHost::stored_position(
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

void MemberConnectHost::refresh() {
  const MetadataImagePtr image = node_.metadata();
  std::erase_if(published_us_,
                [&](const auto& each) { return !image->connectors->contains(each.first); });
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

void MemberConnectHost::publish(const storage::ConnectorDefinition& definition,
                                const TaskReport& own) {
  constexpr int64_t kStateIntervalUs = 200'000, kCountsIntervalUs = 2'000'000;
  const engine::TaskStateValue stored = stored_state(definition);
  const std::string state(connector_state_name(own.facts.state));
  const bool is_same_state =
      stored.state == state && stored.trace == own.facts.trace && stored.worker == own.worker;
  const engine::TaskCounts counts = counts_of(own.facts);
  if (is_same_state && stored.counts == counts) return;
  const int64_t now_us = clock_.monotonic_us();
  const auto last = published_us_.find(definition.name);
  if (last != published_us_.end() &&
      now_us - last->second < (is_same_state ? kCountsIntervalUs : kStateIntervalUs))
    return;
  published_us_[definition.name] = now_us;
  const engine::TaskStateValue value{
      state,         own.facts.trace,
      definition.id, is_same_state ? stored.since_ms : clock_.wall_ms(),
      own.worker,    counts};
  // The record only informs other nodes, so this node does not wait until it is durable.
  log_.commit(
      {{},
       {{engine::task_state_key(definition.name, kTaskOfMember), engine::encode_task_state(value)}},
       engine::connect_state_partition(definition.name, kTaskOfMember),
       kNoCondition},
      [](const Result<Offset>&) {});
}

// --- Restarts and fences

Status MemberConnectHost::request_restart(const storage::ConnectorDefinition& definition) {
  const std::string key = engine::restart_key(definition.name, kTaskOfMember);
  std::string request = engine::JsonObjectText()
                            .text("connector", definition.id.to_string())
                            .text("request", Uuid::random().to_string())
                            .take();
  TRY(submit_commit(log_, {{},
                           {{key, std::move(request)}},
                           engine::connect_state_partition(definition.name, kTaskOfMember),
                           kNoCondition})
          .get());
  return {};
}

std::string MemberConnectHost::restart_request(const std::string& connector) const {
  const std::string* const request =
      stored_value(connector, engine::restart_key(connector, kTaskOfMember));
  return request == nullptr ? std::string() : *request;
}

Result<std::vector<StateChange>> MemberConnectHost::fence(
    const storage::ConnectorDefinition& definition) const {
  const std::string key = engine::commit_key(definition.name, kTaskOfMember);
  ConnectState state;
  TRY(log_.read(engine::connect_state_partition(definition.name, kTaskOfMember), state));
  int64_t number = 0;
  if (const auto entry = state.entries.find(key); entry != state.entries.end())
    if (const auto commit = engine::parse_commit(entry->second.value)) number = commit->commit;
  return std::vector<StateChange>{{key, engine::encode_commit({number + 1, definition.id})}};
}

std::vector<StateChange> MemberConnectHost::end_of_fence(const std::string& connector) const {
  return {{engine::commit_key(connector, kTaskOfMember), std::nullopt}};
}

}  // namespace server
