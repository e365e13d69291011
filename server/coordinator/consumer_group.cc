#include "server/coordinator/consumer_group.h"

#include <algorithm>
#include <utility>

#include "server/coordinator/assignors.h"
#include "server/coordinator/consumer_protocol.h"

namespace server::coordinator {

ConsumerGroup::ConsumerGroup(std::string id, GroupSurroundings& around, Store store,
                             Downgrade downgrade)
    : id_(std::move(id)),
      around_(around),
      downgrade_(std::move(downgrade)),
      changes_(std::move(store)) {}

ConsumerGroup::~ConsumerGroup() { end(); }

void ConsumerGroup::end() {
  if (std::exchange(has_ended_, true)) return;
  for (auto& [id, member] : members_) {
    around_.deadlines.cancel(member.session);
    around_.deadlines.cancel(member.hurry);
  }
  around_.size.shrink(member_bytes_);
  member_bytes_ = 0;
}

// --- Replay

Status ConsumerGroup::restore(const ConsumerGroupKey& key, std::optional<std::string_view> value) {
  switch (key.kind) {
    case ConsumerGroupRecord::Group:
      epoch_ = value ? TRY(decode_epoch(*value)) : 0;
      return {};
    case ConsumerGroupRecord::Topics:
      topics_ = value ? TRY(decode_topics(*value)) : std::vector<TopicOfGroup>();
      return {};
    case ConsumerGroupRecord::Assignment:
      assignment_epoch_ = value ? TRY(decode_epoch(*value)) : 0;
      return {};
    case ConsumerGroupRecord::Member:
    case ConsumerGroupRecord::TargetAssignment:
    case ConsumerGroupRecord::CurrentAssignment:
      break;
  }
  ConsumerMember* member = find(key.member_id);
  if (!value) {
    if (!member) return {};
    if (key.kind == ConsumerGroupRecord::TargetAssignment) member->target.clear();
    if (key.kind == ConsumerGroupRecord::CurrentAssignment) {
      member->epoch = member->previous_epoch = 0;
      member->state = MemberState::Stable;
      member->assigned.clear();
      member->revoking.clear();
    }
    if (key.kind == ConsumerGroupRecord::Member) members_.erase(key.member_id);
    return {};
  }
  ConsumerMember read = member ? *member : ConsumerMember{.id = key.member_id};
  if (key.kind == ConsumerGroupRecord::Member) TRY(decode_member(*value, read));
  if (key.kind == ConsumerGroupRecord::TargetAssignment) TRY(decode_target(*value, read));
  if (key.kind == ConsumerGroupRecord::CurrentAssignment) TRY(decode_current(*value, read));
  members_.insert_or_assign(key.member_id, std::move(read));
  return {};
}

// Rebuilds the state that is derived from the records. Members may have disappeared while the group was not
// coordinated, so the sessions of all members start now.
void ConsumerGroup::resume() {
  int32_t newest_epoch = assignment_epoch_;
  for (auto& [id, member] : members_) {
    newest_epoch = std::max(newest_epoch, member.epoch);
    if (member.instance_id) instances_[*member.instance_id] = id;
    use_pattern(member.regex);
    charge(member, false);
    hold(member);
    alive(member);
    if (member.state == MemberState::UnrevokedPartitions) hurry(member);
  }
  // The record of a member may have a later epoch than the record of the group. This happens if the append of the
  // group's record failed and a later append succeeded. Such an epoch must not be used again: a member that already
  // has it would not get its new partitions.
  if (newest_epoch > epoch_) {
    epoch_ = newest_epoch;
    bump();
  }
}

// --- Members

ConsumerMember* ConsumerGroup::find(std::string_view id) {
  const auto found = members_.find(id);
  return found == members_.end() ? nullptr : &found->second;
}

const ConsumerMember* ConsumerGroup::find(std::string_view id) const {
  const auto found = members_.find(id);
  return found == members_.end() ? nullptr : &found->second;
}

KafkaError ConsumerGroup::check_member(const std::string& id,
                                       const std::optional<std::string>& instance_id) const {
  if (instance_id) {
    const auto found = instances_.find(*instance_id);
    if (found == instances_.end()) return kUnknownMemberId;
    if (found->second != id) return kFencedInstanceId;
  }
  return members_.contains(id) ? KafkaError::None : kUnknownMemberId;
}

ConsumerMember& ConsumerGroup::insert(ConsumerMember member) {
  if (member.instance_id) instances_[*member.instance_id] = member.id;
  use_pattern(member.regex);
  hold(member);
  std::string id = member.id;
  return members_.emplace(std::move(id), std::move(member)).first->second;
}

// Gives the place of an instance to a new member with the id `id`: the instance has returned with another member id.
ConsumerMember& ConsumerGroup::replace(ConsumerMember& old, const std::string& id) {
  ConsumerMember next = old;
  next.id = id;
  next.epoch = next.previous_epoch = 0;
  next.session = next.hurry = {};
  next.charged = 0;
  remove(std::string(old.id));
  ConsumerMember& member = insert(std::move(next));
  charge(member, false);
  put(ConsumerGroupRecord::Member, member);
  put(ConsumerGroupRecord::TargetAssignment, member);
  put(ConsumerGroupRecord::CurrentAssignment, member);
  return member;
}

void ConsumerGroup::remove(const std::string& id) {
  const auto found = members_.find(id);
  ConsumerMember& member = found->second;
  around_.deadlines.cancel(member.session);
  around_.deadlines.cancel(member.hurry);
  release(member);
  drop_pattern(member.regex);
  around_.size.shrink(member.charged);
  member_bytes_ -= member.charged;
  if (member.instance_id) instances_.erase(*member.instance_id);
  drop(member);
  members_.erase(found);
}

// Charges the member's current bytes to the group and to the memory budget. If `must_fit` and the group would be too
// large or the budget is exhausted, it returns false and changes nothing.
bool ConsumerGroup::charge(ConsumerMember& member, bool must_fit) {
  constexpr size_t kBytesOfMember = 900, kBytesOfPartition = 120, kBytesOfText = 48;
  constexpr size_t kBytesOfPattern = 4'000;
  size_t bytes = kBytesOfMember + member.client_id.size() + member.client_host.size() +
                 member.regex.size() + (member.regex.empty() ? 0 : kBytesOfPattern) +
                 member.rack_id.value_or("").size() + member.instance_id.value_or("").size() +
                 kBytesOfPartition * (member.assigned.size() + member.target.size());
  for (const std::string& topic : member.topics) bytes += kBytesOfText + topic.size();
  if (member.classic)
    for (const GroupProtocol& each : member.classic->protocols)
      bytes += 2 * kBytesOfText + each.name.size() + each.metadata.size();
  if (bytes > member.charged) {
    const size_t more = bytes - member.charged;
    if (must_fit && (member_bytes_ + more > kMaxGroupBytes || !around_.size.try_grow(more)))
      return false;
    if (!must_fit) around_.size.grow(more);
    member_bytes_ += more;
  } else {
    around_.size.shrink(member.charged - bytes);
    member_bytes_ -= member.charged - bytes;
  }
  member.charged = bytes;
  return true;
}

void ConsumerGroup::hold(const ConsumerMember& member) {
  for (const auto* partitions : {&member.assigned, &member.revoking})
    for (const TopicIdPartition& each : *partitions) holders_.try_emplace(each, member.id);
}

void ConsumerGroup::release(const ConsumerMember& member) {
  for (const auto* partitions : {&member.assigned, &member.revoking})
    for (const TopicIdPartition& each : *partitions) {
      const auto found = holders_.find(each);
      if (found != holders_.end() && found->second == member.id) holders_.erase(found);
    }
}

void ConsumerGroup::use_pattern(const std::string& regex) {
  if (regex.empty()) return;
  const auto found = patterns_.find(regex);
  if (found != patterns_.end()) {
    ++found->second.users;
  } else if (auto compiled = TopicPattern::compile(regex)) {
    // compile() fails only for a pattern that a later version has stored and this version rejects.
    patterns_.emplace(regex, Pattern{*std::move(compiled), 1});
  }
}

void ConsumerGroup::drop_pattern(const std::string& regex) {
  const auto found = patterns_.find(regex);
  if (found != patterns_.end() && --found->second.users == 0) patterns_.erase(found);
}

// --- Records

void ConsumerGroup::put(ConsumerGroupRecord kind, const ConsumerMember& member) {
  const ConsumerGroupKey key{kind, id_, is_of_member(kind) ? member.id : std::string()};
  std::string value;
  switch (kind) {
    case ConsumerGroupRecord::Group:
      value = encode_group_epoch(epoch_);
      break;
    case ConsumerGroupRecord::Topics:
      value = encode_topics(topics_);
      break;
    case ConsumerGroupRecord::Assignment:
      value = encode_assignment_epoch(assignment_epoch_);
      break;
    case ConsumerGroupRecord::Member:
      value = encode_member(member);
      break;
    case ConsumerGroupRecord::TargetAssignment:
      value = encode_target(member);
      break;
    case ConsumerGroupRecord::CurrentAssignment:
      value = encode_current(member);
      break;
  }
  changes_.add({encode(key), std::move(value)});
}

void ConsumerGroup::put_all() {
  for (const auto& [id, member] : members_) put(ConsumerGroupRecord::Member, member);
  put(ConsumerGroupRecord::Topics, {});
  put(ConsumerGroupRecord::Group, {});
  for (const auto& [id, member] : members_) put(ConsumerGroupRecord::TargetAssignment, member);
  put(ConsumerGroupRecord::Assignment, {});
  for (const auto& [id, member] : members_) put(ConsumerGroupRecord::CurrentAssignment, member);
}

void ConsumerGroup::drop(const ConsumerMember& member) {
  for (const auto kind : {ConsumerGroupRecord::CurrentAssignment,
                          ConsumerGroupRecord::TargetAssignment, ConsumerGroupRecord::Member})
    changes_.add({encode(ConsumerGroupKey{kind, id_, member.id}), std::nullopt});
}

std::vector<StoredRecord> ConsumerGroup::tombstones() const {
  std::vector<StoredRecord> all = changes_.undeleted();
  for (const auto& [id, member] : members_)
    for (const auto kind : {ConsumerGroupRecord::CurrentAssignment,
                            ConsumerGroupRecord::TargetAssignment, ConsumerGroupRecord::Member})
      all.push_back({encode(ConsumerGroupKey{kind, id_, id}), std::nullopt});
  for (const auto kind :
       {ConsumerGroupRecord::Assignment, ConsumerGroupRecord::Topics, ConsumerGroupRecord::Group})
    all.push_back({encode(ConsumerGroupKey{kind, id_, {}}), std::nullopt});
  return all;
}

void ConsumerGroup::commit(Done<KafkaError> done) {
  if (has_ended_) return done(kNotCoordinator);
  changes_.commit([this] { put_all(); }, std::move(done));
}

// --- Descriptions

std::string_view ConsumerGroup::state() const {
  if (members_.empty()) return "Empty";
  if (epoch_ > assignment_epoch_) return "Assigning";
  const bool is_stable = std::ranges::all_of(
      members_, [&](const auto& each) { return each.second.is_reconciled(assignment_epoch_); });
  return is_stable ? "Stable" : "Reconciling";
}

ConsumerGroupDescription ConsumerGroup::describe() const {
  ConsumerGroupDescription described{.group_id = id_,
                                     .state = std::string(state()),
                                     .epoch = epoch_,
                                     .assignment_epoch = assignment_epoch_,
                                     .assignor = std::string(assignor())};
  for (const auto& [id, member] : members_)
    described.members.push_back({id, member.instance_id, member.rack_id, member.epoch,
                                 member.client_id, member.client_host, member.topics, member.regex,
                                 member.assigned, member.target, member.classic.has_value()});
  return described;
}

GroupDescription ConsumerGroup::describe_as_classic() const {
  GroupDescription described{.group_id = id_,
                             .state = std::string(state()),
                             .protocol_type = std::string(kConsumerProtocolType),
                             .protocol_name = std::string(assignor())};
  const auto topics = around_.topics();
  for (const auto& [id, member] : members_)
    described.members.push_back({id, member.instance_id, member.client_id, member.client_host,
                                 write_subscription(member.topics),
                                 write_assignment(member.assigned, *topics)});
  return described;
}

std::vector<std::string> ConsumerGroup::subscribed_topics() const {
  std::vector<std::string> names;
  for (const TopicOfGroup& topic : topics_) names.push_back(topic.name);
  return names;
}

// --- Offsets

KafkaError ConsumerGroup::check_commit(const CommitOffsets& request) const {
  if (request.generation < 0 && members_.empty()) return KafkaError::None;
  if (const KafkaError error = check_member(request.member_id, request.instance_id);
      error != KafkaError::None)
    return error;
  const ConsumerMember& member = *find(request.member_id);
  if (!request.producer && !member.classic && !request.knows_member_epochs)
    return kUnsupportedVersion;
  if (request.generation == member.epoch) return KafkaError::None;
  return member.classic ? kIllegalGeneration : kStaleMemberEpoch;
}

KafkaError ConsumerGroup::check_fetch(const FetchOffsets& request) const {
  if (!request.member_id && request.member_epoch < 0) return KafkaError::None;
  const ConsumerMember* member = find(request.member_id.value_or(""));
  if (!member) return kUnknownMemberId;
  if (request.member_epoch == member->epoch) return KafkaError::None;
  return member->classic ? kIllegalGeneration : kStaleMemberEpoch;
}

}  // namespace server::coordinator
