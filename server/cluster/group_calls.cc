#include "server/cluster/group_calls.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace server {

namespace {

constexpr int64_t kGroupPatienceUs = 1'000'000;
// Limit for the number of groups and partitions in one message, so that a message has at most some
// megabytes.
constexpr size_t kMostElements = 100'000;

// Builds a message of as many groups as fit.
GroupsReported as_told(uint64_t number, GroupCalls::Groups groups) {
  size_t elements = 0;
  const auto beyond = std::ranges::find_if(groups, [&](const coordinator::GroupProgress& group) {
    elements += 1 + group.partitions.size();
    return elements > kMostElements;
  });
  const bool is_whole = beyond == groups.end();
  groups.erase(beyond, groups.end());
  return {number, is_whole, std::move(groups)};
}

}  // namespace

void GroupCalls::ask(std::function<void(Told)> done) {
  const std::set<NodeId> others = around_.others(), reached = around_.reached();
  Told told;
  std::ranges::set_difference(others, reached,
                              std::inserter(told.incomplete, told.incomplete.end()));
  if (reached.empty()) return done(std::move(told));
  const uint64_t number = questions_.open(
      reached, kGroupPatienceUs,
      [this, done = std::move(done)](uint64_t own_number, const std::set<NodeId>& silent) {
        Told all = std::move(gathered_.extract(own_number).mapped());
        all.incomplete.insert(silent.begin(), silent.end());
        done(std::move(all));
      });
  gathered_.emplace(number, std::move(told));
  for (const NodeId other : reached) around_.send(other, AskGroups{number});
}

void GroupCalls::on_message(NodeId from, const AskGroups& message) {
  around_.own([this, from, number = message.number](Groups groups) {
    around_.send(from, as_told(number, std::move(groups)));
  });
}

void GroupCalls::on_message(NodeId from, GroupsReported message) {
  if (!questions_.is_open(message.number, from)) return;
  Told& told = gathered_.at(message.number);
  std::ranges::move(message.groups, std::back_inserter(told.groups));
  if (!message.is_whole) told.incomplete.insert(from);
  questions_.answered(message.number, from);
}

}  // namespace server
