#include "storage/meta/cluster_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

#include "base/sized.h"
#include "base/uuid_bytes.h"

namespace storage {

namespace {

// part       = version u8, change u8, one of the following
// register   = node zigzag varint, directory 16 bytes, endpoint, clients, rack
// fence      = node zigzag varint, node epoch varint, is fenced u8
// assign     = topic 16 bytes, partition varint, replicas, isr, eligible, leader zigzag varint (-1: nobody),
//              leader epoch varint, version varint
// remove     = topic 16 bytes
// saved      = version u8, count varint, nodes * (register, node epoch varint, is fenced u8),
//              count varint, partitions * assign
// replicas, isr, eligible = count varint, nodes * zigzag varint
constexpr uint8_t kVersion = 1;
enum class Change : uint8_t { Register = 1, Fence = 2, Assign = 3, Remove = 4 };
constexpr NodeId kNobody{-1};

std::string part_of(Change change) {
  return {static_cast<char>(kVersion), static_cast<char>(change)};
}

void append_node_id(std::string& out, NodeId node) { append_varint(out, zigzag(node.value())); }
NodeId read_node_id(ByteReader& in) { return NodeId{static_cast<int32_t>(in.signed_varint())}; }

void append_node_ids(std::string& out, const std::vector<NodeId>& nodes) {
  append_varint(out, nodes.size());
  for (const NodeId node : nodes) append_node_id(out, node);
}
std::vector<NodeId> read_node_ids(ByteReader& in) {
  std::vector<NodeId> nodes;
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) nodes.push_back(read_node_id(in));
  return nodes;
}

void append_registration(std::string& out, const ClusterNode& node) {
  append_node_id(out, node.id);
  append_uuid(out, node.directory);
  append_sized(out, node.endpoint);
  append_sized(out, node.clients);
  append_sized(out, node.rack);
}
ClusterNode read_registration(ByteReader& in) {
  ClusterNode node{.id = read_node_id(in)};
  node.directory = read_uuid(in);
  node.endpoint = read_sized(in);
  node.clients = read_sized(in);
  node.rack = read_sized(in);
  return node;
}

void append_assignment(std::string& out, const PartitionAssignment& assignment) {
  append_uuid(out, assignment.partition.topic);
  append_varint(out, static_cast<uint64_t>(assignment.partition.partition.value()));
  append_node_ids(out, assignment.replicas);
  append_node_ids(out, assignment.isr);
  append_node_ids(out, assignment.eligible);
  append_node_id(out, assignment.leader.value_or(kNobody));
  append_varint(out, static_cast<uint64_t>(assignment.leader_epoch.value()));
  append_varint(out, static_cast<uint64_t>(assignment.version));
}
PartitionAssignment read_assignment(ByteReader& in) {
  PartitionAssignment assignment;
  assignment.partition.topic = read_uuid(in);
  assignment.partition.partition = PartitionId{static_cast<int32_t>(in.varint())};
  assignment.replicas = read_node_ids(in);
  assignment.isr = read_node_ids(in);
  assignment.eligible = read_node_ids(in);
  const NodeId leader = read_node_id(in);
  if (leader != kNobody) assignment.leader = leader;
  assignment.leader_epoch = LeaderEpoch{static_cast<int32_t>(in.varint())};
  assignment.version = static_cast<int32_t>(in.varint());
  return assignment;
}

Error damaged() { return {ErrorCode::DataCorrupted, "a change of the cluster is damaged"}; }

Status check_version(ByteReader& in) {
  const auto version = in.be<uint8_t>();
  if (!in.ok()) return damaged();
  if (version > kVersion)
    return Error{ErrorCode::IncompatibleFormat,
                 "a change of the cluster was written by a newer version"};
  return {};
}

bool contains(const std::vector<NodeId>& nodes, NodeId node) {
  return std::ranges::find(nodes, node) != nodes.end();
}

// What no assignment may be, whoever made it.
Status check_assignment(const PartitionAssignment& assignment) {
  const auto refused = [&](std::string_view why) {
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("partition {} of topic {} cannot be assigned like that: {}",
                             assignment.partition.partition.value(),
                             assignment.partition.topic.to_string(), why)};
  };
  if (assignment.replicas.empty()) return refused("it has no replica");
  for (const NodeId node : assignment.isr)
    if (!assignment.has_replica(node)) return refused("who has no replica is not in sync");
  for (const NodeId node : assignment.eligible)
    if (!assignment.has_replica(node) || assignment.is_in_sync(node))
      return refused("who has no replica, or is in sync, is not eligible beside the ISR");
  if (assignment.leader && !assignment.is_in_sync(*assignment.leader))
    return refused("its leader is not in sync");
  return {};
}

