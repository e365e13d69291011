#include "server/tasks/table_publisher.h"

#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <map>

#include "engine/exec/record_cursor.h"
#include "records/batch_builder.h"
#include "records/control_batch.h"

namespace server {
namespace {

constexpr size_t kReadBytes = 1 << 20, kBatchBytes = 512 << 10;

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

std::vector<records::RecordHeader> headers_of(const records::RecordView& record) {
  std::vector<records::RecordHeader> headers;
  records::HeaderReader reader = record.headers();
  while (const auto header = reader.next()) headers.push_back({header->key, header->value});
  return headers;
}

// Ends the reader's snapshot at the end of the scope.
struct Turn {
  LogSources& sources;
  ~Turn() { sources.release(); }
};

}  // namespace

// Writes records batch by batch. The records are invisible until the end of the transaction.
class TablePublisher::Transaction {
 public:
  Transaction(TablePublisher& owner, Uuid topic, ProducerId producer, int16_t epoch)
      : owner_(owner), topic_(topic), producer_(producer), epoch_(epoch) {}

  void add(PartitionId partition, const records::RecordView& record,
           std::optional<std::string_view> value) {
    if (partition != partition_) finish_batch();
    partition_ = partition;
    const std::vector<records::RecordHeader> headers = headers_of(record);
    builder_.append(record.timestamp, record.key, value, headers);
    if (builder_.size_bytes() >= kBatchBytes) finish_batch();
  }

  // Writes all added records to the log. Must not be called while the reader has a snapshot open,
  // because a snapshot must be short.
  Status flush() {
    finish_batch();
    for (storage::PartitionBatches& batch : std::exchange(finished_, {}))
      TRY(owner_.append({{std::move(batch)}}));
    return {};
  }

  // Makes all written records visible with one commit.
  Status commit() {
    TRY(flush());
    storage::AppendRequest markers;
    for (const auto& [partition, sequence] : sequences_)
      markers.parts.push_back(
          {{topic_, partition},
           records::marker_batch(producer_, epoch_, {records::TransactionEnd::Commit, 0},
                                 owner_.clock_.wall_ms())});
    return markers.parts.empty() ? Status{} : owner_.append(std::move(markers));
  }

 private:
  void finish_batch() {
    if (builder_.empty()) return;
    int32_t& sequence = sequences_[partition_];
    const int32_t count = builder_.offset_count();
    std::string batch = builder_.finish(records::Codec::None, {producer_, epoch_, sequence});
    records::set_transactional(batch);
    sequence = records::advance_sequence(sequence, count);
    finished_.push_back({{topic_, partition_}, std::move(batch)});
  }

  TablePublisher& owner_;
  const Uuid topic_;
  const ProducerId producer_;
  const int16_t epoch_;
  records::BatchBuilder builder_;
  PartitionId partition_;  // partition of the batch in builder_
  std::vector<storage::PartitionBatches> finished_;
  std::map<PartitionId, int32_t> sequences_;  // by partition: the next sequence
};

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

Status TablePublisher::append(storage::AppendRequest request) {
  TRY(storage::append_and_wait(log_, std::move(request)));
  return {};
}

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

Status TablePublisher::publish_partition(LogSources& sources, const Topics& topics,
                                         PartitionId partition, Transaction& transaction,
                                         Written& written) {
  const engine::PartitionRef from{topics.from, partition}, to{topics.to, partition};
  const auto flush = [&] { return transaction.flush(); };
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
        transaction.add(partition, record, record.value);
        return {};
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
        transaction.add(partition, record, std::nullopt);
        return {};
      },
      flush);
}

Result<int16_t> TablePublisher::abort_open(const Topics& topics, ProducerId producer) {
  int16_t epoch = -1;
  storage::AppendRequest markers;
  const auto reader = TRY(storage::LogReader::open(log_));
  TRY(reader->begin_turn());
  for (PartitionId partition{0}; partition < PartitionId(topics.partitions); ++partition) {
    const auto producers = reader->producers({topics.to, partition});
    if (!producers) {
      reader->end_turn();
      return producers.error();
    }
    for (const storage::ActiveProducer& each : *producers) {
      if (each.id != producer) continue;
      epoch = std::max(epoch, each.epoch);
      if (each.open_since)
        markers.parts.push_back(
            {{topics.to, partition},
             records::marker_batch(producer, each.epoch, {records::TransactionEnd::Abort, 0},
                                   clock_.wall_ms())});
    }
  }
  reader->end_turn();
  if (!markers.parts.empty()) TRY(append(std::move(markers)));
  return static_cast<int16_t>(epoch + 1);
}

Result<TablePublisher::Written> TablePublisher::publish(const Topics& topics, ProducerId producer) {
  const int16_t epoch = TRY(abort_open(topics, producer));
  const auto sources = TRY(LogSources::open(log_));
  Transaction transaction(*this, topics.to, producer, epoch);
  Written written;
  Status done;
  for (PartitionId partition{0}; done && partition < PartitionId(topics.partitions); ++partition)
    done = publish_partition(*sources, topics, partition, transaction, written);
  if (done) {
    TRY(transaction.commit());
    return written;
  }
  return std::move(done).error();
}

}  // namespace server
