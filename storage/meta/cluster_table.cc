#include "storage/meta/cluster_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <charconv>

#include "base/sized.h"
#include "base/uuid_bytes.h"
#include "storage/meta/closed_partition.h"
#include "storage/meta/partition_requests.h"

namespace storage {

namespace {

// part       = version u8, change u8, one of the following
// register   = node zigzag varint, directory 16 bytes, endpoint, clients, rack
// fence      = node zigzag varint, node epoch varint, is fenced u8
// assign     = topic 16 bytes, partition varint, replicas, isr, eligible, leader zigzag varint (-1: none),
//              leader epoch varint, version varint; from version 2 on: adding, removing; from version 4 on: own min
// remove     = topic 16 bytes
// move       = topic 16 bytes, partition varint, replicas; none: as they were
// elect      = topic 16 bytes, partition varint, how u8; from version 4 on: wanted zigzag varint
// unregister = node zigzag varint, node epoch varint
// configure  = node zigzag varint (-1: all), settings
// raise      = level varint; from version 3 on
// require    = topic 16 bytes, own min, the cluster's min varint; from version 4 on
// own min    = min.insync.replicas varint; 0: the cluster's
// settings   = count varint, (name, value)*
// saved      = version u8, count varint, nodes * (register, node epoch varint, is fenced u8),
//              count varint, partitions * assign; from version 2 on: count varint, nodes * configure;
//              from version 3 on: count varint, partitions * unclean; from version 4 on: level varint;
//              from version 5 on: assign of version 4
// unclean    = topic 16 bytes, partition varint, leader epoch varint, revision varint
// replicas, isr, eligible, adding, removing = count varint, nodes * zigzag varint
constexpr uint8_t kVersion = 2, kWithoutMoves = 1, kWithLevels = 3, kWithOwnMin = 4,
                  kWithWanted = 4;
// The version of a saved state that has unclean elections. A state without unclean elections is
// saved in a version that earlier programs can read.
constexpr uint8_t kWithElections = 3;
// The version of a saved state whose feature level is above the first. Programs that do not know
// feature levels must not read such a state.
constexpr uint8_t kSavedWithLevel = 4;
// The version of a saved state with a topic's own min.insync.replicas, which needs a level above
// the first.
constexpr uint8_t kSavedWithOwnMin = 5;
enum class Change : uint8_t {
  Register = 1,
  Fence = 2,
  Assign = 3,
  Remove = 4,
  Move = 5,
  Elect = 6,
  Unregister = 7,
  Configure = 8,
  RaiseLevel = 9,
  RequireInSync = 10
};
constexpr NodeId kNobody{-1};

std::string part_of(Change change, uint8_t version = kWithoutMoves) {
  return {static_cast<char>(version), static_cast<char>(change)};
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

void append_partition(std::string& out, const TopicPartition& partition) {
  append_uuid(out, partition.topic);
  append_varint(out, static_cast<uint64_t>(partition.partition.value()));
}
TopicPartition read_partition(ByteReader& in) {
  TopicPartition partition;
  partition.topic = read_uuid(in);
  partition.partition = PartitionId{static_cast<int32_t>(in.varint())};
  return partition;
}

void append_own_min(std::string& out, std::optional<int32_t> own_min) {
  append_varint(out, static_cast<uint64_t>(own_min.value_or(0)));
}
std::optional<int32_t> read_own_min(ByteReader& in) {
  const auto own_min = static_cast<int32_t>(in.varint());
  return own_min > 0 ? std::optional(own_min) : std::nullopt;
}

void append_assignment(std::string& out, const PartitionAssignment& assignment, uint8_t version) {
  append_partition(out, assignment.partition);
  append_node_ids(out, assignment.replicas);
  append_node_ids(out, assignment.isr);
  append_node_ids(out, assignment.eligible);
  append_node_id(out, assignment.leader.value_or(kNobody));
  append_varint(out, static_cast<uint64_t>(assignment.leader_epoch.value()));
  append_varint(out, static_cast<uint64_t>(assignment.version));
  if (version == kWithoutMoves) return;
  append_node_ids(out, assignment.adding);
  append_node_ids(out, assignment.removing);
  if (version >= kWithOwnMin) append_own_min(out, assignment.own_min_insync);
}
PartitionAssignment read_assignment(ByteReader& in, uint8_t version) {
  PartitionAssignment assignment;
  assignment.partition = read_partition(in);
  assignment.replicas = read_node_ids(in);
  assignment.isr = read_node_ids(in);
  assignment.eligible = read_node_ids(in);
  const NodeId leader = read_node_id(in);
  if (leader != kNobody) assignment.leader = leader;
  assignment.leader_epoch = LeaderEpoch{static_cast<int32_t>(in.varint())};
  assignment.version = static_cast<int32_t>(in.varint());
  if (version == kWithoutMoves) return assignment;
  assignment.adding = read_node_ids(in);
  assignment.removing = read_node_ids(in);
  if (version >= kWithOwnMin) assignment.own_min_insync = read_own_min(in);
  return assignment;
}

void append_settings(std::string& out, NodeId node, const NodeSettings& settings) {
  append_node_id(out, node);
  append_varint(out, settings.size());
  for (const auto& [name, value] : settings) {
    append_sized(out, name);
    append_sized(out, value);
  }
}
std::pair<NodeId, NodeSettings> read_settings(ByteReader& in) {
  std::pair<NodeId, NodeSettings> read{read_node_id(in), {}};
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    std::string name(read_sized(in));
    read.second[std::move(name)] = read_sized(in);
  }
  return read;
}

FeatureLevel read_level(ByteReader& in) { return FeatureLevel{static_cast<int16_t>(in.varint())}; }

Error damaged() { return {ErrorCode::DataCorrupted, "a change of the cluster is damaged"}; }

Result<uint8_t> read_version(ByteReader& in, uint8_t newest) {
  const auto version = in.be<uint8_t>();
  if (!in.ok()) return damaged();
  if (version > newest)
    return Error{ErrorCode::IncompatibleFormat,
                 "a change of the cluster was written by a newer version"};
  return version;
}

bool contains(const std::vector<NodeId>& nodes, NodeId node) {
  return std::ranges::find(nodes, node) != nodes.end();
}

// Checks the conditions that every assignment must meet, whatever command created it.
Status check_assignment(const PartitionAssignment& assignment) {
  const auto refused = [&](std::string_view why) {
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("partition {} of topic {} cannot be assigned this way: {}",
                             assignment.partition.partition.value(),
                             assignment.partition.topic.to_string(), why)};
  };
  if (assignment.replicas.empty()) return refused("it has no replica");
  for (const NodeId node : assignment.replicas)
    if (std::ranges::count(assignment.replicas, node) > 1)
      return refused("a node has two replicas");
  for (const NodeId node : assignment.adding)
    if (!assignment.has_replica(node) || contains(assignment.removing, node))
      return refused("a node to be added has no replica, or is also to be removed");
  for (const NodeId node : assignment.removing)
    if (!assignment.has_replica(node)) return refused("a node to be removed has no replica");
  for (const NodeId node : assignment.isr)
    if (!assignment.has_replica(node)) return refused("a node without a replica is in the ISR");
  for (const NodeId node : assignment.eligible)
    if (!assignment.has_replica(node) || assignment.is_in_sync(node))
      return refused("an eligible leader outside the ISR has no replica, or is in the ISR");
  if (assignment.leader && !assignment.is_in_sync(*assignment.leader))
    return refused("its leader is not in sync");
  return {};
}

Status check_succession(const PartitionAssignment* known, const PartitionAssignment& next) {
  const int32_t version = known == nullptr ? 0 : known->version + 1;
  if (next.version != version)
    return Error{ErrorCode::OutOfOrderSequence,
                 fmt::format("the next version of partition {} of topic {} is {}, not {}",
                             next.partition.partition.value(), next.partition.topic.to_string(),
                             version, next.version)};
  if (known == nullptr) return {};
  if (next.leader_epoch < known->leader_epoch ||
      (next.leader != known->leader && next.leader_epoch == known->leader_epoch))
    return Error{ErrorCode::InvalidParameter, "a change of the leader must raise the leader epoch"};
  return {};
}

Status check_removal(const ClusterSnapshot& cluster, NodeId id, NodeEpoch epoch) {
  const ClusterNode* known = cluster.find(id);
  if (known == nullptr || known->epoch != epoch)
    return Error{ErrorCode::OutOfOrderSequence,
                 fmt::format("node {} has registered again, or was removed", id.value())};
  if (const auto partition = replica_on(cluster, id))
    return Error{ErrorCode::ObjectState,
                 fmt::format("node {} has a replica of partition {} of topic {}", id.value(),
                             partition->partition.value(), partition->topic.to_string())};
  return {};
}

}  // namespace