Status check_succession(const PartitionAssignment* known, const PartitionAssignment& next) {
  const int32_t version = known == nullptr ? 0 : known->version + 1;
  if (next.version != version)
    return Error{ErrorCode::OutOfOrderSequence,
                 fmt::format("partition {} of topic {} would have version {} next, and not {}",
                             next.partition.partition.value(), next.partition.topic.to_string(),
                             version, next.version)};
  if (known == nullptr) return {};
  if (next.leader_epoch < known->leader_epoch ||
      (next.leader != known->leader && next.leader_epoch == known->leader_epoch))
    return Error{ErrorCode::InvalidParameter, "a change of leader raises the leader epoch"};
  return {};
}

}  // namespace

bool PartitionAssignment::has_replica(NodeId node) const { return contains(replicas, node); }
bool PartitionAssignment::is_in_sync(NodeId node) const { return contains(isr, node); }
bool PartitionAssignment::is_eligible(NodeId node) const { return contains(eligible, node); }
size_t PartitionAssignment::least_in_sync(size_t min_insync_replicas) const {
  return std::min(min_insync_replicas, replicas.size());
}

std::string encode_register_node(const ClusterNode& node) {
  std::string part = part_of(Change::Register);
  append_registration(part, node);
  return part;
}
std::string encode_fence_node(NodeId node, NodeEpoch epoch, bool is_fenced) {
  std::string part = part_of(Change::Fence);
  append_node_id(part, node);
  append_varint(part, static_cast<uint64_t>(epoch.value()));
  part += is_fenced ? '\1' : '\0';
  return part;
}
std::string encode_assign_partition(const PartitionAssignment& assignment) {
  std::string part = part_of(Change::Assign);
  append_assignment(part, assignment);
  return part;
}
std::string encode_remove_assignments(const Uuid& topic) {
  std::string part = part_of(Change::Remove);
  append_uuid(part, topic);
  return part;
}

ClusterTable::ClusterTable() : snapshot_(std::make_shared<ClusterSnapshot>()) {}

