// What the tasks of a journal have, written into the journal itself, in pieces among the commits: what lies before may
// go then (docs/adr/0081).
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

// Where who carries out a journal has come to.
struct JournalPlace {
  Offset next;
  LeaderEpoch epoch{0};      // of the last batch before it
  Offset first_needed = {};  // what commits before that have sent is delivered, all of it
  bool operator==(const JournalPlace&) const = default;
};

// One record batch:
//   record  key empty, value 's', version u8 = 1, snapshot i64, number i32, is last u8, next i64, epoch i32,
//           first needed i64, content
struct SnapshotPiece {
  int64_t snapshot = 0;  // another number for each
  int32_t number = 0;    // from 0 on
  bool is_last = false;
  JournalPlace
      place;  // the snapshot contains what the commits before have made, and nothing of those behind
  std::string_view content;
};
std::string encode(const SnapshotPiece& piece);
// Nothing where the batch is something else. Fails with CorruptRecord; IncompatibleFormat when a newer version wrote it.
// A view of the batch, whose checksum is not looked at.
Result<std::optional<SnapshotPiece>> read_snapshot_piece(std::string_view batch);

// One that is whole. Who has all of it goes on at its place.
struct FoundSnapshot {
  JournalPlace place;
  std::vector<Offset> pieces;
  size_t size_bytes = 0;
};

// Looks for snapshots in what is visible of a journal, from front to back. A leader that goes leaves one without an end
// behind; the next one writes its own.
//
// Threads: one.
class SnapshotSearch {
 public:
  explicit SnapshotSearch(JournalRules rules = {}) : rules_(rules) {}
  Status add(std::string_view batch, Offset offset);
  // The last one that is whole; nothing while there is none.
  const std::optional<FoundSnapshot>& newest() const { return newest_; }

 private:
  const JournalRules rules_;
  int64_t snapshot_ = 0;  // that has begun
  FoundSnapshot begun_;
  std::optional<FoundSnapshot> newest_;
};

// In all that is visible of the journal here, which may be much: it is read in turns.
Result<std::optional<FoundSnapshot>> find_snapshot(Log& log, LogReader& reader,
                                                   const TopicPartition& journal,
                                                   JournalRules rules = {});
// Its pieces in their order, one at a time, their checksums looked at. An error of `visit` ends it.
Status read_snapshot(LogReader& reader, const TopicPartition& journal,
                     const FoundSnapshot& snapshot,
                     const std::function<Status(std::string_view content)>& visit);

}  // namespace storage
