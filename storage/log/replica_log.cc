#include "storage/log/replica_log.h"

#include <memory>

#include "storage/log/epoch_history.h"
#include "storage/log/log_core.h"
#include "storage/log/producer_snapshot.h"

namespace storage {

namespace {

// Truncates slice by slice. Each slice is a separate group, so that other requests can run in
// between.
void truncate_on(LogCore& core, const TopicPartition& id, LeaderEpoch epoch, Offset end,
                 std::function<void(Status)> done) {
  const auto is_all = std::make_shared<bool>(false);
  core.submit(
      [=](GroupTransaction& group) -> Status {
        *is_all = TRY(group.truncate(id, epoch, end));
        return {};
      },
      [&core, id, epoch, end, is_all, done = std::move(done)](Status status) mutable {
        if (!status || *is_all) return done(std::move(status));
        truncate_on(core, id, epoch, end, std::move(done));
      });
}

Error no_such_partition() { return {ErrorCode::UnknownTopic, "partition does not exist"}; }

}  // namespace

void ReplicaLog::set_role(const TopicPartition& partition, ReplicaRole role, LeaderEpoch epoch,
                          std::function<void(Status)> done, LeaderEpoch unclean) {
  core_.submit(
      [=](GroupTransaction& group) { return group.set_role(partition, role, epoch, unclean); },
      std::move(done));
}

bool ReplicaLog::try_follow(FollowRequest& request, AppendDone& done) {
  const size_t size_bytes = size_of(request);
  return core_.try_put<FollowWork>(RequestQueue::Lane::Clients, size_bytes, request, done);
}

bool ReplicaLog::advance_high_watermark(const TopicPartition& partition, LeaderEpoch epoch,
                                        Offset offset) {
  return core_.advance_high_watermark(partition, epoch, offset);
}

void ReplicaLog::truncate(const TopicPartition& partition, LeaderEpoch epoch, Offset end,
                          std::function<void(Result<Offset>)> done) {
  truncate_on(core_, partition, epoch, end,
              [&core = core_, partition, done = std::move(done)](Status status) {
                if (!status) return done(std::move(status).error());
                const auto found = core.find_partition(partition);
                done(found ? Result<Offset>(found->log_end()) : no_such_partition());
              });
}

void ReplicaLog::start_at(const TopicPartition& partition, LeaderEpoch epoch, Offset start,
                          std::string producers, std::function<void(Status)> done) {
  const auto found = core_.find_partition(partition);
  if (!found) return done(no_such_partition());
  truncate_on(core_, partition, epoch, found->log_start(),
              [&core = core_, partition, epoch, start, producers = std::move(producers),
               done = std::move(done)](Status status) mutable {
                if (!status) return done(std::move(status));
                core.submit(
                    [=, producers = std::move(producers)](GroupTransaction& group) {
                      return group.start_at(partition, epoch, start, producers);
                    },
                    std::move(done));
              });
}

void ReplicaLog::renew(const TopicPartition& partition, LeaderEpoch epoch,
                       std::function<void(Status)> done) {
  core_.submit([=](GroupTransaction& group) { return group.renew_partition(partition, epoch); },
               std::move(done));
}

Result<std::optional<LeaderEpoch>> ReplicaLog::last_epoch(const TopicPartition& partition) const {
  const auto found = core_.find_partition(partition);
  if (!found) return no_such_partition();
  const PartitionState state = found->state();
  if (state.log_start >= state.log_end) return std::nullopt;
  if (state.newest_epoch && state.newest_epoch->start < state.log_end)
    return state.newest_epoch->epoch;
  const auto transaction = TRY(core_.store().begin_read());
  return TRY(last_written_epoch(*transaction, core_.tables(), found->number(), state.log_end));
}

Result<EpochEnd> ReplicaLog::end_of_epoch(const TopicPartition& partition,
                                          LeaderEpoch asked) const {
  const auto found = core_.find_partition(partition);
  if (!found) return no_such_partition();
  // The state is read first, so that the later snapshot has the records that it counts.
  const PartitionState state = found->state();
  if (state.newest_epoch && state.newest_epoch->epoch == asked && asked <= state.leader_epoch)
    return EpochEnd{asked, state.log_end};
  const auto transaction = TRY(core_.store().begin_read());
  return storage::end_of_epoch(*transaction, core_.tables(), found->number(), asked,
                               state.leader_epoch, state.log_end);
}

Result<std::string> ReplicaLog::producer_snapshot(const TopicPartition& partition) const {
  const auto found = core_.find_partition(partition);
  if (!found) return no_such_partition();
  // The state is read first, so that the later snapshot has all records that it counts as visible.
  const Offset high_watermark = found->state().high_watermark;
  const auto transaction = TRY(core_.store().begin_read());
  return storage::producer_snapshot(*transaction, core_.tables(), *found, high_watermark);
}

}  // namespace storage
