#include "server/cluster/transaction_calls.h"

#include <vector>

namespace server {

using coordinator::TransactionAnswer;
using storage::PartitionAssignment;
using storage::TopicPartition;

namespace {

// Longer than a round of replication takes, shorter than it takes to find another leader.
constexpr int64_t kPatienceUs = 500'000;

Error not_led() { return {ErrorCode::NotLeader, "another node leads the partition, or none"}; }

}  // namespace

template <class Answer>
std::function<void(Answer)> TransactionCalls::take(AllPending<Answer>& all, uint64_t number) {
  const auto found = all.find(number);
  if (found == all.end()) return nullptr;
  auto done = std::move(found->second.done);
  all.erase(found);
  return done;
}

template <class Answer>
void TransactionCalls::give_up_late(AllPending<Answer>& all, const Answer& answer) {
  const int64_t now_us = around_.clock.monotonic_us();
  // They are in the order of their times. What is answered may call again.
  while (!all.empty() && all.begin()->second.until_us <= now_us)
    take(all, all.begin()->first)(answer);
}

void TransactionCalls::tick() {
  give_up_late(markers_, Status(Error{ErrorCode::NetworkFailure, "the leader does not answer"}));
  give_up_late(joins_, TransactionAnswer{.error = KafkaError::CoordinatorNotAvailable});
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
  markers_[number] = {around_.clock.monotonic_us() + kPatienceUs, std::move(done)};
  around_.send(*to->leader, WriteMarker{*epoch, number, partition, to->leader_epoch, ended});
}

void TransactionCalls::on_message(NodeId from, const WriteMarker& message) {
  auto& newest = taken_[from];
  const auto which = std::pair(message.sender_epoch, message.number);
  if (rules_.takes_markers_once) {
    if (which <= newest) return;
    newest = which;
  }
  const auto answer = [this, from, number = message.number](const Status& status) {
    around_.send(
        from, MarkerWritten{number, status ? std::nullopt : std::optional<Error>(status.error())});
  };
  const auto known = led(message.partition);
  if (!known || known->leader != around_.self ||
      (rules_.takes_markers_once && known->leader_epoch != message.leader_epoch))
    return answer(not_led());
  if (const Status leads = around_.check_leads(message.partition); !leads) return answer(leads);
  around_.host.end(message.partition, known->leader_epoch, message.ended, answer);
}

void TransactionCalls::on_message(NodeId, const MarkerWritten& message) {
  if (const auto done = take(markers_, message.number))
    done(message.error ? Status(*message.error) : Status());
}

// --- Who is part of a transaction

void TransactionCalls::join(const TopicPartition& coordinator, coordinator::AddPartitions request,
                            coordinator::Done<TransactionAnswer> done) {
  const auto to = led(coordinator);
  if (!to) return done(request.refusal(KafkaError::CoordinatorNotAvailable));
  const uint64_t number = ++last_number_;
  joins_[number] = {around_.clock.monotonic_us() + kPatienceUs, std::move(done)};
  around_.send(*to->leader, JoinTransaction{number, std::move(request)});
}

void TransactionCalls::on_message(NodeId from, JoinTransaction message) {
  around_.host.join(std::move(message.request),
                    [this, from, number = message.number](TransactionAnswer answer) {
                      around_.send(from, TransactionJoined{number, std::move(answer)});
                    });
}

void TransactionCalls::on_message(NodeId, TransactionJoined message) {
  if (const auto done = take(joins_, message.number)) done(std::move(message.answer));
}

}  // namespace server
