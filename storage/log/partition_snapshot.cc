#include "storage/log/partition_snapshot.h"

#include <algorithm>
#include <utility>

#include "records/batch.h"
#include "storage/log/batch_cursor.h"
#include "storage/log/log_core.h"
#include "storage/log/producer_snapshot.h"

namespace storage {

namespace {

class LogSnapshot final : public PartitionSnapshot {
 public:
  explicit LogSnapshot(std::unique_ptr<ReadTransaction> transaction)
      : transaction_(std::move(transaction)) {}

  Status add(LogCore& core, std::shared_ptr<const Partition> partition,
             const PartitionState& state) {
    // The log end is used as the high watermark: exchanges have one replica, so everything durable
    // is visible.
    heads_.push_back(
        {partition->id(), TRY(first_kept(*partition, state)), state.log_end, state.leader_epoch,
         TRY(producer_snapshot(*transaction_, core.tables(), *partition, state.log_end))});
    partitions_.push_back(std::move(partition));
    return {};
  }
  const std::vector<Head>& heads() const override { return heads_; }
  Status read(size_t index, const Visit& visit) override {
    const Head& head = heads_[index];
    auto cursor = TRY(BatchCursor::open(*transaction_, *partitions_[index]));
    for (auto batch = TRY(cursor.seek(head.start)); batch && batch->last_offset < head.end;
         batch = TRY(cursor.next()))
      TRY(visit(batch->bytes));
    return {};
  }

 private:
  // Returns the offset at which the copy begins. A trim may move the log start into a batch. The
  // batch is still stored and copied as a whole, so the copy begins at the batch's base offset.
  Result<Offset> first_kept(const Partition& partition, const PartitionState& state) {
    if (state.log_start >= state.log_end) return state.log_start;
    auto cursor = TRY(BatchCursor::open(*transaction_, partition));
    const auto first = TRY(cursor.seek(state.log_start));
    if (!first) return state.log_start;
    const auto batch = TRY(records::parse_batch(first->bytes, records::BatchCheck::Shape));
    return std::min(state.log_start, batch.header.base_offset);
  }

  const std::unique_ptr<ReadTransaction> transaction_;
  std::vector<Head> heads_;
  std::vector<std::shared_ptr<const Partition>> partitions_;
};

}  // namespace

// The states are read first, so the later snapshot contains at least the records that the states
// count.
Result<std::unique_ptr<PartitionSnapshot>> PartitionSnapshot::open(
    Log& log, std::span<const TopicPartition> partitions) {
  LogCore& core = log.core();
  std::vector<std::pair<std::shared_ptr<const Partition>, PartitionState>> found;
  for (const TopicPartition& id : partitions)
    if (std::shared_ptr<const Partition> partition = core.find_partition(id))
      found.emplace_back(partition, partition->state());
  auto snapshot = std::make_unique<LogSnapshot>(TRY(core.store().begin_read()));
  for (auto& [partition, state] : found) TRY(snapshot->add(core, std::move(partition), state));
  return std::unique_ptr<PartitionSnapshot>(std::move(snapshot));
}

}  // namespace storage