bool PartitionAssignment::has_replica(NodeId node) const { return contains(replicas, node); }
bool PartitionAssignment::is_in_sync(NodeId node) const { return contains(isr, node); }
bool PartitionAssignment::is_eligible(NodeId node) const { return contains(eligible, node); }
bool PartitionAssignment::is_adding(NodeId node) const { return contains(adding, node); }
size_t PartitionAssignment::least_in_sync(size_t cluster_min_insync) const {
  const size_t asked = own_min_insync && !is_closed(*this) ? static_cast<size_t>(*own_min_insync)
                                                           : cluster_min_insync;
  return std::min(asked, replicas.size() - adding.size());
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
  // Uses the earliest version that can express the assignment, so that earlier programs can read
  // it.
  const uint8_t version = assignment.own_min_insync ? kWithOwnMin
                          : assignment.is_moving()  ? kVersion
                                                    : kWithoutMoves;
  std::string part = part_of(Change::Assign, version);
  append_assignment(part, assignment, version);
  return part;
}
std::string encode_remove_assignments(const Uuid& topic) {
  std::string part = part_of(Change::Remove);
  append_uuid(part, topic);
  return part;
}

std::string encode_move_replicas(const TopicPartition& partition,
                                 const std::vector<NodeId>& target) {
  std::string part = part_of(Change::Move, kVersion);
  append_partition(part, partition);
  append_node_ids(part, target);
  return part;
}
std::string encode_elect_leader(const TopicPartition& partition, Election how,
                                std::optional<NodeId> wanted) {
  std::string part = part_of(Change::Elect, wanted ? kWithWanted : kVersion);
  append_partition(part, partition);
  part += static_cast<char>(how);
  if (wanted) append_node_id(part, *wanted);
  return part;
}
std::string encode_unregister_node(NodeId node, NodeEpoch epoch) {
  std::string part = part_of(Change::Unregister, kVersion);
  append_node_id(part, node);
  append_varint(part, static_cast<uint64_t>(epoch.value()));
  return part;
}

