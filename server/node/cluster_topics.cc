#include "server/node/cluster_topics.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "server/sql/execution.h"

namespace server {

namespace {

// Returns whether the node is believed to be alive. If this node has no contact with a controller,
// its view of the cluster is outdated, so only nodes that it is connected to count. (A node that
// was removed from the cluster has no contact, although it still reads the metadata.)
bool is_there(const ClusterMember& member, const storage::ClusterNode& node) {
  if (node.is_fenced) return false;
  const auto view = member.view();
  if (view->metadata->find(view->self) == nullptr) return true;
  return member.is_in_touch() || (node.id != member.view()->self && member.reaches(node.id));
}

}  // namespace

void MemberTopics::append(storage::AppendRequest request, AppendTo to, Loop*,
                          storage::AppendDone done) {
  if (to == AppendTo::Topics)
    if (const Status there = check_are_there(*definitions_.image(), request); !there)
      return done(there.error());
  OwnedCharge charge(memory_, MemoryKind::Queues);
  if (!charge.try_resize(storage::size_of(request)))
    return done(charge.refusal("rows that wait for their partitions' leaders"));
  // `left` needs no lock, since all callbacks run on the member's loop.
  struct Parts {
    storage::AppendDone done;
    NoteWritten note;
    std::vector<storage::AppendedBatch> batches;
    std::optional<Error> error;
    size_t left = 0;
    bool may_be_there = false;  // some of the rows may have been written
    OwnedCharge charge;
  };
  const std::shared_ptr<Parts> parts(
      new Parts{std::move(done), note_written(), {}, std::nullopt, 0, false, std::move(charge)});
  parts->batches.resize(request.parts.size());
  parts->left = request.parts.size();
  for (size_t i = 0; i < request.parts.size(); ++i) {
    storage::PartitionBatches& part = request.parts[i];
    member_.append_rows(part.partition, std::move(part.batches),
                        [parts, i](Result<storage::AppendedBatch> appended) {
                          if (appended)
                            parts->note(parts->batches[i] = *appended);
                          else if (!parts->error)
                            parts->error = appended.error();
                          parts->may_be_there |=
                              appended || appended.error().code == ErrorCode::NetworkFailure;
                          if (--parts->left > 0) return;
                          parts->charge.resize(0);
                          if (!parts->error)
                            return parts->done(storage::Appended{{}, std::move(parts->batches)});
                          if (parts->batches.size() > 1 && parts->may_be_there) {
                            parts->error->code = ErrorCode::NetworkFailure;
                            parts->error->detail =
                                "The rows belong to several partitions: some of them may have been "
                                "written.";
                            parts->error->hint = "Check which rows were written before you retry.";
                          }
                          parts->done(*std::move(parts->error));
                        });
  }
}

void MemberTopics::append_changes(std::vector<Change> parts, ChangesDone done) {
  // `left` needs no lock, since all callbacks run on the member's loop.
  struct Waiting {
    ChangesDone done;
    std::vector<Changed> parts;
    size_t left;
  };
  const Error no_answer{ErrorCode::Internal, "some of the rows were not acknowledged"};
  auto waiting = std::make_shared<Waiting>(Waiting{
      std::move(done), std::vector<Changed>(parts.size(), Changed{no_answer}), parts.size()});
  for (size_t i = 0; i < parts.size(); ++i) {
    const auto told = [note = note_written(), waiting, i](Result<storage::AppendedBatch> appended,
                                                          size_t batches_there) {
      if (appended) note(*appended);
      waiting->parts[i] = {std::move(appended), batches_there};
      if (--waiting->left == 0) waiting->done(std::move(waiting->parts));
    };
    Change& part = parts[i];
    if (part.read_to)
      member_.append_rows_unless_changed(part.partition, std::move(part.batches), *part.read_to,
                                         told);
    else
      member_.append_rows(
          part.partition, std::move(part.batches),
          [told](Result<storage::AppendedBatch> appended) { told(std::move(appended), 0); });
  }
}

void MemberTopics::commit(std::vector<Change> parts, CommitDone done) {
  std::vector<TransactionCommits::Part> all;
  for (Change& part : parts)
    all.push_back({std::move(part.topic), part.partition, std::move(part.batches), part.read_to});
  member_.commit_rows(std::move(all), [note = note_written(), done = std::move(done)](
                                          Result<std::vector<storage::AppendedBatch>> committed) {
    if (committed) std::ranges::for_each(*committed, note);
    done(std::move(committed));
  });
}

void MemberTopics::ask_ends(std::vector<storage::TopicPartition> partitions, int64_t wait_ms,
                            std::function<void(Result<Ends>)> done) {
  member_.ask_ends(std::move(partitions), wait_ms * 1000,
                   [told = acknowledged_ends_, asked_us = clock_.monotonic_us(),
                    done = std::move(done)](Result<Ends> ends) {
                     if (ends) told->note(*ends, asked_us);
                     done(std::move(ends));
                   });
}

std::optional<ClusterTopics::Ends> MemberTopics::ends_asked_since(
    std::span<const storage::TopicPartition> partitions, int64_t asked_us) const {
  return acknowledged_ends_->since(partitions, asked_us);
}

// Returns a function that stores the end of rows that this node has written. It is called before
// the writer gets its answer and before other sessions can read the rows.
MemberTopics::NoteWritten MemberTopics::note_written() const {
  return [ends = written_ends_, &clock = clock_](const storage::AppendedBatch& last) {
    ends->note({{last.partition, last.last_offset + 1}}, clock.monotonic_us());
  };
}

ClusterTopics::Ends MemberTopics::written_since(std::span<const storage::TopicPartition> partitions,
                                                int64_t since_us) const {
  return written_ends_->known_since(partitions, since_us);
}

bool MemberTopics::has_topic(const Uuid& topic) const {
  return member_.view()->metadata->find({topic, PartitionId{0}}) != nullptr;
}

bool MemberTopics::has_replica(const storage::TopicPartition& partition) const {
  return member_.has_copy(partition);
}

std::optional<int32_t> MemberTopics::leader_of(const storage::TopicPartition& partition) const {
  const auto view = member_.view();
  const storage::PartitionAssignment* known = view->metadata->find(partition);
  if (known == nullptr || !known->leader) return std::nullopt;
  return known->leader->value();
}

int MemberTopics::replicas_of(const Uuid& topic) const {
  const auto view = member_.view();
  const storage::PartitionAssignment* known = view->metadata->find({topic, PartitionId{0}});
  return known == nullptr ? 1 : static_cast<int>(known->replicas.size());
}

std::vector<engine::NodeStatus> MemberTopics::nodes() const {
  const auto view = member_.view();
  std::map<NodeId, engine::NodeStatus> nodes;
  for (const auto& [id, node] : view->metadata->nodes())
    nodes[id] = {.id = id.value(),
                 .is_here = id == view->self,
                 .is_there = is_there(member_, node),
                 .is_controller = id.value() == view->controller_id,
                 .clients = node.clients,
                 .nodes = node.endpoint,
                 .rack = node.rack};
  const auto count = [&](NodeId id, int64_t engine::NodeStatus::*what) {
    if (const auto node = nodes.find(id); node != nodes.end()) ++(node->second.*what);
  };
  for (const auto& [partition, assignment] : view->metadata->partitions()) {
    if (assignment.leader) count(*assignment.leader, &engine::NodeStatus::leads);
    for (const NodeId id : assignment.replicas) count(id, &engine::NodeStatus::replicas);
    for (const NodeId id : assignment.isr) count(id, &engine::NodeStatus::in_sync);
  }
  std::vector<engine::NodeStatus> all;
  for (auto& [id, node] : nodes) all.push_back(std::move(node));
  return all;
}

namespace {

int64_t differing_at(const kafka::ClusterView& view, NodeId id) {
  if (!view.metadata_log) return 0;
  for (const auto& reader : view.metadata_log->readers)
    if (reader.node == id) return reader.differing;
  return 0;
}

}  // namespace

MetricsSources::Cluster cluster_health(const ClusterMember& member) {
  const auto view = member.view();
  MetricsSources::Cluster health{.differing_replicas = member.differing_replicas(),
                                 .scrub_rounds = member.scrub_rounds()};
  health.is_controller = view->controller_id == view->self.value();
  for (const auto& [id, node] : view->metadata->nodes()) {
    ++health.nodes;
    health.nodes_there += is_there(member, node) ? 1 : 0;
  }
  for (const auto& [partition, assignment] : view->metadata->partitions()) {
    health.leaderless += assignment.leader ? 0 : 1;
    health.replicas += assignment.has_replica(view->self) ? 1 : 0;
    if (assignment.leader != view->self) continue;
    const size_t in_sync = assignment.isr.size();
    ++health.leads;
    health.under_replicated += in_sync < assignment.replicas.size() ? 1 : 0;
    health.under_min_isr += in_sync < assignment.least_in_sync(view->min_insync_replicas) ? 1 : 0;
  }
  if (view->metadata_log)
    for (const auto& reader : view->metadata_log->readers)
      if (reader.node == view->self)
        health.metadata_behind =
            std::max<int64_t>(view->metadata_log->end.value() - reader.read.value(), 0);
  health.is_led = [view](const storage::TopicPartition& partition) {
    const storage::PartitionAssignment* known = view->metadata->find(partition);
    return known != nullptr && known->leader == view->self;
  };
  return health;
}

std::vector<engine::ServerFact> cluster_facts(const ClusterMember& member) {
  const auto view = member.view();
  // For each node: how many partitions it leads, and how many of these lack replicas in sync.
  std::map<NodeId, std::pair<int64_t, int64_t>> led;
  int64_t leaderless = 0;
  for (const auto& [partition, assignment] : view->metadata->partitions()) {
    if (!assignment.leader) {
      ++leaderless;
      continue;
    }
    auto& [count, lacking] = led[*assignment.leader];
    ++count;
    lacking += assignment.isr.size() < assignment.replicas.size() ? 1 : 0;
  }
  std::vector<engine::ServerFact> facts;
  for (const auto& [id, node] : view->metadata->nodes()) {
    const auto& [count, lacking] = led[id];
    std::string text = is_there(member, node) ? "there" : "away";
    if (id == view->self) text += ", this one";
    if (id.value() == view->controller_id) text += ", controller";
    text += fmt::format(", leads {} partitions", count);
    if (lacking > 0) text += fmt::format(" ({} of them lack replicas in sync)", lacking);
    if (const int64_t differing = differing_at(*view, id); differing > 0)
      text += fmt::format(", {} replicas of these were found to differ", differing);
    facts.push_back({"cluster", fmt::format("node {}", id.value()), text + ", " + node.endpoint});
  }
  facts.push_back({"cluster", "partitions without a leader", fmt::to_string(leaderless)});
  return facts;
}

}  // namespace server
