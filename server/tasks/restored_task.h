// Restores a task from its checkpoint and the later entries of the journal.
#pragma once
#include <cstdint>
#include <functional>
#include <utility>

#include "engine/exec/journal.h"
#include "engine/exec/task.h"
#include "server/tasks/journal_tail.h"

namespace server {

// A task that only applies the commits of another node, and keeps no table, needs no state in memory. Only its
// positions in the inputs are restored then.
//
// Threads: one. Owner: the caller; the task outlives it.
class RestoredTask final : public JournalTail::Target {
 public:
  enum class What : uint8_t { All, Positions };
  // `check_goes_on` is called before each entry; its error ends the restore.
  RestoredTask(engine::Task& task, What what, std::function<Status()> check_goes_on)
      : task_(task), what_(what), check_goes_on_(std::move(check_goes_on)) {}
  void begin(const engine::JournalEntry& checkpoint) override {
    if (what_ == What::All) task_.begin_restore(checkpoint);
  }
  bool loads(uint32_t store) override { return what_ == What::All && task_.loads(store); }
  Status restore(const engine::JournalEntry& entry, TaskSequence commit) override {
    TRY(check_goes_on_());
    if (what_ == What::All) return task_.restore(entry, commit);
    engine::JournalEntry positions = entry;
    positions.changes = {};
    positions.sizes = {};
    return task_.restore(positions, commit);
  }

 private:
  engine::Task& task_;
  const What what_;
  const std::function<Status()> check_goes_on_;
};

}  // namespace server
