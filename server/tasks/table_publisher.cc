#include "server/tasks/table_publisher.h"

#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>
#include <xxhash.h>

#include "engine/exec/record_cursor.h"

namespace server {
namespace {

constexpr size_t kReadBytes = 1 << 20;

// A key is represented by a hash of 128 bits. In practice no two keys have the same hash.
using KeyHash = std::pair<uint64_t, uint64_t>;
KeyHash hash_of_key(std::string_view key) {
  const XXH128_hash_t hash = XXH3_128bits(key.data(), key.size());
  return {hash.low64, hash.high64};
}

// Returns the hash of a record's value and timestamp, which are the same in an unchanged row.
uint64_t hash_of_row(const records::RecordView& record) {
  return XXH3_64bits_withSeed(record.value->data(), record.value->size(),
                              static_cast<uint64_t>(record.timestamp));
}

// Ends the reader's snapshot at the end of the scope.
struct Turn {
  LogSources& sources;
  ~Turn() { sources.release(); }
};

}  // namespace

// Hashes of the keys in one partition, whose memory is charged to the budget.
struct TablePublisher::Keys {
  explicit Keys(MemoryAccount& account) : charge(&account, MemoryKind::Queries) {}
  absl::flat_hash_map<KeyHash, uint64_t> map;
  MemoryCharge charge;

  Status grown() {
    const size_t bytes = map.capacity() * (sizeof(*map.begin()) + 1);
    if (charge.try_resize(bytes)) return {};
    return Error{ErrorCode::OutOfMemory,
                 fmt::format("the keys of the rebuilt table need {} MB in one partition, which the "
                             "server does not have",
                             bytes >> 20),
                 {},
                 "Raise memory-limit, or give the table more partitions."};
  }
};

Status TablePublisher::read(LogSources& sources, const engine::PartitionRef& partition,
                            const Visit& visit, const std::function<Status()>& between_turns) {
  Offset next{0};
  while (true) {
    if (must_stop_) return Error{ErrorCode::ShuttingDown, "the server is stopping"};
    const std::pair<engine::PartitionRef, Offset> position{partition, next};
    {
      const std::vector<engine::Polled> polled = TRY(sources.poll({&position, 1}, kReadBytes));
      const Turn turn{sources};
      TRY(polled[0].status);
      if (polled[0].batches.empty()) return {};  // compaction has removed the remaining records
      for (const engine::LogBatch& batch : polled[0].batches) {
        if (!batch.is_hidden) TRY(visit_batch(batch, visit));
        next = batch.last_offset + 1;
      }
    }
    TRY(between_turns());
  }
}

Status TablePublisher::visit_batch(const engine::LogBatch& batch, const Visit& visit) {
  engine::RecordCursor cursor;
  size_t unpack_bytes = SIZE_MAX;
  auto reader = TRY(cursor.enter(batch, unpack_bytes));
  for (records::RecordView record; reader && reader->next(record);)
    if (record.key) TRY(visit(record, batch.base_offset + record.offset_delta));
  return reader ? reader->status() : Status{};
}

Status TablePublisher::publish_partition(LogSources& sources, const RebuildTopics& topics,
                                         PartitionId partition, TableChanges& changes,
                                         Written& written) {
  const engine::PartitionRef from{topics.from, partition}, to{topics.to, partition};
  const auto flush = [&] { return changes.flush(); };
  MemoryAccount account(memory_);
  Keys present(account), newest(account);  // rows that `to` has; the last records of `from`
  TRY(read(sources, to, [&](const records::RecordView& record, Offset) -> Status {
    const KeyHash key = hash_of_key(*record.key);
    if (record.value)
      present.map[key] = hash_of_row(record);
    else
      present.map.erase(key);
    return present.grown();
  }));
  TRY(read(sources, from, [&](const records::RecordView& record, Offset offset) {
    newest.map[hash_of_key(*record.key)] = static_cast<uint64_t>(offset.value());
    return newest.grown();
  }));
  TRY(read(
      sources, from,
      [&](const records::RecordView& record, Offset offset) -> Status {
        const KeyHash key = hash_of_key(*record.key);
        if (newest.map[key] != static_cast<uint64_t>(offset.value()) || !record.value) return {};
        const auto before = present.map.find(key);
        const bool is_same = before != present.map.end() && before->second == hash_of_row(record);
        if (before != present.map.end()) present.map.erase(before);
        if (is_same) return {};
        ++written.records;
        return changes.add(partition, record, record.value);
      },
      flush));
  // The keys that are left in `present` exist only in the old table, so tombstones are written for
  // them.
  if (present.map.empty()) return {};
  return read(
      sources, to,
      [&](const records::RecordView& record, Offset) -> Status {
        if (present.map.erase(hash_of_key(*record.key)) == 0) return {};
        ++written.deletes;
        return changes.add(partition, record, std::nullopt);
      },
      flush);
}

Result<TablePublisher::Written> TablePublisher::publish(const RebuildTopics& topics,
                                                        ProducerId publisher) {
  const auto changes = TRY(port_.begin(topics, publisher, must_stop_));
  const auto sources = TRY(LogSources::open(log_));
  Written written;
  for (PartitionId partition{0}; partition < PartitionId(topics.partitions); ++partition)
    TRY(publish_partition(*sources, topics, partition, *changes, written));
  TRY(changes->commit());
  return written;
}

}  // namespace server
