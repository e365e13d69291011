// The functions of Shard for journals: the checkpoints of its tasks, and the tasks that wait for them.
#include <algorithm>
#include <cassert>
#include <utility>

#include "base/task_id.h"
#include "engine/exec/recompute.h"
#include "server/tasks/shard.h"
#include "server/tasks/shard/task_helpers.h"

namespace server {

void Shard::own(PartitionId journal, std::unique_ptr<JournalCheckpoints> checkpoints) {
  const auto [place, is_new] =
      journals_.emplace(journal, std::make_unique<Journal>(std::move(checkpoints), memory_));
  assert(is_new);  // two owners of one journal would each make checkpoints of it
}

void Shard::committed(const DurableCommit& commit) {
  journals_.at(commit.journal)->checkpoints->add(commit);
  start_timer();
}

void Shard::drop_journalled(const std::string& prefix, std::vector<std::function<void()>>& left) {
  for (const auto& [number, journal] : journals_)
    left.push_back(journal->checkpoints->drop(prefix));
  start_timer();  // the timer trims a journal that was kept for these tasks
}

// Ends the tasks of a journal that JournalCheckpoints has found lost: entries of these tasks in the journal are missing
// or damaged. The tasks still have all of their state in memory, but they must not continue, because a restart could
// not restore their next commits.
void Shard::end_lost(PartitionId number, const JournalCheckpoints& checkpoints) {
  std::vector<std::pair<ShardTask*, Error>> lost;
  for (const auto& [id, tasks] : tasks_)
    for (const auto& task : tasks)
      if (!is_transient(*task) && task->journal == number)
        if (auto why = checkpoints.why_lost(task->task->id()))
          lost.emplace_back(task.get(), *std::move(why));
  for (auto& [task, why] : lost) {
    task->is_lost = true;
    why.code = ErrorCode::DataCorrupted;
    give_up(*task, std::move(why));
  }
}

void Shard::give_up(ShardTask& task, Error why) {
  task.task->give_up(std::move(why));
  report_failure(task);
  check_waiters(task);
}

void Shard::end_reading(const storage::TopicPartition& partition, const Error& why) {
  const auto found = readers_.find(to_engine(partition));
  if (found == readers_.end()) return;
  for (ShardTask* task : found->second) {
    if (!is_transient(*task)) continue;
    task->task->give_up(why);
    schedule(*task);  // a step reports the error to the task's owner
  }
}

void Shard::hold_back(ShardTask& task) {
  if (!task.held_back_since_us) task.held_back_since_us = clock_.monotonic_us();
  attend(task);
}

void Shard::release_held_back(ShardTask& task) {
  task.held_back_us += clock_.monotonic_us() - *task.held_back_since_us;
  task.held_back_since_us.reset();
  schedule(task);
}

bool Shard::is_overdue(const ShardTask& task) const {
  if (is_transient(task)) return false;
  const JournalCheckpoints& checkpoints = *journals_.at(task.journal)->checkpoints;
  if (checkpoints.is_overdue()) return true;
  // State can leave memory only after a checkpoint contains it, so a checkpoint is useful now.
  return memory_.is_state_overfull() && state_bytes_of(task) > kLittleState &&
         checkpoints.backlog_of(task.task->id()).journal_bytes > 0;
}

// Called when a checkpoint contains the task's state up to `commit`. State that leaves the memory
// from now on must be found in this checkpoint. The open snapshot of the state store may be older
// than the checkpoint, so it is closed.
void Shard::note_stored(const std::string& task_id, TaskSequence commit) {
  state_->end();
  const auto query = tasks_.find(std::string(query_of(task_id)));
  if (query == tasks_.end()) return;
  for (const auto& task : query->second)
    if (task->task->id() == task_id) task->task->note_stored(commit);
}

// Ticks all journals. Returns whether one of them has further work.
bool Shard::tick_journals() {
  using Memory = JournalCheckpoints::Memory;
  const bool is_waited_for = std::ranges::any_of(
      attended_, [](const ShardTask* task) { return task->held_back_since_us.has_value(); });
  const Memory memory = is_waited_for && memory_.is_state_overfull()    ? Memory::Exhausted
                        : memory_.is_tight() || memory_.is_state_full() ? Memory::Tight
                                                                        : Memory::Enough;
  bool is_dirty = false;
  for (const auto& [number, journal] : journals_) {
    journal->checkpoints->tick(memory);
    for (const auto& [task, commit] : journal->checkpoints->take_stored())
      note_stored(task, commit);
    if (journal->checkpoints->take_has_lost()) end_lost(number, *journal->checkpoints);
    journal->frozen.resize(journal->checkpoints->memory_bytes());
    is_dirty |= journal->checkpoints->is_dirty();
  }
  return is_dirty;
}

}  // namespace server
