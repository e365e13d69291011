#include "storage/replica/journal_snapshot.h"

#include <cassert>
#include <utility>

#include "base/bytes.h"
#include "records/batch.h"
#include "records/batch_builder.h"

namespace storage {

namespace {

constexpr uint8_t kKind = 's', kVersion = 1;

Error damaged() { return {ErrorCode::CorruptRecord, "a piece of a journal's snapshot is damaged"}; }

}  // namespace

std::string encode(const SnapshotPiece& piece) {
  assert(piece.number >= 0 && piece.place.first_needed <= piece.place.next);
  std::string head;
  append_be(head, kKind);
  append_be(head, kVersion);
  append_be(head, piece.snapshot);
  append_be(head, piece.number);
  append_be(head, static_cast<uint8_t>(piece.is_last));
  append_be(head, piece.place.next.value());
  append_be(head, piece.place.epoch.value());
  append_be(head, piece.place.first_needed.value());
  records::BatchBuilder builder;
  builder.append_joined(records::kNoTimestamp, "", head, piece.content);
  return builder.finish();
}

Result<std::optional<SnapshotPiece>> read_snapshot_piece(std::string_view bytes) {
  const auto batch = TRY(records::parse_batch(bytes, records::BatchCheck::Shape));
  if (batch.header.is_control() || batch.header.record_count != 1) return std::nullopt;
  auto reader = TRY(records::RecordReader::over(batch.header, batch.payload()));
  records::RecordView record;
  if (!reader.next(record) || !record.key || !record.key->empty() || !record.value)
    return std::nullopt;
  ByteReader in(*record.value);
  // A mark of delivered outputs has a value of eight bytes, and the start of an epoch has an empty
  // one.
  constexpr size_t kMarkBytes = sizeof(int64_t);
  if (record.value->size() <= kMarkBytes || in.be<uint8_t>() != kKind) return std::nullopt;
  if (in.be<uint8_t>() != kVersion)
    return Error{ErrorCode::IncompatibleFormat,
                 "a newer version has written a snapshot of a journal"};
  SnapshotPiece piece;
  piece.snapshot = in.be<int64_t>();
  piece.number = in.be<int32_t>();
  piece.is_last = in.be<uint8_t>() != 0;
  piece.place.next = Offset{in.be<int64_t>()};
  piece.place.epoch = LeaderEpoch{in.be<int32_t>()};
  piece.place.first_needed = Offset{in.be<int64_t>()};
  piece.content = in.rest();
  if (!in.ok() || piece.place.first_needed < Offset{0} ||
      piece.place.first_needed > piece.place.next)
    return damaged();
  return piece;
}

Result<std::optional<FoundSnapshot>> find_snapshot(Log& log, LogReader& reader,
                                                   const TopicPartition& journal,
                                                   JournalRules rules) {
  constexpr size_t kTurnBytes = 4 << 20;
  const auto status = log.find_partition(journal);
  if (!status) return std::nullopt;
  SnapshotSearch search(rules);
  for (Offset next = status->log_start(); next < status->high_watermark();) {
    TRY(reader.begin_turn());
    const auto batches = reader.read(journal, next, kTurnBytes);
    Status added;
    for (size_t i = 0; batches && added && i < batches->size(); ++i) {
      added = search.add((*batches)[i].bytes, (*batches)[i].base_offset);
      next = (*batches)[i].last_offset + 1;
    }
    reader.end_turn();
    if (!batches) return batches.error();
    if (!added) return added.error();
    if (batches->empty()) break;
  }
  // A snapshot is useless if commits that follow it were trimmed: the state after them could not be
  // restored.
  const auto& newest = search.newest();
  if (newest && newest->place.next < status->log_start()) return std::nullopt;
  return newest;
}

Status read_snapshot(LogReader& reader, const TopicPartition& journal,
                     const FoundSnapshot& snapshot,
                     const std::function<Status(std::string_view content)>& visit) {
  for (const Offset at : snapshot.pieces) {
    TRY(reader.begin_turn());
    const auto batches = reader.read(journal, at, 1);
    // The piece is copied, because `visit` may take long and must not hold the read transaction.
    std::string bytes;
    if (batches && !batches->empty()) bytes = batches->front().bytes;
    reader.end_turn();
    if (!batches) return batches.error();
    TRY(records::parse_batch(bytes, records::BatchCheck::ShapeAndCrc));
    const auto piece = TRY(read_snapshot_piece(bytes));
    if (!piece) return damaged();
    TRY(visit(piece->content));
  }
  return {};
}

Status SnapshotSearch::add(std::string_view batch, Offset offset) {
  const auto piece = TRY(read_snapshot_piece(batch));
  if (!piece) return {};
  if (piece->number == 0) {
    begun_ = {};
    snapshot_ = piece->snapshot;
  } else if (piece->snapshot != snapshot_ ||
             begun_.pieces.size() != static_cast<size_t>(piece->number)) {
    // Either earlier pieces of this snapshot have been trimmed, or the snapshot was never
    // completed.
    begun_ = {};
    return {};
  }
  begun_.place = piece->place;
  begun_.pieces.push_back(offset);
  begun_.size_bytes += batch.size();
  if (!piece->is_last) return {};
  if (!rules_.goes_on_at_its_place) begun_.place.next = offset + 1;
  newest_ = std::exchange(begun_, {});
  return {};
}

}  // namespace storage
