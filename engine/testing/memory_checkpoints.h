// Keeps checkpoints in memory for tests, and applies the commits of tasks to them.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "engine/exec/journal.h"
#include "engine/exec/task.h"
#include "engine/state/backing.h"

namespace engine {

// The checkpoint of one store.
//
// Threads: one.
class MemoryBacking final : public Backing {
 public:
  void apply(const StateEntry& entry);
  const std::map<std::string, std::string>& entries() const { return entries_; }
  // Returns the number of look-ups of a key.
  size_t reads() const { return reads_; }

  Result<std::optional<std::string_view>> get(std::string_view key) override;
  Result<bool> scan(std::string& place, const Visit& visit) override;
  Result<std::string> place_of(std::string_view key) override { return std::string(key); }

 private:
  std::map<std::string, std::string> entries_;
  size_t reads_ = 0;
};

// The checkpoints of the stores of all tasks.
//
// Threads: one.
class MemoryCheckpoints {
 public:
  MemoryBacking& store(const std::string& task, uint32_t store);
  // Applies a durable commit of the task.
  void add(const std::string& task, TaskSequence commit, const JournalEntry& entry);
  // Reports the stored commits to the task, and evicts entries until about `max_entries` of each
  // store are in memory.
  void shrink(Task& task, size_t max_entries);

 private:
  std::map<std::pair<std::string, uint32_t>, MemoryBacking> stores_;
  std::map<std::string, TaskSequence> stored_;
};

// Passes commits on to another sink, and stores them in checkpoints when they are durable.
class CheckpointingSink final : public Sink {
 public:
  CheckpointingSink(Sink& under, MemoryCheckpoints& checkpoints)
      : under_(under), checkpoints_(checkpoints) {}
  bool try_commit(TaskCommit& commit, CommitDone& done) override;

 private:
  Sink& under_;
  MemoryCheckpoints& checkpoints_;
};

}  // namespace engine
