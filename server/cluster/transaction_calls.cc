#include "server/cluster/transaction_calls.h"

#include <algorithm>
#include <vector>

namespace server {

using coordinator::EndedTransaction;
using coordinator::TransactionAnswer;
using storage::PartitionAssignment;
using storage::TopicPartition;

namespace {

// Time limit of a call. The replication of one batch takes less time, and the election of a new
// leader takes more.
constexpr int64_t kCallPatienceUs = 500'000;
// The longest time limit. When replicas are slow, the time limit doubles up to this value: the
// leader still writes a marker after its sender has stopped waiting for it, and each repetition
// would add another marker.
constexpr int64_t kMostPatienceUs = 16 * kCallPatienceUs;

Error not_led() { return {ErrorCode::NotLeader, "another node leads the partition, or none"}; }

}  // namespace

void TransactionCalls::tick() {
  const int64_t now_us = around_.clock.monotonic_us();
  give_up_markers(now_us);
  give_up(joins_, now_us);
  give_up(commits_, now_us);
}

bool TransactionCalls::has_moved(const Marker& marker) const {
  const auto known = led(marker.partition);
  return !known || known->leader_epoch != marker.epoch;
}

// Returns the time limit of the next marker. The doubled time limit does not apply to a new leader, which may be
// faster.
int64_t TransactionCalls::patience_us(const TopicPartition& partition, LeaderEpoch epoch) const {
  const auto known = patience_.find(partition);
  return known != patience_.end() && known->second.epoch == epoch ? known->second.us
                                                                  : kCallPatienceUs;
}

// Gives up the markers whose time is up. The callbacks run after the loop, since they may call this object again and
// change markers_.
void TransactionCalls::give_up_markers(int64_t now_us) {
  std::vector<std::function<void(Status)>> late;
  for (auto each = markers_.begin(); each != markers_.end();) {
    Marker& marker = each->second;
    const bool has_other_leader = has_moved(marker);
    if (marker.until_us > now_us && !has_other_leader) {
      ++each;
      continue;
    }
    if (!has_other_leader)
      patience_[marker.partition] = {
          marker.epoch, std::min(2 * patience_us(marker.partition, marker.epoch), kMostPatienceUs)};
    late.push_back(std::move(marker.done));
    each = markers_.erase(each);
  }
  for (const auto& done : late)
    done(Error{ErrorCode::NetworkFailure, "the leader does not answer"});
}

template <class Answer>
void TransactionCalls::give_up(Questions<Answer>& questions, int64_t now_us) {
  while (!questions.empty() && questions.begin()->second.until_us <= now_us) {
    const auto done = std::move(questions.extract(questions.begin()).mapped().done);
    done({.error = KafkaError::CoordinatorNotAvailable});
  }
}

std::optional<PartitionAssignment> TransactionCalls::led(const TopicPartition& partition) const {
  const PartitionAssignment* known = around_.cluster()->find(partition);
  if (known == nullptr || !known->leader) return std::nullopt;
  return *known;
}

// --- Markers

void TransactionCalls::tell_end(const TopicPartition& partition,
                                const coordinator::TransactionEnded& ended,
                                std::function<void(Status)> done) {
  const auto to = led(partition);
  const auto epoch = around_.epoch();
  if (!to || !epoch) return done(not_led());
  const uint64_t number = ++last_number_;
  markers_[number] = {around_.clock.monotonic_us() + patience_us(partition, to->leader_epoch),
                      partition, to->leader_epoch, std::move(done)};
  around_.send(*to->leader, WriteMarker{*epoch, number, partition, to->leader_epoch, ended});
}

void TransactionCalls::on_message(NodeId from, const WriteMarker& message) {
  const auto answer = [this, from, number = message.number](const Status& status) {
    around_.send(
        from, MarkerWritten{number, status ? std::nullopt : std::optional<Error>(status.error())});
  };
  auto& newest = taken_[from];
  const auto which = std::pair(message.sender_epoch, message.number);
  if (rules_.takes_markers_once) {
    // The marker may belong to a transaction that has already ended, while another transaction is
    // open by now. A coordinator that still needs the marker sends it again with a new number.
    if (which <= newest)
      return answer(
          Error{ErrorCode::NetworkFailure, "a newer end of the transaction preceded this one"});
    newest = which;
  }
  const auto known = led(message.partition);
  if (!known || known->leader != around_.self ||
      (rules_.takes_markers_once && known->leader_epoch != message.leader_epoch))
    return answer(not_led());
  if (const Status leads = around_.check_leads(message.partition); !leads) return answer(leads);
  around_.host.end(message.partition, known->leader_epoch, message.ended, answer);
}

void TransactionCalls::on_message(NodeId, const MarkerWritten& message) {
  const auto found = markers_.extract(message.number);
  if (found.empty()) return;
  patience_.erase(found.mapped().partition);
  found.mapped().done(message.error ? Status(*message.error) : Status());
}

// --- Questions to coordinators

template <class Message, class Request, class Answer>
void TransactionCalls::ask(const TopicPartition& coordinator, Request request,
                           Questions<Answer>& questions, coordinator::Done<Answer> done) {
  const auto to = led(coordinator);
  if (!to) return done({.error = KafkaError::CoordinatorNotAvailable});
  const uint64_t number = ++last_number_;
  questions[number] = {around_.clock.monotonic_us() + kCallPatienceUs, std::move(done)};
  around_.send(*to->leader, Message{number, std::move(request)});
}

namespace {

template <class Questions, class Answer>
void answer(Questions& questions, uint64_t number, Answer given) {
  const auto found = questions.extract(number);
  if (!found.empty()) found.mapped().done(std::move(given));
}

}  // namespace

void TransactionCalls::join(const TopicPartition& coordinator, coordinator::AddPartitions request,
                            coordinator::Done<TransactionAnswer> done) {
  ask<JoinTransaction>(coordinator, std::move(request), joins_, std::move(done));
}

void TransactionCalls::on_message(NodeId from, JoinTransaction message) {
  around_.host.join(std::move(message.request),
                    [this, from, number = message.number](TransactionAnswer answer) {
                      around_.send(from, TransactionJoined{number, std::move(answer)});
                    });
}

void TransactionCalls::on_message(NodeId, TransactionJoined message) {
  answer(joins_, message.number, std::move(message.answer));
}

void TransactionCalls::begin_commit(const TopicPartition& coordinator,
                                    coordinator::InitProducer request,
                                    coordinator::Done<EndedTransaction> done) {
  ask<BeginCommit>(coordinator, std::move(request), commits_, std::move(done));
}

void TransactionCalls::end_commit(const TopicPartition& coordinator,
                                  coordinator::EndTransaction request,
                                  coordinator::Done<EndedTransaction> done) {
  ask<EndCommit>(coordinator, std::move(request), commits_, std::move(done));
}

void TransactionCalls::on_message(NodeId from, BeginCommit message) {
  around_.host.begin_commit(
      std::move(message.request),
      [this, from, number = message.number](const coordinator::InitializedProducer& begun) {
        around_.send(from, CommitAnswered{number, {begun.error, begun.producer}});
      });
}

void TransactionCalls::on_message(NodeId from, EndCommit message) {
  around_.host.end_commit(std::move(message.request),
                          [this, from, number = message.number](EndedTransaction ended) {
                            around_.send(from, CommitAnswered{number, ended});
                          });
}

void TransactionCalls::on_message(NodeId, const CommitAnswered& message) {
  answer(commits_, message.number, message.answer);
}

}  // namespace server
