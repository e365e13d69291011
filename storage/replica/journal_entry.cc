#include "storage/replica/journal_entry.h"

#include <cassert>

#include "base/uuid_bytes.h"
#include "records/batch.h"
#include "records/batch_builder.h"

namespace storage {

namespace {

constexpr char kOutput = 'o', kDelivered = 'd', kExchanged = 'x', kConsumed = 't';
constexpr size_t kHeadBytes = 2 * sizeof(int64_t);

std::string key_of(char kind, const TopicPartition& partition) {
  std::string key(1, kind);
  append_uuid(key, partition.topic);
  append_be(key, partition.partition.value());
  return key;
}

Error no_entry() { return {ErrorCode::CorruptRecord, "a journal contains an invalid entry"}; }

Status read_part(std::string_view key, std::string_view value, ReplicatedCommit& commit) {
  ByteReader in(key);
  const auto kind = static_cast<char>(in.be<uint8_t>());
  TopicPartition partition;
  partition.topic = read_uuid(in);
  partition.partition = PartitionId{in.be<int32_t>()};
  if (!in.ok() || !in.at_end()) return no_entry();
  if (kind == kOutput) {
    commit.outputs.push_back({partition, std::string(value)});
    return {};
  }
  if (kind == kExchanged) {
    commit.exchanged.push_back({partition, std::string(value)});
    return {};
  }
  if (kind == kConsumed && value.size() == sizeof(int64_t)) {
    commit.consumed.push_back({partition, Offset{load_be<int64_t>(value.data())}});
    return {};
  }
  if (kind != kDelivered || value.size() != sizeof(int32_t)) return no_entry();
  commit.delivered.push_back({partition, load_be<int32_t>(value.data())});
  return {};
}

}  // namespace

std::string encode(const ReplicatedCommit& commit) {
  assert(!commit.task.empty());  // an empty key would be read as the start of an epoch
  std::string value;
  append_be(value, commit.sequence.value());
  append_be(value, commit.planned_at.value());
  value += commit.entry;
  records::BatchBuilder builder;
  builder.append(records::kNoTimestamp, commit.task, value);
  for (const TaskOutput& output : commit.outputs)
    builder.append(records::kNoTimestamp, key_of(kOutput, output.partition), output.batch);
  for (const TaskOutput& output : commit.exchanged)
    builder.append(records::kNoTimestamp, key_of(kExchanged, output.partition), output.batch);
  for (const ConsumedInput& consumed : commit.consumed) {
    std::string end;
    append_be(end, consumed.end.value());
    builder.append(records::kNoTimestamp, key_of(kConsumed, consumed.partition), end);
  }
  for (const DeliveredOutputs& delivered : commit.delivered) {
    std::string next;
    append_be(next, delivered.next_sequence);
    builder.append(records::kNoTimestamp, key_of(kDelivered, delivered.partition), next);
  }
  return builder.finish();
}

std::string epoch_start_batch() {
  records::BatchBuilder builder;
  builder.append(records::kNoTimestamp, "", "");
  return builder.finish();
}

std::string delivered_mark(Offset before) {
  std::string value;
  append_be(value, before.value());
  records::BatchBuilder builder;
  builder.append(records::kNoTimestamp, "", value);
  return builder.finish();
}

std::optional<Offset> read_delivered_mark(std::string_view bytes) {
  const auto batch = records::parse_batch(bytes, records::BatchCheck::ShapeAndCrc);
  if (!batch) return std::nullopt;
  std::string scratch;
  auto reader = records::RecordReader::open(*batch, scratch);
  records::RecordView record;
  if (!reader || !reader->next(record) || !record.key || !record.key->empty() || !record.value ||
      record.value->size() != sizeof(int64_t))
    return std::nullopt;
  return Offset{load_be<int64_t>(record.value->data())};
}

Result<std::optional<ReplicatedCommit>> read_replicated_commit(std::string_view bytes) {
  const auto batch = TRY(records::parse_batch(bytes, records::BatchCheck::ShapeAndCrc));
  // a control batch contains a marker and no commit
  if (batch.header.is_control()) return std::nullopt;
  std::string scratch;
  auto reader = TRY(records::RecordReader::open(batch, scratch));
  records::RecordView record;
  if (!reader.next(record) || !record.key || !record.value) return no_entry();
  if (record.key->empty()) return std::nullopt;
  if (record.value->size() < kHeadBytes) return no_entry();
  ReplicatedCommit commit{std::string(*record.key),
                          TaskSequence{load_be<int64_t>(record.value->data())},
                          std::string(record.value->substr(kHeadBytes)),
                          {},
                          {}};
  if (commit.sequence <= TaskSequence{0}) return no_entry();
  commit.planned_at = Revision{load_be<int64_t>(record.value->data() + sizeof(int64_t))};
  while (reader.next(record)) {
    if (!record.key || !record.value) return no_entry();
    TRY(read_part(*record.key, *record.value, commit));
  }
  TRY(reader.status());
  return commit;
}

}  // namespace storage
