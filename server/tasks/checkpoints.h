// Gathers what a task's commits have changed since its last checkpoint, and hands it to the state
// store from time to time.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "engine/exec/task.h"
#include "engine/state/key_map.h"
#include "storage/log/log.h"
#include "storage/state/state_store.h"

namespace server {

// When a task's journal goes into a checkpoint. Tests make it often.
struct CheckpointPace {
  int64_t interval_ms = 10'000;      // at the latest
  int64_t journal_bytes = 16 << 20;  // or when so much has gathered
  int64_t chunk_keys = 5'000;        // in one transaction of the state store
};

// The journal grows until a checkpoint contains it; recovery reads both. So a checkpoint is written
// when the journal has become as long as is still quick to read again, or old.
//
// Threads: the shard's; answers of the state store only touch what is shared. Owner: the shard's
// entry of the task.
class TaskCheckpoints {
 public:
  TaskCheckpoints(std::string task, storage::StateStore& state, storage::Log& log,
                  const Clock& clock, CheckpointPace pace);

  // What the last checkpoint held of positions and scalars.
  void begin_after(TaskSequence last, engine::JournalEntry position) {
    last_ = last;
    position_ = std::move(position);
  }
  // A durable journal entry of the task, in order.
  void add(TaskSequence sequence, engine::JournalEntry entry);
  // Begins a checkpoint if it is time for one and none is on its way.
  void tick();

 private:
  struct Shared;
  void begin();

  const std::string task_;
  storage::StateStore& state_;
  storage::Log& log_;
  const Clock& clock_;
  const CheckpointPace pace_;
  engine::JournalEntry position_;  // the newest positions and scalars, all of them; no entries
  struct StoreChanges {
    engine::KeyMap<std::optional<std::string>> entries;  // nothing: deleted
    std::string removed_below;                           // the greatest DeleteBelow; empty: none
  };
  std::vector<StoreChanges> changes_;  // by store
  TaskSequence last_;
  size_t gathered_bytes_ = 0;
  int64_t since_us_ = 0;
  std::shared_ptr<Shared> shared_;
};

// Hands everything to `restore` that makes up the state of a task: its checkpoint, and the journal
// after it, which also goes on to the next checkpoint. Returns the last durable sequence. The epoch
// of the task has been raised, but a checkpoint of its previous owner may still be on its way.
// Blocks: for start-up.
Result<TaskSequence> load_task_state(
    const std::string& task, const storage::StateStore& state, const storage::Log& log,
    const std::function<Status(const engine::JournalEntry&)>& restore,
    TaskCheckpoints& checkpoints);

}  // namespace server
