#include "server/node/coordinator_loops.h"

#include "records/batch.h"

namespace server {

namespace {

struct Turn {
  storage::LogReader& reader;
  ~Turn() { reader.end_turn(); }
};

}  // namespace

Result<Offset> CoordinatorLoop::read(PartitionId partition, Offset from, size_t max_bytes,
                                     const EachBatch& each) {
  storage::LogReader& reader = backend_.reader();
  TRY(reader.begin_turn());
  const Turn turn{reader};
  const auto batches =
      TRY(reader.read({topic_, partition}, from, max_bytes, storage::ReadUpTo::LogEnd));
  for (const storage::BatchRef& batch : batches) {
    const auto view = TRY(records::parse_batch(batch.bytes, records::BatchCheck::ShapeAndCrc));
    TRY(each(view));
    from = batch.last_offset + 1;
  }
  return from;
}

Result<CoordinatorLoop::Extent> CoordinatorLoop::extent(PartitionId partition) {
  const auto status = backend_.find_partition({topic_, partition});
  if (!status) return Error{ErrorCode::UnknownTopic, "the partition is not on this node"};
  return Extent{status->log_start(), status->log_end()};
}

bool CoordinatorLoop::leads(PartitionId partition, LeaderEpoch epoch) const {
  const auto status = backend_.find_partition({topic_, partition});
  return status && status->leader_epoch() == epoch &&
         status->role() != storage::ReplicaRole::Follower;
}

// Refuses a request with an outdated epoch at once, without queueing it. The log checks the epoch again when it writes
// the request.
void CoordinatorLoop::append(PartitionId partition, LeaderEpoch epoch, std::string batch,
                             std::vector<Elsewhere> with, Guard guard,
                             std::function<void(Status)> done) {
  if (!leads(partition, epoch))
    return loop_.post([done = std::move(done)] {
      done(Error{ErrorCode::FencedLeaderEpoch, "the leader epoch of the partition has changed"});
    });
  storage::AppendRequest request;
  request.parts.push_back({{topic_, partition}, std::move(batch), epoch, std::move(guard)});
  const auto topics = backend_.topics();
  for (Elsewhere& each : with)
    if (const storage::TopicInfo* known = topics->find(each.topic);
        known && each.partition < known->partition_count)
      request.parts.push_back({{known->id, PartitionId(each.partition)}, std::move(each.batch)});
  const bool is_alone = request.parts.size() == 1;
  backend_.append(std::move(request), [this, partition, epoch, is_alone,
                                       done = std::move(done)](Result<storage::Appended> appended) {
    if (appended) return done({});
    Error error = std::move(appended).error();
    // An append may cover several partitions. If another of them has a new leader, the append fails
    // with NotLeader, although this node still leads `partition`. Then the error is changed to
    // ObjectState.
    if (!is_alone && error.code == ErrorCode::NotLeader && leads(partition, epoch))
      error.code = ErrorCode::ObjectState;
    done(std::move(error));
  });
}

}  // namespace server
