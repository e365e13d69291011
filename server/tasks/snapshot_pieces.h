// The interface through which JournalSnapshots writes a snapshot into a journal. A snapshot is too large for one
// record, so it is written in pieces.
#pragma once
#include <functional>
#include <string>

#include "server/tasks/replicated_sink.h"
#include "storage/replica/journal_snapshot.h"

namespace server {

// Threads: any. Owner: the node.
class SnapshotPieces {
 public:
  virtual ~SnapshotPieces() = default;
  // Writes a piece. Calls `done` with true when the piece is visible, or with false if the term
  // ends before.
  virtual void write_piece(PartitionId journal, JournalProposals::Term term,
                           storage::SnapshotPiece piece, std::string content,
                           std::function<void(bool)> done) = 0;
};

}  // namespace server
