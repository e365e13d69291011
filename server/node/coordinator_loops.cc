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
  if (!status) return Error{ErrorCode::UnknownTopic, "the partition is not there"};
  return Extent{status->log_start(), status->log_end()};
}

// The log refuses who is not the leader, but knows no epoch of an append: a leader that has lost and
// regained the partition in between is seen here.
void CoordinatorLoop::append(PartitionId partition, LeaderEpoch epoch, std::string batch,
                             std::function<void(Status)> done) {
  const auto status = backend_.find_partition({topic_, partition});
  if (!status || status->leader_epoch() != epoch)
    return loop_.post([done = std::move(done)] {
      done(Error{ErrorCode::FencedLeaderEpoch, "the partition has another leader epoch now"});
    });
  storage::AppendRequest request;
  request.parts.push_back({{topic_, partition}, std::move(batch)});
  backend_.append(std::move(request), [done = std::move(done)](Result<storage::Appended> appended) {
    done(appended ? Status{} : Status{std::move(appended).error()});
  });
}

}  // namespace server
