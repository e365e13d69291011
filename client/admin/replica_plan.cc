#include "client/admin/replica_plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>

namespace client {

namespace {

// Returns the nodes in an order in which the racks alternate.
NodeNumbers in_turn(const ClusterListing& cluster, const std::set<int32_t>& nodes) {
  std::map<std::string, NodeNumbers> racks;
  for (const ClusterNodeListing& node : cluster.nodes)
    if (nodes.contains(node.id)) racks[node.rack].push_back(node.id);
  NodeNumbers all;
  for (size_t turn = 0, before = SIZE_MAX; before != all.size(); ++turn) {
    before = all.size();
    for (const auto& [rack, members] : racks)
      if (turn < members.size()) all.push_back(members[turn]);
  }
  return all;
}

bool contains(const NodeNumbers& nodes, int32_t node) {
  return std::ranges::find(nodes, node) != nodes.end();
}

// Counts for each node how many replicas it has, and of how many partitions it is the preferred
// leader.
class Loads {
 public:
  explicit Loads(const ClusterListing& cluster) {
    for (const ClusterNodeListing& node : cluster.nodes) {
      racks_[node.id] = node.rack;
      replicas_[node.id] = preferred_[node.id] = 0;
    }
    for (const auto& [partition, known] : cluster.partitions) {
      for (const int32_t node : known.replicas) ++replicas_[node];
      if (!known.replicas.empty()) ++preferred_[known.replicas.front()];
    }
  }
  size_t replicas(int32_t node) const { return replicas_.at(node); }
  size_t preferred(int32_t node) const { return preferred_.at(node); }
  bool is_there(int32_t node) const { return racks_.contains(node); }

  void change(const NodeNumbers& from, const NodeNumbers& to) {
    for (const int32_t node : from) --replicas_[node];
    for (const int32_t node : to) ++replicas_[node];
    --preferred_[from.front()];
    ++preferred_[to.front()];
  }
  // Returns the node that should get the replica that `leaving` has now: if possible a node in a rack without
  // another replica, and among such nodes the node with the fewest replicas. Returns nothing if all nodes have a
  // replica.
  std::optional<int32_t> heir_of(const NodeNumbers& replicas, int32_t leaving) const {
    std::set<std::string> taken;
    for (const int32_t node : replicas)
      if (const auto known = racks_.find(node); known != racks_.end() && node != leaving)
        taken.insert(known->second);
    std::optional<int32_t> best;
    const auto cost = [&](int32_t node) {
      const std::string& rack = racks_.at(node);
      return std::tuple(!rack.empty() && taken.contains(rack), replicas_.at(node), node);
    };
    for (const auto& [node, rack] : racks_)
      if (!contains(replicas, node) && (!best || cost(node) < cost(*best))) best = node;
    return best;
  }
  // Returns whether the replicas are in as many racks as before if `newcomer` gets the replica of
  // `leaving`.
  bool keeps_racks(const NodeNumbers& replicas, int32_t leaving, int32_t newcomer) const {
    std::set<std::string> taken;
    for (const int32_t node : replicas)
      if (const auto known = racks_.find(node); known != racks_.end() && node != leaving)
        taken.insert(known->second);
    return !taken.contains(racks_.at(newcomer)) || taken.contains(racks_.at(leaving));
  }
  int32_t most() const {
    return extreme([](size_t a, size_t b) { return a > b; });
  }
  int32_t least() const {
    return extreme([](size_t a, size_t b) { return a < b; });
  }

