#include "tests/sim/sim_coordinators.h"

#include <utility>

#include "records/control_batch.h"
#include "storage/log/transaction_guards.h"
#include "tests/sim/sim_node.h"

namespace sim {

using namespace server::coordinator;
using storage::TopicPartition;

SimCoordinators::SimCoordinators(SimNode& node, const TransactionTopics& topics,
                                 const TransactionSimRules& rules,
                                 std::function<ProducerId()> next_producer)
    : node_(node),
      topics_(topics),
      rules_(rules),
      shard_(
          settings_, *this, memory_,
          [this, next = std::move(next_producer)](auto done) {
            node_.post([done, id = next()] { done(id); });
          },
          [this](const std::string&, int32_t partition, const TransactionEnded& ended,
                 Marker marker, std::function<void(Status)> done) {
            const auto answer = [this, done = std::move(done)](Status status) {
              node_.post([done, status = std::move(status)] { done(status); });
            };
            if (marker == Marker::Stored) return answer({});
            node_.cluster()->transactions().tell_end(
                topics_.written[static_cast<size_t>(partition)], ended, answer);
          },
          rules.coordinators) {}

void SimCoordinators::step() {
  for (const TopicPartition& partition : topics_.state) follow(partition);
  shard_.run_due();
}

// Does the same as server/node/coordinator_loops.h.
void SimCoordinators::follow(const TopicPartition& partition) {
  const auto* known = node_.cluster()->cluster()->find(partition);
  const auto status = node_.log()->find_partition(partition);
  const bool leads = known != nullptr && known->leader == node_.id() && status &&
                     status->role() != storage::ReplicaRole::Follower &&
                     status->leader_epoch() == known->leader_epoch;
  const auto led = led_.find(partition.partition);
  if (!leads) {
    if (led == led_.end()) return;
    led_.erase(led);
    shard_.find(partition.partition)->resign();
    return;
  }
  if (led != led_.end() && led->second == status->leader_epoch()) return;
  if (status->high_watermark() < status->log_end()) return;
  led_[partition.partition] = status->leader_epoch();
  shard_.lead(partition.partition, status->leader_epoch());
}

// Does the same as server/node/coordinators.cc.
void SimCoordinators::confirm(const TopicPartition& state, std::function<void(bool)> done) {
  node_.cluster()->ends().confirm(
      state, [done = std::move(done)](const Status& leads) { done(leads.has_value()); });
}

// Does the same as server/kafka/handlers/produce.cc.
void SimCoordinators::write(const Write& write, std::function<void(Written)> done) {
  if (!node_.cluster()->replicas().check_leads(write.partition)) return done(Written::TryAgain);
  const ProducerIdentity& producer = write.membership.producer;
  auto guard = node_.log()->guard_transaction(write.partition, producer.id);
  const auto append_it = [this, write, done](std::shared_ptr<storage::TransactionGuard> verified) {
    storage::AppendRequest request;
    request.parts.push_back({write.partition, write.batch, {}, std::move(verified)});
    append(std::move(request), [done](const Status& status) {
      if (status) return done(Written::Done);
      const ErrorCode code = status.error().code;
      done(code == ErrorCode::ObjectState || code == ErrorCode::FencedTask ||
                   code == ErrorCode::OutOfOrderSequence
               ? Written::Refused
               : Written::TryAgain);
    });
  };
  if (!rules_.verifies) return append_it(nullptr);
  node_.cluster()->transactions().join(
      topics_.state_of(write.membership.transactional_id), write.membership,
      [this, guard, write, append_it, done](const TransactionAnswer& answer) {
        if (answer.error == kInvalidTxnState) return done(Written::NotPartOfIt);
        if (is_verdict(answer.error)) return done(Written::Refused);
        if (answer.error != KafkaError::None) return done(Written::TryAgain);
        guard->answered_under(answer.coordinator_epoch);
        const bool is_second = write.membership.is_of_second_version;
        append_it(rules_.guards && !is_second ? guard : nullptr);
      });
}

// --- TransactionHost

void SimCoordinators::end(const TopicPartition& partition, LeaderEpoch under,
                          const TransactionEnded& ended, std::function<void(Status)> done) {
  storage::AppendRequest request;
  request.parts.push_back({partition,
                           records::marker_batch(ended.producer.id, ended.producer.epoch,
                                                 ended.marker, clock().wall_ms()),
                           under});
  append(std::move(request), std::move(done));
}

// Does the same as server/node/transaction_relay.cc.
void SimCoordinators::place_commit(std::string ids, Done<CommitPlace> done) {
  constexpr int kMostIds = 20;
  CommitPlace place{KafkaError::CoordinatorNotAvailable};
  for (int i = 0; i < kMostIds && !place.is_here; ++i) {
    const std::string id = ids + std::to_string(i);
    const TopicPartition coordinator = topics_.state_of(id);
    const auto* known = node_.cluster()->cluster()->find(coordinator);
    if (known == nullptr || !known->leader) continue;
    const bool is_here = *known->leader == node_.id();
    if (is_here || place.error != KafkaError::None)
      place = {KafkaError::None, id, coordinator, is_here};
  }
  later(std::move(done))(std::move(place));
}

// --- CoordinatorPort

const Clock& SimCoordinators::clock() const { return node_.clock(); }

Result<Offset> SimCoordinators::read(PartitionId partition, Offset from, size_t max_bytes,
                                     const EachBatch& each) {
  storage::LogReader& reader = *node_.reader();
  TRY(reader.begin_turn());
  struct Turn {
    storage::LogReader& reader;
    ~Turn() { reader.end_turn(); }
  } const turn{reader};
  for (const storage::BatchRef& batch :
       TRY(reader.read(state(partition), from, max_bytes, storage::ReadUpTo::LogEnd))) {
    const auto view = TRY(records::parse_batch(batch.bytes, records::BatchCheck::Shape));
    TRY(each(view));
    from = batch.last_offset + 1;
  }
  return from;
}

Result<CoordinatorPort::Extent> SimCoordinators::extent(PartitionId partition) {
  const auto status = node_.log()->find_partition(state(partition));
  if (!status) return Error{ErrorCode::UnknownTopic, "the partition does not exist"};
  return Extent{status->log_start(), status->log_end()};
}

void SimCoordinators::append(PartitionId partition, LeaderEpoch epoch, std::string batch,
                             std::vector<Elsewhere> with, Guard guard,
                             std::function<void(Status)> done) {
  storage::AppendRequest request;
  request.parts.push_back({state(partition), std::move(batch), epoch, std::move(guard)});
  for (Elsewhere& each : with)
    request.parts.push_back(
        {topics_.written[static_cast<size_t>(each.partition)], std::move(each.batch)});
  append(std::move(request), [has_more = !with.empty(), done = std::move(done)](Status status) {
    if (!status && has_more && status.error().code == ErrorCode::NotLeader)
      status = Error{ErrorCode::ObjectState, "another node leads that partition"};
    done(status);
  });
}

void SimCoordinators::append(storage::AppendRequest request, std::function<void(Status)> done) {
  const auto answer = [&node = node_, done = std::move(done)](Status status) {
    node.post([done, status = std::move(status)] { done(status); });
  };
  storage::AppendDone appended = [answer](Result<storage::Appended> result) {
    answer(result ? Status{} : Status{std::move(result).error()});
  };
  if (!node_.log()->try_append(request, appended))
    answer(Error{ErrorCode::OutOfMemory, "the queue is full"});
}

void SimCoordinators::defer(std::function<void()> task) { node_.post(std::move(task)); }
void SimCoordinators::post_rest(std::function<void()> task) { node_.post(std::move(task)); }

}  // namespace sim
