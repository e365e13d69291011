// Heartbeats of members with the consumer protocol, and their answers.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "server/coordinator/consumer_group.h"

namespace server::coordinator {

namespace {

using Answer = ConsumerGroupHeartbeatAnswer;

bool is_part(const std::optional<AssignedPartitions>& owned, const AssignedPartitions& of) {
  return owned && std::ranges::includes(of, *owned);
}

std::string wrong_epoch(const char* than, int32_t said, int32_t known) {
  return fmt::format(
      "The consumer group member has a {} member epoch ({}) than the one known by the group "
      "coordinator ({}). The "
      "member must abandon all its partitions and rejoin.",
      than, said, known);
}

// Returns None if a known member may continue from the epoch that it has sent. Otherwise it returns the error, with a
// message in `why`.
KafkaError check_epoch(const ConsumerMember& member, const ConsumerGroupHeartbeat& request,
                       std::string& why) {
  if (request.member_epoch > member.epoch) {
    why = wrong_epoch("greater", request.member_epoch, member.epoch);
    return kFencedMemberEpoch;
  }
  // A member that did not get the answer with its new epoch sends the previous epoch. Such a request is accepted,
  // unless the member reports partitions that are not in its new assignment.
  if (request.member_epoch == member.epoch ||
      (request.member_epoch == member.previous_epoch && is_part(request.owned, member.assigned)))
    return KafkaError::None;
  why = wrong_epoch("smaller", request.member_epoch, member.epoch);
  return kFencedMemberEpoch;
}

}  // namespace

void ConsumerGroup::heartbeat(ConsumerGroupHeartbeat request, Done<Answer> done) {
  if (request.member_epoch < 0) return leave(request, std::move(done));
  const bool is_known = members_.contains(request.member_id) ||
                        (request.instance_id && instances_.contains(*request.instance_id));
  if (!is_known && members_.size() >= static_cast<size_t>(around_.settings.consumer_max_size))
    return done(request.refusal(
        kGroupMaxSizeReached,
        fmt::format("The consumer group has reached its maximum capacity of {} members.",
                    around_.settings.consumer_max_size)));
  Answer refused = request.refusal(KafkaError::None);
  ConsumerMember* member = enter(request, refused);
  if (!member) return done(std::move(refused));

  const AssignedPartitions before = member->assigned;
  const bool is_new = member->charged == 0;
  ConsumerMember said = *member;
  if (request.instance_id) said.instance_id = request.instance_id;
  if (request.rack_id) said.rack_id = request.rack_id;
  if (request.rebalance_timeout_ms >= 0) said.rebalance_timeout_ms = request.rebalance_timeout_ms;
  if (request.topics) said.topics = *request.topics;
  if (request.regex) said.regex = *request.regex;
  if (request.assignor) said.assignor = request.assignor;
  said.client_id = request.client_id;
  said.client_host = request.client_host;
  said.classic.reset();
  if (const KafkaError error = update(*member, std::move(said)); error != KafkaError::None) {
    if (is_new) {
      remove(std::string(member->id));
      changes_.forget();
    }
    return done(
        request.refusal(error, error == kInvalidRegularExpression
                                   ? "SubscribedTopicRegex is not a valid regular expression."
                                   : "The server has no room for another member."));
  }
  advance(*member, request.owned);
  alive(*member);

  Answer answer{.member_id = member->id,
                .member_epoch = member->epoch,
                .heartbeat_interval_ms = heartbeat_interval_ms()};
  // A member sends all fields when it joins, or when an answer to it was lost. It then gets the
  // full assignment.
  const bool sends_all =
      request.member_epoch == 0 ||
      (request.rebalance_timeout_ms >= 0 && (request.topics || request.regex) && request.owned);
  if (sends_all || member->assigned != before) answer.assignment = member->assigned;
  commit([request = std::move(request), answer = std::move(answer),
          done = std::move(done)](KafkaError error) mutable {
    done(error == KafkaError::None ? std::move(answer) : request.refusal(error));
  });
}

ConsumerMember* ConsumerGroup::enter(const ConsumerGroupHeartbeat& request, Answer& refused) {
  if (request.instance_id) return enter_instance(request, refused);
  ConsumerMember* member = find(request.member_id);
  if (!member && request.member_epoch > 0) {
    refused.error = kUnknownMemberId;
    refused.message = fmt::format("Member {} is not a member of group {}.", request.member_id, id_);
    return nullptr;
  }
  if (!member) {
    std::string id = request.member_id.empty() ? around_.new_id().to_string() : request.member_id;
    return &insert({.id = std::move(id)});
  }
  // A member that joins again with the same id owns no partitions. Its previous partitions are
  // released now, so that other members need not wait for the end of its previous session.
  if (request.member_epoch == 0 && member->epoch > 0 && member->previous_epoch != 0) {
    release(*member);
    member->assigned.clear();
    member->revoking.clear();
    member->epoch = member->previous_epoch = 0;
    member->state = MemberState::Stable;
    around_.deadlines.cancel(member->hurry);
    return member;
  }
  refused.error = check_epoch(*member, request, refused.message);
  return refused.error == KafkaError::None ? member : nullptr;
}

ConsumerMember* ConsumerGroup::enter_instance(const ConsumerGroupHeartbeat& request,
                                              Answer& refused) {
  const auto known = instances_.find(*request.instance_id);
  if (known == instances_.end()) {
    if (request.member_epoch == 0) {
      std::string id = request.member_id.empty() ? around_.new_id().to_string() : request.member_id;
      if (ConsumerMember* same = find(id)) return same;
      return &insert({.id = std::move(id), .instance_id = request.instance_id});
    }
    refused.error = kUnknownMemberId;
    refused.message = fmt::format("Instance id {} is unknown.", *request.instance_id);
    return nullptr;
  }
  ConsumerMember& holder = *find(known->second);
  const bool is_same = holder.id == request.member_id;
  if (request.member_epoch == 0 && !(is_same && holder.previous_epoch == 0 && holder.epoch > 0)) {
    // The instance id can be used if its member has left temporarily, or is changing from the
    // classic protocol.
    if (holder.epoch != kLeavesForAWhile && !holder.classic) {
      refused.error = kUnreleasedInstanceId;
      refused.message = fmt::format(
          "Static member {} with instance id {} cannot join the group because the instance id is "
          "owned by {} member.",
          request.member_id, *request.instance_id, holder.id);
      return nullptr;
    }
    return &replace(holder,
                    request.member_id.empty() ? around_.new_id().to_string() : request.member_id);
  }
  if (!is_same) {
    refused.error = kFencedInstanceId;
    refused.message = fmt::format("Static member {} with instance id {} was fenced by member {}.",
                                  request.member_id, *request.instance_id, holder.id);
    return nullptr;
  }
  refused.error = check_epoch(holder, request, refused.message);
  return refused.error == KafkaError::None ? &holder : nullptr;
}

// Stores the member's new settings. If its subscription has changed, the group epoch is raised for a new assignment.
KafkaError ConsumerGroup::update(ConsumerMember& member, ConsumerMember said) {
  const bool is_new = member.charged == 0;
  if (!said.regex.empty() && said.regex != member.regex && !TopicPattern::compile(said.regex))
    return kInvalidRegularExpression;
  const auto what = [](const ConsumerMember& of) {
    return std::tie(of.instance_id, of.rack_id, of.client_id, of.client_host,
                    of.rebalance_timeout_ms, of.topics, of.regex, of.assignor, of.classic);
  };
  if (!is_new && what(member) == what(said)) return KafkaError::None;
  ConsumerMember& next = said;
  if (!charge(next, true)) return kGroupMaxSizeReached;
  const bool subscribes_otherwise =
      is_new || said.topics != member.topics || said.regex != member.regex;
  if (said.regex != member.regex) {
    use_pattern(said.regex);
    drop_pattern(member.regex);
  }
  if (said.instance_id) instances_[*said.instance_id] = member.id;
  member = std::move(said);
  put(ConsumerGroupRecord::Member, member);
  if (subscribes_otherwise) {
    seen_.reset();
    refresh_topics();
    bump();
  }
  return KafkaError::None;
}

// --- Leaving members

void ConsumerGroup::leave(const ConsumerGroupHeartbeat& request, Done<Answer> done) {
  Answer refused = request.refusal(KafkaError::None);
  if (const KafkaError error = check_member(request.member_id, request.instance_id);
      error != KafkaError::None)
    return done(request.refusal(
        error, fmt::format("Member {} is not a member of group {}.", request.member_id, id_)));
  Answer left{.member_id = request.member_id, .member_epoch = request.member_epoch};
  const auto tell = [request, left, done](KafkaError error) {
    done(error == KafkaError::None ? left : request.refusal(error));
  };
  if (request.member_epoch == kLeavesForAWhile) {
    // The member leaves temporarily: it keeps its place in the group and its partitions until its session expires.
    ConsumerMember& member = *find(request.member_id);
    around_.deadlines.cancel(member.hurry);
    release(member);
    member.revoking.clear();
    hold(member);
    member.previous_epoch = member.epoch;
    member.epoch = kLeavesForAWhile;
    put(ConsumerGroupRecord::CurrentAssignment, member);
    return commit(tell);
  }
  remove(request.member_id);
  after_removal(tell);
}

void ConsumerGroup::expel(const std::string& id) {
  remove(id);
  after_removal([](KafkaError) {});
}

void ConsumerGroup::after_removal(Done<KafkaError> done) {
  const bool is_classic = !members_.empty() && std::ranges::all_of(members_, [](const auto& each) {
    return each.second.classic.has_value();
  });
  if (is_classic && members_.size() <= static_cast<size_t>(around_.settings.max_size)) {
    changes_.forget_all_but_deletions();
    const auto self = shared_from_this();
    return downgrade_(tombstones(), as_classic(), std::move(done));
  }
  seen_.reset();
  refresh_topics();
  bump();
  commit(std::move(done));
}

// --- Time

int32_t ConsumerGroup::heartbeat_interval_ms() const {
  return static_cast<int32_t>(
      storage::group_config_number(*around_.configs(), id_, storage::kConsumerHeartbeatIntervalMs)
          .value_or(around_.settings.consumer_heartbeat_interval_ms));
}

int32_t ConsumerGroup::session_timeout_ms(const ConsumerMember& member) const {
  if (member.classic) return member.classic->session_timeout_ms;
  return static_cast<int32_t>(
      storage::group_config_number(*around_.configs(), id_, storage::kConsumerSessionTimeoutMs)
          .value_or(around_.settings.consumer_session_timeout_ms));
}

// Extends the member's session. As in classic groups, a heartbeat only changes the end of the
// session and not the timer. When the timer runs and the end has moved, the timer is set again.
void ConsumerGroup::alive(ConsumerMember& member) {
  member.expires_us = around_.clock.monotonic_us() + int64_t{session_timeout_ms(member)} * 1000;
  if (!member.session.is_set() || member.session.at_us > member.expires_us) watch(member);
}

void ConsumerGroup::watch(ConsumerMember& member) {
  around_.deadlines.cancel(member.session);
  if (has_ended_) return;
  member.session =
      around_.deadlines.set(member.expires_us, [this, id = member.id] { on_session_end(id); });
}

void ConsumerGroup::on_session_end(const std::string& id) {
  ConsumerMember& member = *find(id);
  member.session = {};
  if (member.expires_us > around_.clock.monotonic_us()) return watch(member);
  expel(std::string(id));
}

// Starts the timer for the member's next step, such as giving up partitions. The time limit is the
// member's rebalance timeout.
void ConsumerGroup::hurry(ConsumerMember& member) {
  around_.deadlines.cancel(member.hurry);
  if (has_ended_) return;
  const int64_t for_ms = std::max(member.rebalance_timeout_ms, 0);
  member.hurry =
      around_.deadlines.set(around_.clock.monotonic_us() + for_ms * 1000, [this, id = member.id] {
        find(id)->hurry = {};
        expel(std::string(id));
      });
}

}  // namespace server::coordinator
