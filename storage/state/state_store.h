// Checkpoints of tasks: for each task and store name an ordered set of keys and values in
// state.mdb.
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

// The longest name of a store. A name has no NUL and is not empty.
inline constexpr size_t kMaxStoreNameSize = 110;

struct StateEntry {
  std::string_view store, key;
  std::optional<std::string_view> value;  // nothing: deleted
};
struct StateRange {
  std::string store, first_key,
      end_key;  // first_key <= key < end_key; an empty end_key is the end of the store
};

// The change of a task's state since its last checkpoint. Ranges are removed before entries are
// written, so an entry within a range stays.
struct Checkpoint {
  std::string task;  // is_task_id()
  std::vector<StateRange> removed_ranges;
  std::vector<StateEntry> entries;    // each key once
  std::shared_ptr<const void> keeps;  // owns the bytes of the entries
  TaskSequence position;              // of the newest contained entry; a higher stored position
                                      // stays
  std::string scalars;                // stored with the position
  // Set when checkpoints of all tasks contain all entries of a journal partition before this
  // offset. Such a checkpoint may have no task; a checkpoint without both changes nothing.
  struct JournalEnd {
    PartitionId journal;
    Offset end;
  };
  std::optional<JournalEnd> journal_end = {};

  // Returns the size of scalars, keys and values.
  size_t bytes() const;
};
struct CheckpointPosition {
  TaskSequence position;  // 0: there is no checkpoint
  std::string scalars;
};

struct StateOptions {
  size_t map_size_bytes = 1ULL << 40;
  size_t queue_limit_bytes = 256 << 20;
  Uuid log_instance;         // the instance of the file's log; nil is not checked
  size_t chunk_keys = 5000;  // in one transaction; larger ones delayed log commits in measurements
};

// Writes checkpoints on a thread of its own. A checkpoint is written in many small transactions in
// key order, and then one that sets its position. A crash in between leaves newer entries under the
// old position, which a replay of the journal from there overwrites with the same values.
//
// Threads: any; callbacks run on the state writer's thread. load() reads a snapshot.
// Owner: the node. Destruction abandons the current checkpoint, after its current transaction, and
//   the queued ones (ShuttingDown): their journals remain.
class StateStore {
 public:
  // Opens `directory`/state.mdb. Fails like open_lmdb_store().
  static Result<std::unique_ptr<StateStore>> open(const std::string& directory,
                                                  StateOptions options);
  // Opens with another store; `open_store` is called again when the store is broken.
  using OpenStore = std::function<Result<std::unique_ptr<KeyValueStore>>()>;
  static Result<std::unique_ptr<StateStore>> open(OpenStore open_store, StateOptions options);
  virtual ~StateStore() = default;

  // Queues a checkpoint. Returns false if the queue is full; the checkpoint was not taken then, and
  // may be tried again after a later `done`.
  virtual bool try_checkpoint(Checkpoint& checkpoint, std::function<void(Status)>& done) = 0;
  // Forgets all tasks whose id begins with `prefix`, in one commit that waits only for the current
  // checkpoint. Queued checkpoints of these tasks are not written (FencedTask), those of others are
  // written later. The entries are removed in slices afterwards, between checkpoints, also after a
  // crash.
  virtual void drop_tasks(std::string prefix, std::function<void(Status)> done) = 0;

  using Visit =
      std::function<Status(std::string_view store, std::string_view key, std::string_view value)>;
  using WantsStore = std::function<bool(std::string_view store)>;
  // Visits all entries of the task's stores that `wants` accepts, store by store in key order.
  // Stops at the first error of `visit`.
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
