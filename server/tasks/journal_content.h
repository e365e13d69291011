// Encodes the contents of a journal's snapshot in pieces. The contents are the data of all tasks of
// the journal's queries: their checkpoints, the later commits in the local task journal, and the
// exchanges. Layout: docs/formats/cluster.md.
#pragma once
#include <functional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "storage/log/partition_snapshot.h"
#include "storage/state/state_store.h"

namespace server {

// Receives the contents of a snapshot item by item, in the order of these methods. Views are valid
// during the call.
class JournalContent {
 public:
  virtual ~JournalContent() = default;
  // Queries, before all other items. `planned_at` is the revision of the command that gave the
  // query its plan.
  virtual Status query(std::string_view id, Revision planned_at) = 0;
  // The checkpoints: task() for each task, followed by store() for each of its stores, followed by
  // entry() for each entry of the store.
  virtual Status task(std::string_view id, const storage::CheckpointPosition& position) = 0;
  virtual Status store(std::string_view name) = 0;
  virtual Status entry(std::string_view key, std::string_view value) = 0;
  // Commits after the checkpoint. The commits of each task are in the order of their sequence
  // numbers.
  virtual Status commit(std::string_view task, TaskSequence sequence, std::string_view entry) = 0;
  // The exchanges: partition() for each partition, followed by batch() for each of its batches. The
  // partitions of one topic are in order.
  virtual Status partition(const storage::PartitionSnapshot::Head& head) = 0;
  virtual Status batch(std::string_view bytes) = 0;
};

// Encodes the items of a snapshot one after the other. When the encoded bytes are enough for one record, passes them to
// TakePiece, so that only one piece is in memory.
//
// Threads: one.
class JournalContentWriter final : public JournalContent {
 public:
  // Receives a piece; an error ends the writing.
  using TakePiece = std::function<Status(std::string piece)>;
  explicit JournalContentWriter(TakePiece take) : take_(std::move(take)) {}

  Status query(std::string_view id, Revision planned_at) override;
  Status task(std::string_view id, const storage::CheckpointPosition& position) override;
  Status store(std::string_view name) override;
  Status entry(std::string_view key, std::string_view value) override;
  Status commit(std::string_view task, TaskSequence sequence, std::string_view entry) override;
  Status partition(const storage::PartitionSnapshot::Head& head) override;
  Status batch(std::string_view bytes) override;
  // Returns the last piece, which may be empty.
  std::string finish() { return std::move(piece_); }

 private:
  void begin(char kind) { piece_ += kind; }
  void text(std::string_view bytes);
  Status end();

  const TakePiece take_;
  std::string piece_;
};

// Reads one piece, and passes its items to `content`. Pieces must be read in order. Fails with
// CorruptRecord, and with any error of `content`.
Status read_journal_content(std::string_view piece, JournalContent& content);

}  // namespace server