std::string encode_configure_node(NodeId node, const NodeSettings& all) {
  std::string part = part_of(Change::Configure, kVersion);
  append_settings(part, node, all);
  return part;
}

std::string encode_require_in_sync(const Uuid& topic, std::optional<int32_t> own_min_insync,
                                   size_t cluster_min_insync) {
  std::string part = part_of(Change::RequireInSync, kWithOwnMin);
  append_uuid(part, topic);
  append_own_min(part, own_min_insync);
  append_varint(part, cluster_min_insync);
  return part;
}

std::string encode_raise_level(FeatureLevel level) {
  std::string part = part_of(Change::RaiseLevel, kWithLevels);
  append_varint(part, static_cast<uint64_t>(level.value()));
  return part;
}

const NodeSettings& ClusterSnapshot::settings_of(NodeId node) const {
  static const NodeSettings kNone;
  const NodeSettings* known = settings_.get(node);
  return known == nullptr ? kNone : *known;
}

std::optional<int64_t> ClusterSnapshot::number_setting(NodeId node, const std::string& name) const {
  for (const NodeId of : {node, kAllNodes}) {
    const NodeSettings& settings = settings_of(of);
    const auto found = settings.find(name);
    int64_t number = 0;
    if (found != settings.end() &&
        std::from_chars(found->second.data(), found->second.data() + found->second.size(), number)
                .ec == std::errc())
      return number;
  }
  return std::nullopt;
}

ClusterTable::ClusterTable() : snapshot_(std::make_shared<ClusterSnapshot>()) {}

