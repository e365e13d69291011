#include "server/coordinator/assignors.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace server::coordinator {

namespace {

// A pool: topics that have the same subscribers. Any partition of a pool can be assigned in place
// of any other one.
struct Pool {
  std::vector<size_t> members;
  std::vector<TopicIdPartition> partitions = {};  // sorted
  std::map<size_t, std::vector<TopicIdPartition>> of = {};
};

std::vector<Pool> pools_of(const AssignorInput& input) {
  std::map<std::vector<size_t>, std::vector<TopicIdPartition>> by_members;
  for (const SubscribedTopic& topic : input.topics) {
    auto& partitions = by_members[topic.members];
    for (int32_t i = 0; i < topic.partition_count; ++i) partitions.push_back({topic.id, i});
  }
  std::vector<Pool> pools;
  for (auto& [members, partitions] : by_members) {
    std::ranges::sort(partitions);
    pools.push_back({members, std::move(partitions)});
  }
  // Pools with few subscribers are balanced first: their partitions can be assigned only to these few members. Pools
  // with many subscribers can even out the difference afterwards.
  std::ranges::stable_sort(pools, {}, [](const Pool& pool) { return pool.members.size(); });
  return pools;
}

using Loads = std::vector<size_t>;
using ByLoad = std::set<std::pair<size_t, size_t>>;  // load and member

ByLoad by_load(const Pool& pool, const Loads& loads) {
  ByLoad order;
  for (const size_t member : pool.members) order.emplace(loads[member], member);
  return order;
}

void set_load(ByLoad& order, Loads& loads, size_t member, size_t load) {
  order.erase({loads[member], member});
  loads[member] = load;
  order.emplace(load, member);
}

// Assigns each partition of the pool to the member that had it in its previous target. Returns the partitions that no
// member had.
std::vector<TopicIdPartition> keep(Pool& pool, const AssignorInput& input, Loads& loads) {
  std::vector<TopicIdPartition> kept;
  for (const size_t member : pool.members) {
    auto& mine = pool.of[member];
    std::ranges::set_intersection(input.before[member], pool.partitions, std::back_inserter(mine));
    // Only damaged stored assignments give one partition to two members. The first member then keeps it.
    std::erase_if(mine, [&](const auto& each) { return std::ranges::binary_search(kept, each); });
    loads[member] += mine.size();
    const auto middle = static_cast<std::ptrdiff_t>(kept.size());
    kept.insert(kept.end(), mine.begin(), mine.end());
    std::ranges::inplace_merge(kept, kept.begin() + middle);
  }
  return minus(pool.partitions, kept);
}

void hand_out(Pool& pool, const std::vector<TopicIdPartition>& free, Loads& loads) {
  ByLoad order = by_load(pool, loads);
  for (const TopicIdPartition& each : free) {
    const size_t member = order.begin()->second;
    pool.of[member].push_back(each);
    set_load(order, loads, member, loads[member] + 1);
  }
}

// Moves partitions from the members with the most partitions to the members with the fewest. Returns false if nothing
// was moved.
bool balance(Pool& pool, Loads& loads) {
  ByLoad order = by_load(pool, loads);
  bool has_moved = false;
  while (true) {
    const auto most = std::ranges::find_if(order.rbegin(), order.rend(), [&](const auto& each) {
      return !pool.of[each.second].empty();
    });
    if (most == order.rend() || most->first < order.begin()->first + 2) return has_moved;
    const size_t from = most->second, to = order.begin()->second;
    pool.of[to].push_back(pool.of[from].back());
    pool.of[from].pop_back();
    set_load(order, loads, from, loads[from] - 1);
    set_load(order, loads, to, loads[to] + 1);
    has_moved = true;
  }
}

}  // namespace

std::vector<AssignedPartitions> assign_uniform(const AssignorInput& input) {
  std::vector<Pool> pools = pools_of(input);
  Loads loads(input.before.size());
  std::vector<std::vector<TopicIdPartition>> free;
  for (Pool& pool : pools) free.push_back(keep(pool, input, loads));
  for (size_t i = 0; i < pools.size(); ++i) hand_out(pools[i], free[i], loads);
  // One pass is enough if all members have the same subscriptions. With many different subscriptions each pass improves
  // the balance, and a few passes are enough.
  constexpr int kMostPasses = 8;
  for (int pass = 0; pass < kMostPasses; ++pass) {
    bool has_moved = false;
    for (Pool& pool : pools) has_moved = balance(pool, loads) || has_moved;
    if (!has_moved) break;
  }
  std::vector<AssignedPartitions> assigned(input.before.size());
  for (Pool& pool : pools)
    for (auto& [member, partitions] : pool.of)
      assigned[member].insert(assigned[member].end(), partitions.begin(), partitions.end());
  for (AssignedPartitions& each : assigned) std::ranges::sort(each);
  return assigned;
}

std::vector<AssignedPartitions> assign_range(const AssignorInput& input) {
  std::vector<AssignedPartitions> assigned(input.before.size());
  for (const SubscribedTopic& topic : input.topics) {
    const auto members = static_cast<int32_t>(topic.members.size());
    const int32_t each = topic.partition_count / members, more = topic.partition_count % members;
    int32_t next = 0;
    for (int32_t i = 0; i < members; ++i) {
      const int32_t end = next + each + (i < more ? 1 : 0);
      for (; next < end; ++next)
        assigned[topic.members[static_cast<size_t>(i)]].push_back({topic.id, next});
    }
  }
  for (AssignedPartitions& each : assigned) std::ranges::sort(each);
  return assigned;
}

Assignor find_assignor(std::string_view name) {
  if (name == kUniformAssignor) return assign_uniform;
  if (name == "range") return assign_range;
  return nullptr;
}

}  // namespace server::coordinator
