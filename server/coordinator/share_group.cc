// The members of a share group.
#include "server/coordinator/share_group.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "server/coordinator/share_assignor.h"
#include "server/coordinator/share_config.h"

namespace server::coordinator {

using Answer = ShareGroupHeartbeatAnswer;

ShareGroup::ShareGroup(std::string id, GroupSurroundings& around, Store store)
    : id_(std::move(id)), around_(around), changes_(std::move(store)) {}

ShareGroup::~ShareGroup() { end(); }

void ShareGroup::end() {
  if (std::exchange(has_ended_, true)) return;
  for (auto& [id, member] : members_) {
    around_.deadlines.cancel(member.session);
    around_.size.shrink(std::exchange(member.charged, 0));
  }
  for (auto& [id, shared] : shared_) around_.size.shrink(std::exchange(shared.charged, 0));
}

void ShareGroup::resume() {
  for (auto& [id, member] : members_) {
    charge(member, member.said);
    alive(member);
  }
  for (auto& [id, shared] : shared_) charge(shared);
  divide();
}

// --- Heartbeats

void ShareGroup::heartbeat(ShareGroupHeartbeat request, Done<Answer> done) {
  if (request.member_epoch < 0) return leave(request, std::move(done));
  Answer refused = request.refusal(KafkaError::None);
  Member* member = enter(request, refused);
  if (!member) return done(std::move(refused));
  const bool is_new = member->charged == 0;
  if (!update(*member, request)) {
    if (is_new) {
      members_.erase(request.member_id);
      divide();
    }
    return done(
        request.refusal(kGroupMaxSizeReached, "The server has no room for another member."));
  }
  if (around_.topics() != seen_ && divide()) bump();
  alive(*member);
  if (member->epoch != epoch_) {
    member->previous_epoch = member->epoch;
    member->epoch = epoch_;
  }
  Answer answer{
      .member_id = member->id,
      .member_epoch = member->epoch,
      .heartbeat_interval_ms = static_cast<int32_t>(number(
          storage::kShareHeartbeatIntervalMs, around_.settings.share_heartbeat_interval_ms))};
  // A member sends its topics when it joins, or when an answer to it was lost. It then gets the
  // assignment even if the assignment is unchanged.
  if (request.member_epoch == 0 || request.topics || member->told != member->assigned)
    answer.assignment = member->told = member->assigned;
  commit([request = std::move(request), answer = std::move(answer),
          done = std::move(done)](KafkaError error) mutable {
    done(error == KafkaError::None ? std::move(answer) : request.refusal(error));
  });
}

ShareGroup::Member* ShareGroup::enter(const ShareGroupHeartbeat& request, Answer& refused) {
  const auto found = members_.find(request.member_id);
  if (found == members_.end()) {
    if (request.member_epoch > 0) {
      refused.error = kUnknownMemberId;
      refused.message =
          fmt::format("Member {} is not a member of group {}.", request.member_id, id_);
      return nullptr;
    }
    if (members_.size() >= static_cast<size_t>(around_.settings.share_max_size)) {
      refused.error = kGroupMaxSizeReached;
      refused.message =
          fmt::format("The share group has reached its maximum capacity of {} members.",
                      around_.settings.share_max_size);
      return nullptr;
    }
    return &members_.emplace(request.member_id, Member{.id = request.member_id}).first->second;
  }
  Member& member = found->second;
  // The epoch of a member that joined before a restart is unknown, so any epoch that the group has had is accepted.
  const bool is_known = request.member_epoch == 0 || request.member_epoch == member.epoch ||
                        request.member_epoch == member.previous_epoch ||
                        (member.epoch < 0 && request.member_epoch <= epoch_);
  if (is_known) return &member;
  refused.error = kFencedMemberEpoch;
  refused.message = fmt::format(
      "The share group member has epoch {}, which is not that known by the group coordinator ({}). "
      "The member must rejoin.",
      request.member_epoch, member.epoch);
  return nullptr;
}

bool ShareGroup::update(Member& member, const ShareGroupHeartbeat& request) {
  ShareMemberValue said = member.said;
  if (request.rack_id) said.rack_id = request.rack_id;
  if (request.topics) said.topics = *request.topics;
  said.client_id = request.client_id;
  said.client_host = request.client_host;
  const bool is_new = member.charged == 0;
  if (!is_new && said == member.said) return true;
  if (!charge(member, said)) return false;
  const bool subscribes_otherwise = is_new || said.topics != member.said.topics;
  member.said = std::move(said);
  put(member);
  if (subscribes_otherwise) {
    divide();
    bump();
  }
  return true;
}

bool ShareGroup::charge(Member& member, const ShareMemberValue& said) {
  constexpr size_t kBytesOfMember = 900, kBytesOfText = 48;
  size_t bytes = kBytesOfMember + 2 * member.id.size() + said.client_id.size() +
                 said.client_host.size() + said.rack_id.value_or("").size();
  for (const std::string& topic : said.topics) bytes += kBytesOfText + topic.size();
  size_t others = 0;
  for (const auto& [id, each] : members_)
    if (&each != &member) others += each.charged;
  if (bytes > member.charged) {
    if (others + bytes > kMaxGroupBytes || !around_.size.try_grow(bytes - member.charged))
      return false;
  } else {
    around_.size.shrink(member.charged - bytes);
  }
  member.charged = bytes;
  return true;
}

void ShareGroup::bump() {
  ++epoch_;
  put_epoch();
}

bool ShareGroup::divide() {
  seen_ = around_.topics();
  std::map<std::string_view, SharedTopic> topics;
  size_t place = 0;
  for (const auto& [id, member] : members_) {
    for (const std::string& name : member.said.topics) {
      const storage::TopicInfo* topic = seen_->find(name);
      if (!topic) continue;
      SharedTopic& shared = topics[topic->name];
      shared.id = topic->id;
      shared.partition_count = topic->partition_count;
      shared.members.push_back(place);
    }
    ++place;
  }
  std::vector<SharedTopic> all;
  for (auto& [name, topic] : topics) all.push_back(std::move(topic));
  std::vector<AssignedPartitions> assigned = assign_simple(members_.size(), all);
  bool has_changed = false;
  place = 0;
  for (auto& [id, member] : members_) {
    has_changed |= member.assigned != assigned[place];
    member.assigned = std::move(assigned[place++]);
  }
  return has_changed;
}

// --- Leaving members

void ShareGroup::leave(const ShareGroupHeartbeat& request, Done<Answer> done) {
  if (!members_.contains(request.member_id))
    return done(request.refusal(
        kUnknownMemberId,
        fmt::format("Member {} is not a member of group {}.", request.member_id, id_)));
  remove(request.member_id);
  commit([request, done = std::move(done)](KafkaError error) {
    Answer left = request.refusal(error);
    left.member_epoch = request.member_epoch;
    done(std::move(left));
  });
}

void ShareGroup::remove(const std::string& id) {
  const auto found = members_.find(id);
  around_.deadlines.cancel(found->second.session);
  around_.size.shrink(found->second.charged);
  changes_.add({encode(ShareGroupKey{ShareGroupRecord::Member, id_, id}), std::nullopt});
  members_.erase(found);
  divide();
  bump();
}

// Extends the member's session. As in consumer groups, a heartbeat only moves the end of the session; when the timer
// runs, it is set again if the end has moved.
void ShareGroup::alive(Member& member) {
  const int64_t for_ms =
      number(storage::kShareSessionTimeoutMs, around_.settings.share_session_timeout_ms);
  member.expires_us = around_.clock.monotonic_us() + for_ms * 1000;
  if (!member.session.is_set() || member.session.at_us > member.expires_us) watch(member);
}

void ShareGroup::watch(Member& member) {
  around_.deadlines.cancel(member.session);
  if (has_ended_) return;
  member.session =
      around_.deadlines.set(member.expires_us, [this, id = member.id] { on_session_end(id); });
}

// Removes the member if its session has expired. The records that it has acquired stay acquired:
// they are released when its share session ends with the connection, or when the lock of a record
// expires.
void ShareGroup::on_session_end(const std::string& id) {
  Member& member = members_.find(id)->second;
  member.session = {};
  if (member.expires_us > around_.clock.monotonic_us()) return watch(member);
  remove(std::string(id));
  commit([](KafkaError) {});
}

// --- Settings and descriptions

int64_t ShareGroup::number(std::string_view name, int64_t by_default) const {
  return share_group_number(around_, id_, name, by_default);
}

bool ShareGroup::reads_committed() const { return share_group_reads_committed(around_, id_); }

bool ShareGroup::is_there(const TopicIdPartition& id) const {
  return is_topic_partition(around_, id);
}

ShareGroupDescription ShareGroup::describe() const {
  ShareGroupDescription described{.group_id = id_, .state = std::string(state()), .epoch = epoch_};
  for (const auto& [id, member] : members_)
    described.members.push_back({id, member.said.rack_id, std::max(member.epoch, 0),
                                 member.said.client_id, member.said.client_host, member.said.topics,
                                 member.assigned});
  return described;
}

}  // namespace server::coordinator