Result<ClusterDelta> ClusterTable::apply(std::string_view part, Revision revision) {
  ByteReader in(part);
  const uint8_t version = TRY(read_version(in, kWithOwnMin));
  const auto change = static_cast<Change>(in.be<uint8_t>());
  auto next = std::make_shared<ClusterSnapshot>(*snapshot_);
  ClusterDelta delta;
  const auto is_whole = [&] { return in.ok() && in.at_end(); };
  const auto take = [&](PartitionAssignment assignment) -> Status {
    TRY(check_assignment(assignment));
    TRY(check_succession(next->find(assignment.partition), assignment));
    delta.partitions.push_back(assignment.partition);
    const TopicPartition partition = assignment.partition;
    next->partitions_.set(partition, std::move(assignment));
    return {};
  };
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
                     fmt::format("node {} has registered again", id.value())};
      ClusterNode node = *known;
      node.is_fenced = is_fenced;
      next->nodes_.set(id, std::move(node));
      delta.nodes.push_back(id);
      break;
    }
    case Change::Assign: {
      PartitionAssignment assignment = read_assignment(in, version);
      if (!is_whole()) return damaged();
      TRY(take(std::move(assignment)));
      break;
    }
    case Change::Move: {
      const TopicPartition partition = read_partition(in);
      const std::vector<NodeId> target = read_node_ids(in);
      if (!is_whole()) return damaged();
      PartitionAssignment moving = TRY(with_moved_replicas(*next, partition, target));
      TRY(take(std::move(moving)));
      break;
    }
    case Change::Elect: {
      const TopicPartition partition = read_partition(in);
      const auto how = static_cast<Election>(in.be<uint8_t>());
      std::optional<NodeId> wanted;
      if (version >= kWithWanted) wanted = read_node_id(in);
      if (!is_whole()) return damaged();
      PartitionAssignment led = TRY(with_elected_leader(*next, partition, how, wanted));
      const LeaderEpoch epoch = led.leader_epoch;
      TRY(take(std::move(led)));
      if (how == Election::Unclean)
        next->unclean_elections_.set(partition, UncleanElection{epoch, revision});
      break;
    }
    case Change::Unregister: {
      const NodeId id = read_node_id(in);
      const NodeEpoch epoch{static_cast<int64_t>(in.varint())};
      if (!is_whole()) return damaged();
      TRY(check_removal(*next, id, epoch));
      next->nodes_.erase(id);
      delta.nodes.push_back(id);
      break;
    }
    case Change::Remove: {
      const Uuid topic = read_uuid(in);
      if (!is_whole()) return damaged();
      for (auto each = next->partitions_.lower_bound(TopicPartition{topic, PartitionId{0}});
           each != next->partitions_.end() && each->first.topic == topic; ++each)
        delta.partitions.push_back(each->first);
      for (const TopicPartition& partition : delta.partitions) {
        next->partitions_.erase(partition);
        next->unclean_elections_.erase(partition);
      }
      break;
    }
    case Change::Configure: {
      auto [node, settings] = read_settings(in);
      if (!is_whole()) return damaged();
      next->settings_.set(node, std::move(settings));
      delta.nodes.push_back(node);
      break;
    }
    case Change::RaiseLevel: {
      const FeatureLevel level = read_level(in);
      if (!is_whole()) return damaged();
      if (level < next->feature_level_)
        return Error{ErrorCode::InvalidParameter,
                     fmt::format("the feature level {} of the cluster cannot be lowered",
                                 next->feature_level_.value())};
      next->feature_level_ = level;
      break;
    }
    case Change::RequireInSync: {
      const Uuid topic = read_uuid(in);
      const std::optional<int32_t> own_min = read_own_min(in);
      const size_t cluster_min = in.varint();
      if (!is_whole()) return damaged();
      delta.partitions = require_in_sync(*next, topic, own_min, cluster_min);
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

// Sets the topic's own minimum in all of its assignments, and raises their versions. With the new
// version, an ISR that a leader proposed under another minimum is refused.
std::vector<TopicPartition> ClusterTable::require_in_sync(ClusterSnapshot& next, const Uuid& topic,
                                                          std::optional<int32_t> own_min,
                                                          size_t cluster_min) {
  std::vector<PartitionAssignment> changed;
  for (auto each = next.partitions_.lower_bound(TopicPartition{topic, PartitionId{0}});
       each != next.partitions_.end() && each->first.topic == topic; ++each) {
    PartitionAssignment& assignment = changed.emplace_back(each->second);
    const bool was_closed = is_closed(assignment);
    assignment.own_min_insync = own_min;
    ++assignment.version;
    // The new epoch separates the appends before the close from those after it: the leader's log
    // takes the epoch after all appends that it had accepted.
    if (was_closed != is_closed(assignment)) ++assignment.leader_epoch;
    if (is_closed(assignment)) continue;
    // If the ISR is now large enough for the new minimum, further records become visible. Eligible
    // replicas outside the ISR do not have these records, so they may no longer be elected.
    if (assignment.isr.size() >= assignment.least_in_sync(cluster_min)) assignment.eligible.clear();
  }
  std::vector<TopicPartition> partitions;
  for (PartitionAssignment& assignment : changed) {
    partitions.push_back(assignment.partition);
    next.partitions_.set(partitions.back(), std::move(assignment));
  }
  return partitions;
}

std::string ClusterTable::save() const {
  const UncleanElections& elections = snapshot_->unclean_elections();
  const FeatureLevel level = snapshot_->feature_level();
  const bool has_own_min = std::ranges::any_of(snapshot_->partitions(), [](const auto& each) {
    return each.second.own_min_insync.has_value();
  });
  const uint8_t version = has_own_min           ? kSavedWithOwnMin
                          : level > kFirstLevel ? kSavedWithLevel
                          : elections.empty()   ? kVersion
                                                : kWithElections;
  std::string saved(1, static_cast<char>(version));
  append_varint(saved, snapshot_->nodes().size());
  for (const auto& [id, node] : snapshot_->nodes()) {
    append_registration(saved, node);
    append_varint(saved, static_cast<uint64_t>(node.epoch.value()));
    saved += node.is_fenced ? '\1' : '\0';
  }
  append_varint(saved, snapshot_->partitions().size());
  for (const auto& [partition, assignment] : snapshot_->partitions())
    append_assignment(saved, assignment, has_own_min ? kWithOwnMin : kVersion);
  append_varint(saved, snapshot_->settings_.size());
  for (const auto& [node, settings] : snapshot_->settings_) append_settings(saved, node, settings);
  if (version < kWithElections) return saved;
  append_varint(saved, elections.size());
  for (const auto& [partition, election] : elections) {
    append_partition(saved, partition);
    append_varint(saved, static_cast<uint64_t>(election.epoch.value()));
    append_varint(saved, static_cast<uint64_t>(election.revision.value()));
  }
  if (version >= kSavedWithLevel) append_varint(saved, static_cast<uint64_t>(level.value()));
  return saved;
}

Result<ClusterTable> ClusterTable::load(std::string_view saved) {
  ByteReader in(saved);
  const uint8_t version = TRY(read_version(in, kSavedWithOwnMin));
  auto loaded = std::make_shared<ClusterSnapshot>();
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    ClusterNode node = read_registration(in);
    node.epoch = NodeEpoch{static_cast<int64_t>(in.varint())};
    node.is_fenced = in.be<uint8_t>() != 0;
    const NodeId id = node.id;
    if (in.ok()) loaded->nodes_.set(id, std::move(node));
  }
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    PartitionAssignment assignment = read_assignment(
        in, version == kSavedWithOwnMin ? kWithOwnMin : std::min(version, kVersion));
    if (!in.ok()) break;
    TRY(check_assignment(assignment));
    const TopicPartition partition = assignment.partition;
    loaded->partitions_.set(partition, std::move(assignment));
  }
  if (version > kWithoutMoves)
    for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
      auto [node, settings] = read_settings(in);
      loaded->settings_.set(node, std::move(settings));
    }
  if (version >= kWithElections)
    for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
      const TopicPartition partition = read_partition(in);
      UncleanElection election;
      election.epoch = LeaderEpoch{static_cast<int32_t>(in.varint())};
      election.revision = Revision{static_cast<int64_t>(in.varint())};
      if (in.ok()) loaded->unclean_elections_.set(partition, election);
    }
  if (version >= kSavedWithLevel) loaded->feature_level_ = read_level(in);
  if (!in.ok() || !in.at_end()) return damaged();
  ClusterTable table;
  table.snapshot_ = std::move(loaded);
  return table;
}

}  // namespace storage
