#include "server/cluster/placement.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/bytes.h"

namespace server {

namespace {

// Returns the live nodes, or the nodes that are away, in an order that alternates between racks:
// neighbours are in different racks where possible.
std::vector<NodeId> nodes_in_turn(const storage::ClusterSnapshot& cluster, bool are_away) {
  std::map<std::string, std::vector<NodeId>> racks;
  for (const auto& [id, node] : cluster.nodes())
    if (node.is_fenced == are_away) racks[node.rack].push_back(id);
  std::vector<NodeId> nodes;
  for (size_t turn = 0, added = 1; added > 0; ++turn) {
    added = 0;
    for (const auto& [rack, members] : racks)
      if (turn < members.size()) {
        nodes.push_back(members[turn]);
        ++added;
      }
  }
  return nodes;
}

// An order of all nodes. The node with the index `from` is first. The other nodes follow in the
// order of `nodes`, rotated by `shift`.
struct Ring {
  const std::vector<NodeId>& nodes;
  int64_t from, shift;
  NodeId at(int64_t index) const {
    const auto size = static_cast<int64_t>(nodes.size());
    const int64_t away = index == 0 ? 0 : 1 + (shift + index - 1) % (size - 1);
    return nodes[static_cast<size_t>((from + away) % size)];
  }
};

// Chooses `count` nodes for the replicas of a partition: first one node of each rack, then further
// nodes, both in the order of the ring.
std::vector<NodeId> first_in_racks(const storage::ClusterSnapshot& cluster, const Ring& ring,
                                   size_t count, size_t rack_count) {
  std::vector<NodeId> chosen, others;
  std::set<std::string_view> racks;
  for (int64_t i = 0; chosen.size() < count; ++i) {
    const bool are_all_racks_there = racks.size() == rack_count;
    if (are_all_racks_there && chosen.size() + others.size() >= count) break;
    const NodeId node = ring.at(i);
    const bool is_new = racks.insert(cluster.find(node)->rack).second;
    (is_new ? chosen : others).push_back(node);
  }
  for (const NodeId node : others)
    if (chosen.size() < count) chosen.push_back(node);
  return chosen;
}

}  // namespace

Result<std::vector<std::vector<NodeId>>> place_replicas(const storage::ClusterSnapshot& cluster,
                                                        const Uuid& topic, int32_t first,
                                                        int32_t count, int32_t factor) {
  const std::vector<NodeId> nodes = nodes_in_turn(cluster, false);
  const std::vector<NodeId> away = nodes_in_turn(cluster, true);
  const auto size = static_cast<int64_t>(nodes.size());
  if (factor < 1 || static_cast<size_t>(factor) > nodes.size() + away.size())
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("{} replicas need as many nodes, but the cluster has {}", factor,
                             nodes.size() + away.size())};
  if (nodes.empty())
    return Error{ErrorCode::NotEnoughReplicas, "none of the nodes of the cluster is available"};
  std::set<std::string_view> racks;
  for (const NodeId node : nodes) racks.insert(cluster.find(node)->rack);
  std::vector<std::vector<NodeId>> placed;
  const char* const id = reinterpret_cast<const char*>(topic.bytes.data());
  const int64_t begin = load_be<uint32_t>(id + 12), shift = load_be<uint32_t>(id + 8);
  for (int64_t partition = first; partition < int64_t{first} + count; ++partition) {
    // A leader has other followers in each round of the ring and for each topic. If a node is lost,
    // its leaderships are therefore spread over all other nodes.
    const int64_t leader = (begin + partition) % size;
    const Ring ring{nodes, leader, shift + partition / size};
    std::vector<NodeId>& replicas = placed.emplace_back(first_in_racks(
        cluster, ring, static_cast<size_t>(std::min<int64_t>(factor, size)), racks.size()));
    for (int64_t i = 0; i < factor - size; ++i)
      replicas.push_back(
          away[static_cast<size_t>((leader + i) % static_cast<int64_t>(away.size()))]);
  }
  return placed;
}

Result<std::vector<storage::PartitionAssignment>> assign_replicas(
    const storage::ClusterSnapshot& cluster, const Uuid& topic, int32_t first,
    const std::vector<std::vector<NodeId>>& replicas, size_t min_insync_replicas,
    std::optional<int32_t> own_min_insync) {
  std::vector<storage::PartitionAssignment> assigned;
  for (const std::vector<NodeId>& nodes : replicas) {
    const auto number = first + static_cast<int32_t>(assigned.size());
    storage::PartitionAssignment& next =
        assigned.emplace_back(storage::PartitionAssignment{{topic, PartitionId{number}}});
    next.replicas = nodes;
    next.own_min_insync = own_min_insync;
    for (const NodeId id : nodes)
      if (const auto* node = cluster.find(id); node != nullptr && !node->is_fenced)
        next.isr.push_back(id);
    if (const size_t least = next.least_in_sync(min_insync_replicas); next.isr.size() < least)
      return Error{ErrorCode::NotEnoughReplicas,
                   fmt::format("{} of the {} nodes that partition {} would be on {} there, and "
                               "min.insync.replicas asks for {}",
                               next.isr.size(), nodes.size(), number,
                               next.isr.size() == 1 ? "is" : "are", least)};
  }
  return assigned;
}

}  // namespace server
