#include "engine/testing/memory_log.h"

#include <algorithm>
#include <cassert>

#include "records/batch.h"

namespace engine {

Offset MemoryLog::append(const PartitionRef& to, std::string batch) {
  Partition& partition = partitions_[to];
  const Offset first = partition.end;
  records::set_base_offset(batch.data(), first);
  const auto parsed = records::parse_batch(batch, records::BatchCheck::Shape);
  assert(parsed);  // tasks and tests append only complete, valid batches
  partition.end = parsed->header.last_offset() + 1;
  partition.bytes.push_back(std::make_unique<const std::string>(std::move(batch)));
  partition.batches.push_back({*partition.bytes.back(), first, parsed->header.last_offset()});
  return first;
}

Offset MemoryLog::end_of(const PartitionRef& partition) const {
  const auto found = partitions_.find(partition);
  return found == partitions_.end() ? Offset{0} : found->second.end;
}

const std::vector<LogBatch>& MemoryLog::batches_of(const PartitionRef& partition) const {
  static const std::vector<LogBatch> kNone;
  const auto found = partitions_.find(partition);
  return found == partitions_.end() ? kNone : found->second.batches;
}

void MemoryLog::delete_before(const PartitionRef& partition, Offset offset) {
  Partition& kept = partitions_[partition];
  kept.start = offset;
  std::erase_if(kept.batches, [&](const LogBatch& batch) { return batch.last_offset < offset; });
}

Result<std::vector<Polled>> MemoryLog::poll(
    std::span<const std::pair<PartitionRef, Offset>> positions, size_t max_bytes) {
  std::vector<Polled> polled;
  size_t size = 0;
  for (const auto& [ref, offset] : positions) {
    Polled& one = polled.emplace_back();
    one.readable_end = end_of(ref);
    if (const auto found = partitions_.find(ref); found != partitions_.end())
      one.log_start = found->second.start;
    const std::vector<LogBatch>& batches = batches_of(ref);
    auto next = std::ranges::lower_bound(batches, offset, {}, &LogBatch::last_offset);
    for (; next != batches.end() && (one.batches.empty() || size < max_bytes); ++next) {
      one.batches.push_back(*next);
      size += next->bytes.size();
    }
  }
  return polled;
}

bool MemoryLog::try_commit(TaskCommit& commit, CommitDone& done) {
  for (OutputBatch& output : commit.outputs) append(output.to, std::move(output.bytes));
  waiting_.push_back({std::move(done), ++last_commit_});
  return true;
}

bool MemoryLog::deliver() {
  if (waiting_.empty()) return false;
  for (Waiting& one : std::exchange(waiting_, {})) one.done(one.commit);
  return true;
}

}  // namespace engine
