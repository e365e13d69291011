#include "server/cluster/transaction_commits.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "server/coordinator/node_commits.h"
#include "server/coordinator/transaction_errors.h"

namespace server {

using coordinator::EndedTransaction;
using coordinator::kConcurrentTransactions;
using coordinator::kCoordinatorLoadInProgress;
using coordinator::kInvalidTxnState;
using coordinator::kNotCoordinator;
using storage::AppendedBatch;
using storage::TopicPartition;

namespace {

constexpr int64_t kStepPatienceUs = 10'000'000;  // time limit for one step of a commit
// Time limit for a request for the readable ends of partitions. The leader answers late while an open transaction of
// another producer holds the readable end back.
constexpr int64_t kOpenUs = 5'000'000;
constexpr int64_t kCommitRetryUs = 20'000;
// Limit for the commits in progress, each of which needs a producer; further commits wait.
constexpr size_t kMostProducers = 128;
// Limits for the time that the transaction may stay open (its timeout). Slow transactions have
// large rows, so the timeout is long. If this node coordinates its own transactions and dies, the
// next coordinator shortens the timeout. If another node coordinates them, the timeout is never
// shortened, so it is short from the beginning.
constexpr int32_t kTimeoutMs = 60'000, kTimeoutElsewhereMs = 2'000;
constexpr size_t kBytesOfMs = 4'000;  // bytes per millisecond that is added to the short timeout

bool passes(KafkaError error) {
  return error == kNotCoordinator || error == kCoordinatorLoadInProgress ||
         error == KafkaError::CoordinatorNotAvailable || error == kConcurrentTransactions ||
         error == KafkaError::NotEnoughReplicas || error == KafkaError::RequestTimedOut;
}

Error not_written(Error why) {
  why.detail = "Nothing of the transaction was written.";
  if (why.hint.empty()) why.hint = "Repeat the transaction.";
  return why;
}

Error commit_was_dropped() {
  return {ErrorCode::UnknownTopic,
          "the stream or table was dropped, emptied or recreated while rows for it were collected"};
}

Error no_leader() {
  return {ErrorCode::NotLeader,
          "a partition that the transaction writes to has no leader",
          {},
          "Try again when enough nodes are available. SHOW SERVER shows their state."};
}

Error no_coordinator() {
  return not_written({ErrorCode::NotLeader,
                      "no transaction coordinator answers",
                      {},
                      "Try again when enough nodes are available. SHOW SERVER shows their state."});
}

// Returns the error for a transaction that another party has aborted. It has PostgreSQL's code
// 40001, after which programs repeat the transaction.
Error was_aborted() {
  return not_written(
      {ErrorCode::FencedTask,
       "the transaction was aborted: its coordinator has changed, or it exceeded its time-out"});
}

Error not_known() {
  return {ErrorCode::NetworkFailure,
          "it is not known whether the transaction was committed: its coordinator does not answer",
          "Either all of its rows were written, or none.",
          "Check whether the rows were written before you retry."};
}

}  // namespace

struct TransactionCommits::Commit {
  std::vector<Part> parts;
  Done done;  // null once it was called
  std::optional<Producer> producer = {};
  std::vector<AppendedBatch> appended = {};
  size_t parts_left = 0;
  std::optional<Error> error = {};    // error of a part, or of the last attempt of the current step
  bool is_decided_elsewhere = false;  // the coordinator was asked to commit, and may have done so
  bool is_committed = false;          // committed, but perhaps not visible yet
  bool is_over = false;
  int64_t give_up_us = 0;  // time limit of the current step; 0: the step ends by itself
  int64_t retry_at_us = 0;
  int32_t timeout_elsewhere_ms =
      kTimeoutElsewhereMs;  // transaction timeout if another node coordinates it
  void (TransactionCommits::*retry)(const CommitPtr&) = nullptr;
};

void TransactionCommits::commit(std::vector<Part> parts, Done done) {
  size_t bytes = 0;
  for (const Part& part : parts) bytes += part.batches.size();
  all_.push_back(std::make_shared<Commit>(Commit{std::move(parts), std::move(done)}));
  all_.back()->timeout_elsewhere_ms += static_cast<int32_t>(bytes / kBytesOfMs);
  limit(*all_.back());
  if (free_.empty() && producers_ < kMostProducers) free_.push_back({producers_++});
  waiting_.push_back(all_.back());
  start_waiting();
}

void TransactionCommits::start_waiting() {
  while (!waiting_.empty() && !free_.empty()) {
    const CommitPtr next = std::move(waiting_.front());
    waiting_.pop_front();
    if (!next->done) continue;
    next->producer = std::move(free_.back());
    free_.pop_back();
    is_in_place(*next->producer) ? add(next) : find_place(next);
  }
}

// Returns whether this node has coordinated the producer's transactions without a break. After a
// break, another coordinator may have shortened the timeout.
bool TransactionCommits::is_in_place(const Producer& producer) const {
  return producer.identity.epoch >= 0 && producer.place.is_here && is_led_here(producer);
}

bool TransactionCommits::is_led_here(const Producer& producer) const {
  const storage::PartitionAssignment* known = around_.cluster()->find(producer.place.coordinator);
  return known != nullptr && known->leader == around_.self && known->leader_epoch == producer.term;
}

LeaderEpoch TransactionCommits::term_of(const TopicPartition& coordinator) const {
  const storage::PartitionAssignment* known = around_.cluster()->find(coordinator);
  return known == nullptr ? LeaderEpoch{} : known->leader_epoch;
}

void TransactionCommits::limit(Commit& commit) const {
  commit.give_up_us = around_.clock.monotonic_us() + kStepPatienceUs;
}

void TransactionCommits::tick() {
  const int64_t now_us = around_.clock.monotonic_us();
  // A callback may begin another commit. The new commit is added at the end of the list, so the loop remains valid.
  for (const CommitPtr& commit : all_) {
    if (commit->done && commit->give_up_us != 0 && now_us >= commit->give_up_us) {
      if (commit->is_committed)
        succeed(commit);
      else if (commit->error)
        fail(commit, not_written(*commit->error));
      else
        fail(commit, commit->is_decided_elsewhere ? not_known() : no_coordinator());
    }
    if (commit->retry != nullptr && now_us >= commit->retry_at_us)
      (this->*std::exchange(commit->retry, nullptr))(commit);
  }
  std::erase_if(waiting_, [](const CommitPtr& commit) { return !commit->done; });
  std::erase_if(all_, [](const CommitPtr& commit) {
    return commit->is_over || (!commit->done && !commit->producer);
  });
}

void TransactionCommits::again(const CommitPtr& commit,
                               void (TransactionCommits::*step)(const CommitPtr&)) {
  commit->retry = step;
  commit->retry_at_us = around_.clock.monotonic_us() + kCommitRetryUs;
}

// --- Before anything is written

void TransactionCommits::find_place(const CommitPtr& commit) {
  if (!commit->done) return release(commit);
  const auto found = [this, commit](TransactionHost::CommitPlace place) {
    if (place.error != KafkaError::None) return again(commit, &TransactionCommits::find_place);
    Producer& producer = *commit->producer;
    // True if the producer can be used again: the coordinator and its leader epoch are the same as before.
    const bool is_same = producer.place.transactional_id == place.transactional_id &&
                         producer.place.is_here == place.is_here &&
                         producer.term == term_of(place.coordinator);
    const bool has_time =
        place.is_here || producer.timeout_elsewhere_ms >= commit->timeout_elsewhere_ms;
    if (is_same && has_time && producer.identity.epoch >= 0) return add(commit);
    const LeaderEpoch term = term_of(place.coordinator);
    producer = {producer.number, std::move(place), {}, term, commit->timeout_elsewhere_ms};
    begin(commit);
  };
  around_.host.place_commit(fmt::format("{}{}_{}_", coordinator::kCommitIds, around_.self.value(),
                                        commit->producer->number),
                            found);
}

void TransactionCommits::begin(const CommitPtr& commit) {
  if (!commit->done) return release(commit);
  const TransactionHost::CommitPlace& place = commit->producer->place;
  // Another node has become the coordinator since the lookup. It would keep the long timeout, which
  // is right only if this node is the coordinator. So the lookup is repeated.
  if (place.is_here && !is_led_here(*commit->producer))
    return again(commit, &TransactionCommits::find_place);
  around_.transactions.begin_commit(
      place.coordinator,
      {.transactional_id = place.transactional_id,
       .timeout_ms = place.is_here ? kTimeoutMs : commit->timeout_elsewhere_ms},
      [this, commit](const EndedTransaction& begun) {
        if (begun.error != KafkaError::None) return again(commit, &TransactionCommits::find_place);
        commit->producer->identity = begun.producer;
        add(commit);
      });
}

// Adds the partitions to the transaction, if all of them have leaders.
void TransactionCommits::add(const CommitPtr& commit) {
  if (!commit->done) return release(commit);
  const auto cluster = around_.cluster();
  for (const Part& part : commit->parts) {
    const storage::PartitionAssignment* known = cluster->find(part.partition);
    if (known != nullptr && known->leader) continue;
    commit->error = known == nullptr ? commit_was_dropped() : no_leader();
    if (known != nullptr) return again(commit, &TransactionCommits::add);
    fail(commit, not_written(*commit->error));
    return release(commit);
  }
  commit->error.reset();
  const Producer& producer = *commit->producer;
  coordinator::AddPartitions request{.transactional_id = producer.place.transactional_id,
                                     .producer = producer.identity,
                                     .is_of_second_version = true};
  for (const Part& part : commit->parts)
    request.partitions[part.topic].push_back(part.partition.partition.value());
  const auto added = [this, commit](const coordinator::TransactionAnswer& answer) {
    if (!rules_.adds_first) return;
    if (answer.error == KafkaError::None) return send(commit);
    // If the coordinator has changed or has forgotten the producer, the commit begins again with a new identity of the
    // producer.
    const bool asks_again = passes(answer.error) && answer.error != kNotCoordinator;
    if (asks_again) return again(commit, &TransactionCommits::add);
    commit->producer->identity = {};
    again(commit, &TransactionCommits::find_place);
  };
  around_.transactions.join(producer.place.coordinator, std::move(request), added);
  if (!rules_.adds_first) send(commit);
}

// --- Rows

void TransactionCommits::send(const CommitPtr& commit) {
  if (!commit->done) return abort(commit);
  commit->give_up_us = 0;  // every part gets an answer, so this step has no time limit
  commit->parts_left = commit->parts.size();
  commit->appended.resize(commit->parts.size());
  const coordinator::ProducerIdentity producer = commit->producer->identity;
  for (size_t i = 0; i < commit->parts.size(); ++i) {
    Part& part = commit->parts[i];
    around_.appends.append_in_transaction(
        part.partition, std::move(part.batches), part.since, producer,
        [this, commit, i](Result<AppendedBatch> appended, size_t) {
          part_done(commit, i, std::move(appended));
        });
  }
}

void TransactionCommits::part_done(const CommitPtr& commit, size_t place,
                                   Result<AppendedBatch> appended) {
  if (appended) commit->appended[place] = *appended;
  // A conflict (ObjectState) explains the failure better than the error of a leader that does not
  // answer.
  else if (!commit->error || appended.error().code == ErrorCode::ObjectState)
    // FencedTask means that the coordinator has given the producer a newer epoch, and so has aborted the transaction.
    commit->error = appended.error().code == ErrorCode::FencedTask ? was_aborted()
                                                                   : std::move(appended).error();
  if (--commit->parts_left > 0) return;
  limit(*commit);
  if (!commit->error || !rules_.needs_all) return end(commit);
  abort(commit);
}

// --- Ends of transactions

void TransactionCommits::ask_end(const CommitPtr& commit, bool is_commit,
                                 std::function<void(const EndedTransaction&)> done) {
  around_.transactions.end_commit(commit->producer->place.coordinator,
                                  {.transactional_id = commit->producer->place.transactional_id,
                                   .producer = commit->producer->identity,
                                   .is_commit = is_commit,
                                   .is_of_second_version = true,
                                   .waits_until_told = !is_commit || rules_.waits_until_told},
                                  std::move(done));
}

void TransactionCommits::end(const CommitPtr& commit) {
  commit->is_decided_elsewhere = true;
  ask_end(commit, true, [this, commit](const EndedTransaction& answer) { ended(commit, answer); });
}

void TransactionCommits::ended(const CommitPtr& commit, const EndedTransaction& answer) {
  if (answer.error == KafkaError::None) {
    commit->producer->identity = answer.producer;
    commit->is_committed = true;
    if (!answer.is_told && rules_.waits_until_told) return look_whether_visible(commit);
    succeed(commit);
    return release(commit);
  }
  // After a temporary error the request is repeated until the coordinator, which knows the outcome, answers it: the
  // transaction could still be open, and then blocks readers.
  if (passes(answer.error)) return again(commit, &TransactionCommits::end);
  commit->producer->identity = {};
  fail(commit, answer.error == kInvalidTxnState ? was_aborted() : not_known());
  release(commit);
}

// Waits until the rows of the commit are readable in all partitions, and then answers the caller.
// Used if another node has become the coordinator, because that node sends the end markers.
void TransactionCommits::look_whether_visible(const CommitPtr& commit) {
  if (!commit->done) return release(commit);
  std::vector<TopicPartition> partitions;
  for (const AppendedBatch& batch : commit->appended) partitions.push_back(batch.partition);
  around_.ends.ask(std::move(partitions), kOpenUs,
                   [this, commit](const Result<LeaderEndRequests::Ends>& ends) {
                     const auto is_visible = [&](const AppendedBatch& batch) {
                       return std::ranges::any_of(*ends, [&](const auto& end) {
                         return end.first == batch.partition && end.second > batch.last_offset;
                       });
                     };
                     if (!ends || !std::ranges::all_of(commit->appended, is_visible))
                       return again(commit, &TransactionCommits::look_whether_visible);
                     succeed(commit);
                     release(commit);
                   });
}

// Aborts the transaction, and then answers the caller with the commit's error. After the abort the
// rows no longer block the partitions. If the caller retried earlier, its reads would stop before
// these rows, and the rows would count as concurrent changes of its keys.
void TransactionCommits::abort(const CommitPtr& commit) {
  ask_end(commit, false, [this, commit](const EndedTransaction& answer) {
    if (passes(answer.error)) return again(commit, &TransactionCommits::abort);
    if (commit->error) fail(commit, not_written(*commit->error));
    commit->producer->identity =
        answer.error == KafkaError::None ? answer.producer : coordinator::ProducerIdentity{};
    release(commit);
  });
}

void TransactionCommits::succeed(const CommitPtr& commit) {
  if (const Done done = std::exchange(commit->done, nullptr)) done(std::move(commit->appended));
}

void TransactionCommits::fail(const CommitPtr& commit, Error error) {
  if (const Done done = std::exchange(commit->done, nullptr)) done(std::move(error));
}

void TransactionCommits::release(const CommitPtr& commit) {
  free_.push_back(*std::exchange(commit->producer, std::nullopt));
  commit->is_over = true;
  start_waiting();
}

}  // namespace server
