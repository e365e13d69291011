// The interface for writing the pieces of a journal's snapshot into the journal.
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