Result<ClusterDelta> ClusterTable::apply(std::string_view part, Revision revision) {
  ByteReader in(part);
  TRY(check_version(in));
  const auto change = static_cast<Change>(in.be<uint8_t>());
  auto next = std::make_shared<ClusterSnapshot>(*snapshot_);
  ClusterDelta delta;
  const auto is_whole = [&] { return in.ok() && in.at_end(); };
  switch (change) {
    case Change::Register: {
      ClusterNode node = read_registration(in);
      node.epoch = NodeEpoch{revision.value()};
      if (!is_whole()) return damaged();
      delta = TRY(register_node(*next, std::move(node)));
      break;
    }
    case Change::Fence: {
      const NodeId id = read_node_id(in);
      const NodeEpoch epoch{static_cast<int64_t>(in.varint())};
      const bool is_fenced = in.be<uint8_t>() != 0;
      if (!is_whole()) return damaged();
      const ClusterNode* known = next->find(id);
      if (known == nullptr || known->epoch != epoch)
        return Error{ErrorCode::OutOfOrderSequence,
                     fmt::format("node {} has been registered anew", id.value())};
      ClusterNode node = *known;
      node.is_fenced = is_fenced;
      next->nodes_.set(id, std::move(node));
      delta.nodes.push_back(id);
      break;
    }
    case Change::Assign: {
      PartitionAssignment assignment = read_assignment(in);
      if (!is_whole()) return damaged();
      TRY(check_assignment(assignment));
      TRY(check_succession(next->find(assignment.partition), assignment));
      delta.partitions.push_back(assignment.partition);
      const TopicPartition partition = assignment.partition;
      next->partitions_.set(partition, std::move(assignment));
      break;
    }
    case Change::Remove: {
      const Uuid topic = read_uuid(in);
      if (!is_whole()) return damaged();
      for (auto each = next->partitions_.lower_bound(TopicPartition{topic, PartitionId{0}});
           each != next->partitions_.end() && each->first.topic == topic; ++each)
        delta.partitions.push_back(each->first);
      for (const TopicPartition& partition : delta.partitions) next->partitions_.erase(partition);
      break;
    }
    default:
      return damaged();
  }
  snapshot_ = std::move(next);
  return delta;
}

Result<ClusterDelta> ClusterTable::register_node(ClusterSnapshot& next, ClusterNode node) {
  const ClusterNode* known = next.find(node.id);
  const bool lost_its_data = known != nullptr && known->directory != node.directory;
  ClusterDelta delta{{node.id}, {}};
  std::vector<PartitionAssignment> changed;
  for (const auto& [partition, assignment] : next.partitions_) {
    const bool leads = assignment.leader == node.id;
    const bool leaves =
        lost_its_data && (assignment.is_in_sync(node.id) || assignment.is_eligible(node.id));
    if (!leads && !leaves) continue;
    PartitionAssignment& without = changed.emplace_back(assignment);
    if (leaves) {
      std::erase(without.isr, node.id);
      std::erase(without.eligible, node.id);
    }
    if (leads) {
      without.leader.reset();
      ++without.leader_epoch;
    }
    ++without.version;
  }
  for (PartitionAssignment& assignment : changed) {
    delta.partitions.push_back(assignment.partition);
    next.partitions_.set(delta.partitions.back(), std::move(assignment));
  }
  node.is_fenced = true;
  const NodeId id = node.id;
  next.nodes_.set(id, std::move(node));
  return delta;
}

std::string ClusterTable::save() const {
  std::string saved(1, static_cast<char>(kVersion));
  append_varint(saved, snapshot_->nodes().size());
  for (const auto& [id, node] : snapshot_->nodes()) {
    append_registration(saved, node);
    append_varint(saved, static_cast<uint64_t>(node.epoch.value()));
    saved += node.is_fenced ? '\1' : '\0';
  }
  append_varint(saved, snapshot_->partitions().size());
  for (const auto& [partition, assignment] : snapshot_->partitions())
    append_assignment(saved, assignment);
  return saved;
}

Result<ClusterTable> ClusterTable::load(std::string_view saved) {
  ByteReader in(saved);
  TRY(check_version(in));
  auto loaded = std::make_shared<ClusterSnapshot>();
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    ClusterNode node = read_registration(in);
    node.epoch = NodeEpoch{static_cast<int64_t>(in.varint())};
    node.is_fenced = in.be<uint8_t>() != 0;
    const NodeId id = node.id;
    if (in.ok()) loaded->nodes_.set(id, std::move(node));
  }
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    PartitionAssignment assignment = read_assignment(in);
    if (!in.ok()) break;
    TRY(check_assignment(assignment));
    const TopicPartition partition = assignment.partition;
    loaded->partitions_.set(partition, std::move(assignment));
  }
  if (!in.ok() || !in.at_end()) return damaged();
  ClusterTable table;
  table.snapshot_ = std::move(loaded);
  return table;
}

}  // namespace storage
