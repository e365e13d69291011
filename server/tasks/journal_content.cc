#include "server/tasks/journal_content.h"

#include <cassert>
#include <utility>

#include "base/bytes.h"
#include "base/uuid_bytes.h"

namespace server {

namespace {

// Pieces are small, because commits have to wait while a piece is written.
constexpr size_t kPieceBytes = 256 << 10;

constexpr char kQuery = 'q', kTask = 't', kStore = 's', kEntry = 'e', kCommit = 'j',
               kPartition = 'x', kBatch = 'b';

std::string_view read_text(ByteReader& in) { return in.bytes(in.varint()); }

Error damaged() { return {ErrorCode::CorruptRecord, "a snapshot of a journal is damaged"}; }

}  // namespace

void JournalContentWriter::text(std::string_view bytes) {
  append_varint(piece_, bytes.size());
  piece_ += bytes;
}

Status JournalContentWriter::end() {
  return piece_.size() < kPieceBytes ? Status() : take_(std::exchange(piece_, {}));
}

Status JournalContentWriter::query(std::string_view id, Revision planned_at) {
  begin(kQuery);
  text(id);
  append_be(piece_, planned_at.value());
  return end();
}

Status JournalContentWriter::task(std::string_view id,
                                  const storage::CheckpointPosition& position) {
  begin(kTask);
  text(id);
  append_be(piece_, position.position.value());
  text(position.scalars);
  return end();
}

Status JournalContentWriter::store(std::string_view name) {
  begin(kStore);
  text(name);
  return end();
}

Status JournalContentWriter::entry(std::string_view key, std::string_view value) {
  begin(kEntry);
  text(key);
  text(value);
  return end();
}

Status JournalContentWriter::commit(std::string_view task, TaskSequence sequence,
                                    std::string_view entry) {
  assert(!task.empty() && sequence > TaskSequence{0});
  begin(kCommit);
  text(task);
  append_be(piece_, sequence.value());
  text(entry);
  return end();
}

Status JournalContentWriter::partition(const storage::PartitionSnapshot::Head& head) {
  assert(head.start <= head.end);
  begin(kPartition);
  append_uuid(piece_, head.partition.topic);
  append_be(piece_, head.partition.partition.value());
  append_be(piece_, head.start.value());
  append_be(piece_, head.end.value());
  append_be(piece_, head.epoch.value());
  text(head.producers);
  return end();
}

Status JournalContentWriter::batch(std::string_view bytes) {
  begin(kBatch);
  text(bytes);
  return end();
}

Status read_journal_content(std::string_view piece, JournalContent& content) {
  ByteReader in(piece);
  while (!in.at_end()) {
    const auto kind = static_cast<char>(in.be<uint8_t>());
    switch (kind) {
      case kQuery: {
        const std::string_view id = read_text(in);
        const Revision planned_at{in.be<int64_t>()};
        if (!in.ok()) return damaged();
        TRY(content.query(id, planned_at));
        break;
      }
      case kTask: {
        const std::string_view id = read_text(in);
        storage::CheckpointPosition position;
        position.position = TaskSequence{in.be<int64_t>()};
        position.scalars = read_text(in);
        if (!in.ok()) return damaged();
        TRY(content.task(id, position));
        break;
      }
      case kStore: {
        const std::string_view name = read_text(in);
        if (!in.ok()) return damaged();
        TRY(content.store(name));
        break;
      }
      case kEntry: {
        const std::string_view key = read_text(in), value = read_text(in);
        if (!in.ok()) return damaged();
        TRY(content.entry(key, value));
        break;
      }
      case kCommit: {
        const std::string_view task = read_text(in);
        const TaskSequence sequence{in.be<int64_t>()};
        const std::string_view entry = read_text(in);
        if (!in.ok() || task.empty() || sequence <= TaskSequence{0}) return damaged();
        TRY(content.commit(task, sequence, entry));
        break;
      }
      case kPartition: {
        storage::PartitionSnapshot::Head head;
        head.partition.topic = read_uuid(in);
        head.partition.partition = PartitionId{in.be<int32_t>()};
        head.start = Offset{in.be<int64_t>()};
        head.end = Offset{in.be<int64_t>()};
        head.epoch = LeaderEpoch{in.be<int32_t>()};
        head.producers = read_text(in);
        if (!in.ok() || head.start > head.end) return damaged();
        TRY(content.partition(head));
        break;
      }
      case kBatch: {
        const std::string_view bytes = read_text(in);
        if (!in.ok()) return damaged();
        TRY(content.batch(bytes));
        break;
      }
      default:
        return damaged();
    }
  }
  return {};
}

}  // namespace server
