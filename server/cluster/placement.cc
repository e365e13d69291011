#include "server/cluster/placement.h"

#include <fmt/format.h>

#include <map>

namespace server {

namespace {

// One of each rack after the other, so that neighbours are in different racks as far as that goes.
std::vector<NodeId> nodes_in_turn(const storage::ClusterSnapshot& cluster) {
  std::map<std::string, std::vector<NodeId>> racks;
  for (const auto& [id, node] : cluster.nodes())
    if (!node.is_fenced) racks[node.rack].push_back(id);
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

}  // namespace

Result<std::vector<std::vector<NodeId>>> place_replicas(const storage::ClusterSnapshot& cluster,
                                                        const Uuid& topic, int32_t first,
                                                        int32_t count, int32_t factor) {
  const std::vector<NodeId> nodes = nodes_in_turn(cluster);
  const auto size = static_cast<int64_t>(nodes.size());
  if (factor < 1 || factor > size)
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("{} replicas need as many nodes, and {} are there", factor, size)};
  std::vector<std::vector<NodeId>> placed;
  for (int64_t partition = first; partition < int64_t{first} + count; ++partition) {
    const int64_t leader = (topic.bytes[15] + partition) % size;
    // Who follows a leader changes from round to round: the load of one that is lost is spread over all others.
    const int64_t shift = partition / size;
    std::vector<NodeId>& replicas = placed.emplace_back();
    replicas.push_back(nodes[static_cast<size_t>(leader)]);
    for (int64_t i = 0; i + 1 < factor; ++i)
      replicas.push_back(
          nodes[static_cast<size_t>((leader + 1 + (shift + i) % (size - 1)) % size)]);
  }
  return placed;
}

}  // namespace server
