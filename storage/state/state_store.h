// Stores checkpoints of tasks in state.mdb. Each task has stores with names; a store is an ordered
// set of keys and values.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/task_id.h"
#include "storage/kv/kv.h"

namespace storage {

class StateReader;

// The longest name of a store. A name is not empty and contains no NUL.
inline constexpr size_t kMaxStoreNameSize = 110;

struct StateEntry {
  std::string_view store, key;
  std::optional<std::string_view> value;  // nothing: the entry is deleted
};
struct StateRange {
  // The keys with first_key <= key < end_key; an empty end_key means the end of the store.
  std::string store, first_key, end_key;
};

// The changes of a task's state since its last checkpoint. Ranges are removed before entries are
// written, so an entry within a removed range remains.
struct Checkpoint {
  std::string task;  // an id for which is_task_id() is true
  std::vector<StateRange> removed_ranges;
  std::vector<StateEntry> entries;    // each key occurs once
  std::shared_ptr<const void> keeps;  // owns the bytes of the entries
  // Sequence of the newest journal entry that the state contains. If the file has a higher position
  // already, the higher position is kept.
  TaskSequence position;
  std::string scalars;  // stored together with the position
  // Set when the checkpoints of all tasks contain all entries of a journal partition before `end`, so that the journal
  // may be trimmed there. A checkpoint that only reports this has an empty `task`. A checkpoint with neither a task nor
  // a journal end changes nothing.
  struct JournalEnd {
    PartitionId journal;
    Offset end;
  };
  std::optional<JournalEnd> journal_end = {};

  // Returns the size of scalars, keys and values.
  size_t bytes() const;
};
struct CheckpointPosition {
  // number of the last commit in the checkpoint; 0: the task has no checkpoint
  TaskSequence position;
  std::string scalars;
};

struct StateOptions {
  size_t map_size_bytes = 1ULL << 40;
  size_t queue_limit_bytes = 256 << 20;
  Uuid log_instance;  // instance id of the log to which the file belongs; nil: not checked
  // Most keys of one transaction. In measurements, larger transactions delayed the commits of the
  // log.
  size_t chunk_keys = 5000;
};

// Writes checkpoints on its own thread. A checkpoint is written in many small transactions in key
// order; the last transaction sets the position. After a crash in between, the file has newer
// entries with the old position. A replay of the journal from that position then writes the same
// values again.
//
// Threads: any; callbacks run on the state writer's thread. load() reads a snapshot.
// Owner: the node. The destructor stops after the current transaction: it gives up the current
//   checkpoint, and drops the queued ones. Their callbacks get ShuttingDown.
//   Nothing is lost, because the journals
//   still have the commits.
class StateStore {
 public:
  // Opens `directory`/state.mdb. Fails with the errors of open_lmdb_store().
  static Result<std::unique_ptr<StateStore>> open(const std::string& directory,
                                                  StateOptions options);
  // Opens the state in a store that `open_store` returns. Called again after a commit with an
  // unknown outcome.
  using OpenStore = std::function<Result<std::unique_ptr<KeyValueStore>>()>;
  static Result<std::unique_ptr<StateStore>> open(OpenStore open_store, StateOptions options);
  virtual ~StateStore() = default;

  // Queues a checkpoint. Returns false if the queue is full: the checkpoint is not taken, and the
  // caller may try again when a queued checkpoint is done.
  virtual bool try_checkpoint(Checkpoint& checkpoint, std::function<void(Status)>& done) = 0;
  // Drops all tasks whose ids begin with `prefix`, in one commit. The commit waits only until the
  // current checkpoint is written. Queued checkpoints of these tasks are not written (FencedTask);
  // queued checkpoints of other tasks are written later. The entries are removed afterwards in
  // slices, between checkpoints, also after a crash.
  virtual void drop_tasks(std::string prefix, std::function<void(Status)> done) = 0;

  using Visit =
      std::function<Status(std::string_view store, std::string_view key, std::string_view value)>;
  using WantsStore = std::function<bool(std::string_view store)>;
  // Visits all entries of the task's stores for which `wants` returns true, store by store, in key
  // order. Stops at the first error of `visit`.
  virtual Result<CheckpointPosition> load(std::string_view task, const WantsStore& wants,
                                          const Visit& visit) const = 0;
  Result<CheckpointPosition> load_all(std::string_view task, const Visit& visit) const {
    return load(
        task, [](std::string_view) { return true; }, visit);
  }

  // Returns the position of the task's checkpoint. Fails with DataCorrupted if the position is
  // damaged.
  virtual Result<CheckpointPosition> position_of(std::string_view task) const = 0;
  virtual std::unique_ptr<StateReader> open_reader() const = 0;
  // The newest Checkpoint::journal_end of each journal partition.
  using JournalEnds = std::map<PartitionId, Offset>;
  virtual Result<JournalEnds> journal_ends() const = 0;

  // Returns the ids of all tasks that have data in the file, in order.
  virtual Result<std::vector<std::string>> task_ids() const = 0;

  // Returns the number of dropped stores whose entries are not all removed yet.
  virtual size_t pending_removals() const = 0;

  virtual Uuid instance_id() const = 0;
};

}  // namespace storage
