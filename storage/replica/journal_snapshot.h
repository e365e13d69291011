// A snapshot of the state of a journal's tasks. It is written into the journal itself, in pieces
// between the commits. The entries before the snapshot may be trimmed afterwards (docs/adr/0081).
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "storage/log/log_reader.h"
#include "storage/replica/journal_rules.h"

namespace storage {

// The state of a journal on a node: the node has applied all entries before `next`.
struct JournalPlace {
  Offset next;
  LeaderEpoch epoch{0};      // epoch of the last batch before `next`
  Offset first_needed = {};  // all outputs of commits before this offset are delivered
  bool operator==(const JournalPlace&) const = default;
};

// One record batch:
//   record  key empty, value 's', version u8 = 1, snapshot i64, number i32, is last u8, next i64, epoch i32,
//           first needed i64, content
struct SnapshotPiece {
  int64_t snapshot = 0;  // id of the snapshot, different for each
  int32_t number = 0;    // number of the piece, from 0 on
  bool is_last = false;
  JournalPlace place;  // the snapshot has the effects of all commits before it and of none after it
  std::string_view content;
};
std::string encode(const SnapshotPiece& piece);
// Reads a piece. Returns nothing if the batch is not a piece. Fails with CorruptRecord, or with
// IncompatibleFormat if a newer version wrote the piece. Does not verify the checksum of `batch`.
// The result has views into `batch`.
Result<std::optional<SnapshotPiece>> read_snapshot_piece(std::string_view batch);

// A complete snapshot that was found in a journal. `pieces` are the offsets of the batches that contain it. A node that
// has installed the snapshot continues with the entry at `place.next`.
struct FoundSnapshot {
  JournalPlace place;
  std::vector<Offset> pieces;
  size_t size_bytes = 0;
};

// Finds snapshots in the visible part of a journal, whose batches are added in order. A leader that
// fails may leave an incomplete snapshot; the next leader writes its own.
//
// Threads: one.
class SnapshotSearch {
 public:
  explicit SnapshotSearch(JournalRules rules = {}) : rules_(rules) {}
  Status add(std::string_view batch, Offset offset);
  // Returns the last complete snapshot; nothing if no complete one was found.
  const std::optional<FoundSnapshot>& newest() const { return newest_; }

 private:
  const JournalRules rules_;
  int64_t snapshot_ = 0;  // number of the snapshot whose pieces are being collected
  FoundSnapshot begun_;
  std::optional<FoundSnapshot> newest_;
};

// Returns the last complete snapshot, if all later commits still exist. Searches the whole visible
// part of the journal in this log. The journal may be large, so the search reads it in short turns
// of the reader.
Result<std::optional<FoundSnapshot>> find_snapshot(Log& log, LogReader& reader,
                                                   const TopicPartition& journal,
                                                   JournalRules rules = {});
// Reads the pieces in order, one at a time, and verifies their checksums. Stops at the first error
// of `visit`.
Status read_snapshot(LogReader& reader, const TopicPartition& journal,
                     const FoundSnapshot& snapshot,
                     const std::function<Status(std::string_view content)>& visit);

}  // namespace storage