 private:
  template <class Before>
  int32_t extreme(Before before) const {
    int32_t found = racks_.begin()->first;
    for (const auto& [node, rack] : racks_)
      if (before(replicas_.at(node), replicas_.at(found))) found = node;
    return found;
  }
  std::map<int32_t, std::string> racks_;  // racks of registered nodes by node id
  std::map<int32_t, size_t> replicas_, preferred_;
};

// For each partition, chooses as the preferred leader the replica whose node is the preferred
// leader least often, and moves it to the front of the replicas. Does this only if it makes the
// preferred leaders more even.
void prefer_evenly(const ClusterListing& cluster, Loads& loads, ReplicaPlan& plan) {
  for (const auto& [partition, known] : cluster.partitions) {
    const auto planned = plan.find(partition);
    const NodeNumbers before = planned != plan.end() ? planned->second : known.replicas;
    if (before.empty()) continue;
    NodeNumbers after = before;
    const auto least = std::ranges::min_element(after, {}, [&](int32_t node) {
      return loads.is_there(node) ? loads.preferred(node) : SIZE_MAX;
    });
    if (!loads.is_there(*least) || !loads.is_there(after.front()) ||
        loads.preferred(*least) + 1 >= loads.preferred(after.front()))
      continue;
    std::rotate(after.begin(), least, std::next(least));
    loads.change(before, after);
    plan[partition] = after;
  }
}

void drop_unchanged(const ClusterListing& cluster, ReplicaPlan& plan) {
  std::erase_if(plan, [&](const auto& each) {
    return cluster.partitions.at(each.first).replicas == each.second;
  });
}

}  // namespace

Result<ReplicaPlan> plan_generated(const ClusterListing& cluster,
                                   const std::set<std::string>& topics,
                                   const std::set<int32_t>& nodes) {
  const NodeNumbers turn = in_turn(cluster, nodes);
  ReplicaPlan plan;
  std::map<std::string, size_t> first;
  for (const auto& [partition, known] : cluster.partitions) {
    if (!topics.contains(partition.first)) continue;
    if (known.replicas.size() > turn.size())
      return Error{ErrorCode::InvalidParameter,
                   fmt::format("Replication factor: {} larger than available brokers: {}",
                               known.replicas.size(), turn.size())};
    const size_t begin = first.try_emplace(partition.first, first.size()).first->second +
                         static_cast<size_t>(partition.second);
    // The order of the followers is shifted in each round, so that the load of a leader that fails is spread over all
    // other nodes.
    const size_t shift = static_cast<size_t>(partition.second) / turn.size();
    NodeNumbers& replicas = plan[partition];
    replicas.push_back(turn[begin % turn.size()]);
    for (size_t i = 0; replicas.size() < known.replicas.size(); ++i)
      replicas.push_back(turn[(begin + 1 + (shift + i) % (turn.size() - 1)) % turn.size()]);
  }
  return plan;
}

namespace {

// Fails if the node is down and some partitions have no other replica in sync.
Status check_has_copies(const ClusterListing& cluster, int32_t leaving) {
  if (std::ranges::find(cluster.nodes, leaving, &ClusterNodeListing::id) != cluster.nodes.end())
    return {};
  std::vector<std::string> lost;
  for (const auto& [partition, known] : cluster.partitions)
    if (known.leader < 0 && contains(known.replicas, leaving)) lost.push_back(name_of(partition));
  if (lost.empty()) return {};
  constexpr size_t kMostNames = 10;
  const size_t shown = std::min(lost.size(), kMostNames);
  return Error{
      ErrorCode::ObjectState,
      fmt::format("node {} is away and has the only replica in sync of {}{}", leaving,
                  fmt::join(lost.begin(), lost.begin() + static_cast<ptrdiff_t>(shown), ", "),
                  lost.size() > shown ? fmt::format(" and {} others", lost.size() - shown) : ""),
      "Nothing was moved. Without the node these partitions have no leader, so their "
      "replicas cannot be copied.",
      "Start the node again, or delete the topics. To give the records up instead, move "
      "each partition with kafka-reassign-partitions, and then run kafka-leader-election "
      "--election-type unclean for it."};
}

}  // namespace

Result<ReplicaPlan> plan_without(const ClusterListing& all, int32_t leaving) {
  TRY(check_has_copies(all, leaving));
  ClusterListing cluster = all;
  std::erase_if(cluster.nodes, [&](const ClusterNodeListing& node) { return node.id == leaving; });
  Loads loads(cluster);
  ReplicaPlan plan;
  for (const auto& [partition, known] : cluster.partitions) {
    if (!contains(known.replicas, leaving)) continue;
    const auto heir = loads.heir_of(known.replicas, leaving);
    if (!heir)
      return Error{ErrorCode::InvalidParameter,
                   fmt::format("partition {} has {} replicas, but only {} other nodes are "
                               "available",
                               name_of(partition), known.replicas.size(), cluster.nodes.size()),
                   {},
                   "Add a node, or give the topic fewer replicas."};
    NodeNumbers replicas = known.replicas;
    std::ranges::replace(replicas, leaving, *heir);
    loads.change(known.replicas, replicas);
    plan[partition] = replicas;
  }
  return plan;
}

Result<ReplicaPlan> plan_wider(const ClusterListing& cluster, size_t replicas) {
  constexpr int32_t kNobodyLeaves = -1;
  Loads loads(cluster);
  ReplicaPlan plan;
  for (const auto& [partition, known] : cluster.partitions) {
    if (known.replicas.empty() || known.replicas.size() >= replicas) continue;
    NodeNumbers wider = known.replicas;
    while (wider.size() < replicas) {
      const auto node = loads.heir_of(wider, kNobodyLeaves);
      if (!node)
        return Error{ErrorCode::InvalidParameter,
                     fmt::format("{} replicas need as many nodes, but {} are available", replicas,
                                 cluster.nodes.size())};
      wider.push_back(*node);
    }
    loads.change(known.replicas, wider);
    plan[partition] = wider;
  }
  return plan;
}

ReplicaPlan plan_balanced(const ClusterListing& cluster) {
  ReplicaPlan plan;
  if (cluster.nodes.empty()) return plan;
  Loads loads(cluster);
  for (bool is_changed = true; is_changed;) {
    is_changed = false;
    const int32_t most = loads.most(), least = loads.least();
    if (loads.replicas(most) <= loads.replicas(least) + 1) break;
    for (const auto& [partition, known] : cluster.partitions) {
      const auto planned = plan.find(partition);
      const NodeNumbers before = planned != plan.end() ? planned->second : known.replicas;
      if (!contains(before, most) || contains(before, least) ||
          loads.heir_of(before, most) != least)
        continue;
      NodeNumbers after = before;
      std::ranges::replace(after, most, least);
      loads.change(before, after);
      plan[partition] = after;
      is_changed = true;
      break;
    }
  }
  prefer_evenly(cluster, loads, plan);
  drop_unchanged(cluster, plan);
  return plan;
}

ReplicaPlan plan_share_of(const ClusterListing& cluster, int32_t newcomer) {
  ReplicaPlan plan;
  Loads loads(cluster);
  if (!loads.is_there(newcomer)) return plan;
  const auto move_one = [&] {
    NodeNumbers donors;
    for (const ClusterNodeListing& node : cluster.nodes)
      if (loads.replicas(node.id) > loads.replicas(newcomer) + 1) donors.push_back(node.id);
    std::ranges::sort(donors, std::greater(), [&](int32_t node) { return loads.replicas(node); });
    for (const int32_t donor : donors)
      for (const auto& [partition, known] : cluster.partitions) {
        const auto planned = plan.find(partition);
        const NodeNumbers before = planned != plan.end() ? planned->second : known.replicas;
        if (!contains(before, donor) || contains(before, newcomer) ||
            !loads.keeps_racks(before, donor, newcomer))
          continue;
        NodeNumbers after = before;
        std::ranges::replace(after, donor, newcomer);
        loads.change(before, after);
        plan[partition] = after;
        return true;
      }
    return false;
  };
  while (move_one()) {
  }
  prefer_evenly(cluster, loads, plan);
  drop_unchanged(cluster, plan);
  return plan;
}

}  // namespace client
