// What the pieces of a journal's snapshot contain: the tasks of its queries as they lie in a node's checkpoints, journal
// and exchanges. Layout: docs/formats/cluster.md.
#pragma once
#include <functional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "storage/log/partition_snapshot.h"
#include "storage/state/state_store.h"

namespace server {

// Whoever takes a snapshot in, item by item, in this order. Views hold for the call.
class JournalContent {
 public:
  virtual ~JournalContent() = default;
  // All queries first. `planned_at`: of the command that gave it its plan.
  virtual Status query(std::string_view id, Revision planned_at) = 0;
  // What is in checkpoints: a task, then its stores, each with its entries behind it.
  virtual Status task(std::string_view id, const storage::CheckpointPosition& position) = 0;
  virtual Status store(std::string_view name) = 0;
  virtual Status entry(std::string_view key, std::string_view value) = 0;
  // What the tasks have committed since: of each task in the order of the sequences.
  virtual Status commit(std::string_view task, TaskSequence sequence, std::string_view entry) = 0;
  // Partitions of exchanges, each with its batches behind it; those of a topic in their order.
  virtual Status partition(const storage::PartitionSnapshot::Head& head) = 0;
  virtual Status batch(std::string_view bytes) = 0;
};

// Writes them down, and hands on a piece whenever there is enough.
//
// Threads: one.
class JournalContentWriter final : public JournalContent {
 public:
  // A piece; what it answers ends the writing where that is an error.
  using TakePiece = std::function<Status(std::string piece)>;
  explicit JournalContentWriter(TakePiece take) : take_(std::move(take)) {}

  Status query(std::string_view id, Revision planned_at) override;
  Status task(std::string_view id, const storage::CheckpointPosition& position) override;
  Status store(std::string_view name) override;
  Status entry(std::string_view key, std::string_view value) override;
  Status commit(std::string_view task, TaskSequence sequence, std::string_view entry) override;
  Status partition(const storage::PartitionSnapshot::Head& head) override;
  Status batch(std::string_view bytes) override;
  // What is left, perhaps nothing: the last piece.
  std::string finish() { return std::move(piece_); }

 private:
  void begin(char kind) { piece_ += kind; }
  void text(std::string_view bytes);
  Status end();

  const TakePiece take_;
  std::string piece_;
};

// Of one piece, in the order of the pieces. Fails with CorruptRecord, and with what `content` answers.
Status read_journal_content(std::string_view piece, JournalContent& content);

}  // namespace server
