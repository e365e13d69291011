// The partitions of a consumer group: which partitions exist, how they are assigned, and how
// members reach their targets.
#include <algorithm>
#include <cassert>
#include <utility>

#include "server/coordinator/assignors.h"
#include "server/coordinator/consumer_group.h"

namespace server::coordinator {

// Recomputes the subscribed topics if the metadata may have changed. Returns true if the topics
// have changed.
bool ConsumerGroup::refresh_topics() {
  const auto now = around_.topics();
  bool has_matches_changed = false;
  for (auto& [regex, pattern] : patterns_)
    has_matches_changed = pattern.pattern.refresh(now, around_.clock) || has_matches_changed;
  if (now == seen_ && !has_matches_changed) return false;
  seen_ = now;
  std::set<std::string_view> names;
  for (const auto& [id, member] : members_)
    names.insert(member.topics.begin(), member.topics.end());
  for (const auto& [regex, pattern] : patterns_)
    names.insert(pattern.pattern.topics().begin(), pattern.pattern.topics().end());
  std::vector<TopicOfGroup> topics;
  for (const std::string_view name : names)
    if (const storage::TopicInfo* topic = now->find(name))
      topics.push_back({topic->id, topic->name, topic->partition_count});
  if (topics == topics_) return false;
  topics_ = std::move(topics);
  put(ConsumerGroupRecord::Topics, {});
  return true;
}

void ConsumerGroup::bump() {
  ++epoch_;
  put(ConsumerGroupRecord::Group, {});
}

// Returns the assignor that most members request. If several assignors have the same number of
// members, it returns the first by name.
std::string_view ConsumerGroup::assignor() const {
  std::map<std::string_view, size_t> votes;
  for (const auto& [id, member] : members_)
    if (member.assignor) ++votes[*member.assignor];
  const auto most =
      std::ranges::max_element(votes, {}, [](const auto& each) { return each.second; });
  return most == votes.end() || !find_assignor(most->first) ? kUniformAssignor : most->first;
}

void ConsumerGroup::divide() {
  std::vector<ConsumerMember*> order;
  for (auto& [id, member] : members_) order.push_back(&member);
  std::ranges::stable_sort(order, [](const ConsumerMember* a, const ConsumerMember* b) {
    if (a->instance_id.has_value() != b->instance_id.has_value()) return a->instance_id.has_value();
    return a->instance_id < b->instance_id;  // the other members stay in the order of their ids
  });
  AssignorInput input;
  std::map<std::string_view, size_t> places;  // indexes of topics by name
  for (const TopicOfGroup& topic : topics_) {
    places[topic.name] = input.topics.size();
    input.topics.push_back({topic.id, topic.partition_count, {}});
  }
  const auto subscribe = [&](const std::string& topic, size_t member) {
    const auto place = places.find(topic);
    if (place == places.end()) return;
    auto& subscribers = input.topics[place->second].members;
    if (subscribers.empty() || subscribers.back() != member) subscribers.push_back(member);
  };
  for (size_t i = 0; i < order.size(); ++i) {
    input.before.push_back(order[i]->target);
    for (const std::string& topic : order[i]->topics) subscribe(topic, i);
    if (const auto pattern = patterns_.find(order[i]->regex); pattern != patterns_.end())
      for (const std::string& topic : pattern->second.pattern.topics()) subscribe(topic, i);
  }
  std::erase_if(input.topics, [](const SubscribedTopic& topic) { return topic.members.empty(); });
  std::vector<AssignedPartitions> targets = find_assignor(assignor())(input);
  for (size_t i = 0; i < order.size(); ++i) {
    if (order[i]->target == targets[i]) continue;
    order[i]->target = std::move(targets[i]);
    put(ConsumerGroupRecord::TargetAssignment, *order[i]);
    charge(*order[i], false);
  }
  assignment_epoch_ = epoch_;
  put(ConsumerGroupRecord::Assignment, {});
}

void ConsumerGroup::advance(ConsumerMember& member,
                            const std::optional<AssignedPartitions>& owned) {
  if (refresh_topics()) bump();
  if (epoch_ > assignment_epoch_) divide();
  step(member, owned);
}

bool ConsumerGroup::step(ConsumerMember& member, const std::optional<AssignedPartitions>& owned) {
  const auto is_free = [&](const TopicIdPartition& each) {
    const auto holder = holders_.find(each);
    return holder == holders_.end() || holder->second == member.id;
  };
  release(member);
  const int32_t epoch = member.epoch;
  const MemberState state = member.state;
  const bool has_changed = reconcile(member, assignment_epoch_, is_free, owned);
  hold(member);
  if (!has_changed) return false;
  assert(member.epoch <= epoch_ && assignment_epoch_ <= epoch_);
  put(ConsumerGroupRecord::CurrentAssignment, member);
  charge(member, false);
  if (member.classic) return true;  // classic members have deadlines of their own
  const bool is_to_revoke = member.state == MemberState::UnrevokedPartitions;
  if (is_to_revoke && (state != member.state || epoch != member.epoch)) hurry(member);
  if (!is_to_revoke) around_.deadlines.cancel(member.hurry);
  return true;
}

}  // namespace server::coordinator
