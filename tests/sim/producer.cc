#include "tests/sim/producer.h"

#include <fmt/format.h>

#include <optional>

#include "records/batch_builder.h"
#include "storage/meta/closed_partition.h"

namespace sim {

void Producer::next() {
  is_idle_ = is_stopping_;
  if (is_idle_) return;
  sequence_ = records::advance_sequence(sequence_, static_cast<int32_t>(values_.size()));
  values_.clear();
  records::BatchBuilder builder;
  const int64_t count = world_.chance.between(1, 4);
  for (int64_t i = 0; i < count; ++i) {
    values_.push_back(fmt::format("{}-{}", id_.value(), count_++));
    builder.append(1'000, "key", values_.back());
  }
  batch_ = builder.finish(records::Codec::None, {id_, 0, sequence_});
  send();
}

// Asks any node for the leader, and sends the batch to the leader.
void Producer::send() {
  const uint64_t attempt = ++attempt_;
  world_.queue.after(kTimeoutUs, [this, attempt] {
    if (attempt == attempt_) send();
  });
  SimNode& asked = *world_.chance.one_of(world_.nodes);
  if (asked.cluster() == nullptr) return reply(attempt, Error{ErrorCode::NetworkFailure, "down"});
  const auto* assignment = asked.cluster()->cluster()->find(partition_);
  if (assignment == nullptr || !assignment->leader)
    return reply(attempt, Error{ErrorCode::NotLeader, "no leader"});
  for (const auto& node : world_.nodes)
    if (node->id() == *assignment->leader)
      world_.queue.after(world_.chance.delay_us(300), [this, attempt, to = node.get()] {
        to->run(to->life(), [this, attempt, to] { arrive(*to, attempt); });
      });
}

void Producer::arrive(SimNode& node, uint64_t attempt) {
  if (const Status leads = node.cluster()->replicas().check_leads(partition_); !leads)
    return reply(attempt, leads.error());
  const storage::PartitionAssignment& assignment = *node.cluster()->cluster()->find(partition_);
  if (storage::is_closed(assignment))
    return reply(attempt, Error{ErrorCode::NotLeader, "the partition is closed"});
  storage::AppendRequest request;
  request.parts.push_back({partition_, batch_, assignment.leader_epoch});
  // A process that was killed sends no answer.
  storage::AppendDone done = [this, attempt, to = &node,
                              life = node.life()](Result<storage::Appended> result) {
    if (to->life() == life) reply(attempt, std::move(result));
  };
  if (!node.log()->try_append(request, done))
    reply(attempt, Error{ErrorCode::NetworkFailure, "the queue is full"});
}

// The answer may get lost, too.
void Producer::reply(uint64_t attempt, Result<storage::Appended> result) {
  if (world_.chance.one_in(50)) return;
  world_.queue.after(world_.chance.delay_us(300),
                     [this, attempt, result = std::move(result)] { answered(attempt, result); });
}

void Producer::answered(uint64_t attempt, const Result<storage::Appended>& result) {
  if (attempt != attempt_) return;
  ++attempt_;
  if (!result) {
    world_.queue.after(world_.chance.delay_us(kRetryUs), [this] { send(); });
    return;
  }
  checker_.acknowledged(partition_, result->batches.at(0).base_offset, values_);
  const int64_t pause_us = world_.chance.one_in(25) ? kLongPauseUs : kPauseUs;
  world_.queue.after(world_.chance.between(pause_us / 2, pause_us * 2), [this] { next(); });
}

}  // namespace sim
