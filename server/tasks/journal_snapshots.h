// Writes snapshots of the replicated journals that this node leads, so that the journals can be
// trimmed.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "server/tasks/replicated_journals.h"
#include "server/tasks/snapshot_pieces.h"
#include "storage/log/log.h"
#include "storage/state/state_store.h"

namespace server {

// A journal gets a snapshot when its length exceeds twice the size of its last snapshot plus
// `least_bytes`. With this rule, about one byte of snapshot is written for each byte of commits,
// and the journal takes about three times the space of its queries' data.
//
// JournalSource opens the data while no commit is applied, and reads it afterwards, while commits
// continue. Only one piece of the snapshot is in memory at a time. After each piece, the thread
// pauses for as long as the piece took.
//
// Threads: its own, which waits. Owner: the node; the arguments of the constructor outlive the
// thread.
class JournalSnapshots {
 public:
  JournalSnapshots(storage::Log& log, storage::StateStore& state, ReplicatedJournals& journals,
                   SnapshotPieces& pieces, const Clock& clock, int64_t least_bytes,
                   std::function<bool()> may_write)
      : log_(log),
        state_(state),
        journals_(journals),
        pieces_(pieces),
        clock_(clock),
        least_bytes_(least_bytes),
        may_write_(std::move(may_write)) {}
  ~JournalSnapshots() { stop_thread(); }

  void start_thread();
  void stop_thread();

 private:
  struct Writing;
  void run();
  bool is_due(PartitionId journal);
  Result<size_t> write(PartitionId journal);
  Result<Writing> begin(PartitionId journal);
  Status write_piece(PartitionId journal, Writing& writing, bool is_last, std::string content);
  bool rest(int64_t us);

  storage::Log& log_;
  storage::StateStore& state_;
  ReplicatedJournals& journals_;
  SnapshotPieces& pieces_;
  const Clock& clock_;
  const int64_t least_bytes_;
  // Returns whether all nodes support snapshots in journals.
  const std::function<bool()> may_write_;
  std::unique_ptr<storage::LogReader> reader_;
  // Earliest times of the next attempt, for journals whose last snapshot failed.
  std::map<PartitionId, int64_t> not_before_us_;
  // The last snapshot of a journal that this node has written. The next one is written only after the journal has been
  // trimmed to `place`: otherwise the journal would get snapshots without becoming shorter. Undelivered outputs of
  // commits may delay the trim.
  struct Last {
    ReplicatedJournals::Term term;
    Offset place;
  };
  std::map<PartitionId, Last> last_;
  std::mt19937_64 random_{std::random_device{}()};

  std::mutex mutex_;
  std::condition_variable stopped_;
  bool must_stop_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace server
