#include "server/tasks/frozen_journal.h"

#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <utility>
#include <vector>

#include "engine/exec/journal.h"
#include "server/tasks/journal_tail.h"
#include "storage/kv/damage.h"
#include "storage/log/task_journal.h"

namespace server {

namespace {

// Limits of the data that one call of write_some() sends to the state store.
constexpr size_t kTasksAtOnce = 500, kBytesAtOnce = 4 << 20;

// Returns whether a retry would be useless: it would read the same data and fail in the same way.
bool is_unreadable(const Error& error) {
  return storage::is_damage(error.code) || error.code == ErrorCode::IncompatibleFormat;
}

// Updates `position` with the content of a later journal entry.
void move_position(engine::JournalEntry& position, engine::JournalEntry entry) {
  for (const engine::InputPosition& moved : entry.positions) {
    const auto known =
        std::ranges::find_if(position.positions, [&](const engine::InputPosition& one) {
          return one.input == moved.input && one.partition == moved.partition;
        });
    known == position.positions.end() ? position.positions.push_back(moved) : void(*known = moved);
  }
  if (!entry.scalars.empty()) position.scalars = std::move(entry.scalars);
  if (!entry.last_error.empty()) position.last_error = std::move(entry.last_error);
  engine::merge_sequences(position.outputs, entry.outputs);
  for (const engine::StoreSize& size : entry.sizes) {
    const auto known = std::ranges::find(position.sizes, size.store, &engine::StoreSize::store);
    known == position.sizes.end() ? position.sizes.push_back(size) : void(*known = size);
  }
}

// The last commit of a task and the newest value of each changed key, as read from the journal. A checkpoint writes
// them.
class TaskHistory {
 public:
  static Result<TaskHistory> behind(const std::string& task,
                                    const storage::CheckpointPosition& checkpoint) {
    TaskHistory history;
    history.position_ = TRY(read_position(checkpoint));
    history.changes_ = std::make_shared<FrozenChanges>(task);
    return history;
  }
  // Skips entries that the task's checkpoint already contains. Such entries exist if an interrupted
  // checkpoint has stored some of the tasks.
  Status add(const storage::JournalRecord& record) {
    if (record.sequence <= position_.sequence) return {};
    TRY(check_follows(position_.sequence, record.sequence, record.task));
    engine::JournalView entry = TRY(engine::view_journal(record.entry));
    position_.sequence = record.sequence;
    move_position(position_.position, std::move(entry.head));
    return changes_->add(entry.changes);
  }
  TaskSequence last() const { return position_.sequence; }
  size_t size_bytes() const { return changes_->size_bytes(); }
  std::shared_ptr<FrozenChanges> freeze() {
    changes_->freeze(position_.sequence, engine::encode_journal(position_.position));
    return std::move(changes_);
  }

 private:
  TaskPosition position_;
  std::shared_ptr<FrozenChanges> changes_;
};

}  // namespace

FrozenJournal::FrozenJournal(std::shared_ptr<CheckpointLane> lane, Range range,
                             const std::map<std::string, Commits>& tasks)
    : lane_(std::move(lane)), range_(range), stored_to_(range.end_offset) {
  for (const auto& [task, commits] : tasks) {
    assert(commits.first < range_.end_offset);
    tasks_.emplace(task, Task{commits, nullptr, false});
    stored_to_ = std::min(stored_to_, commits.first);
  }
  pass_end_ = stored_to_;
}

// The CheckpointLane keeps the function that is passed to enter() while this checkpoint waits. The function has only a
// weak reference to this object: this object shares the ownership of the lane, so with a strong reference neither of
// the two would ever be destroyed.
void FrozenJournal::write() {
  phase_ = Phase::Writing;
  lane_->enter(turn_bytes(), [weak = weak_from_this()] {
    const auto self = weak.lock();
    return self && self->begin_turn();
  });
}

bool FrozenJournal::begin_turn() {
  // Another checkpoint may have failed while this checkpoint waited. Then may_try() delays all retries.
  if (lane_->may_try() && submit_pass()) return true;
  phase_ = Phase::Stuck;
  return false;
}

// Submits the next pass (reading a part of the journal and storing it). A pass takes too long for a
// loop, and for a thread that drops a task. So it runs on the thread that writes the state store:
// an empty checkpoint is submitted, and its callback runs the pass.
bool FrozenJournal::submit_pass() {
  return submit({}, [self = shared_from_this()](const Status& status) {
    status ? self->begin_pass() : self->failed(status.error());
  });
}

void FrozenJournal::begin_pass() {
  std::unique_lock lock(mutex_);
  const Status was_read = read();
  lock.unlock();
  if (was_read) return write_some();
  if (!is_unreadable(was_read.error())) return failed(was_read.error());
  damage_.why = was_read.error();
  end_turn();
  phase_ = Phase::Damaged;
}

// Called under the mutex: a concurrent drop() waits, and takes effect after the read.
Status FrozenJournal::read() {
  pass_end_ = range_.end_offset;
  if (tasks_.empty()) return {};
  const auto reader = TRY(storage::JournalReader::open(lane_->log(), range_.journal));
  absl::flat_hash_map<std::string_view, TaskHistory> histories;  // by a name in tasks_
  size_t bytes = 0;                                              // size of all histories
  const auto take = [&](const storage::JournalRecord& record) -> Result<bool> {
    const auto task = tasks_.find(record.task);
    // Entries before the task's first commit belong to an earlier task of the same name.
    if (task == tasks_.end() || record.offset < task->second.commits.first) return true;
    const auto add = [&]() -> Status {
      auto history = histories.find(task->first);
      if (history == histories.end()) {
        const auto checkpoint = TRY(lane_->state().position_of(task->first));
        history =
            histories.emplace(task->first, TRY(TaskHistory::behind(task->first, checkpoint))).first;
      }
      bytes -= history->second.size_bytes();
      TRY(history->second.add(record));
      bytes += history->second.size_bytes();
      return {};
    };
    TRY(of(task->first, add()));
    if (bytes < static_cast<size_t>(lane_->policy().pass_bytes)) return true;
    pass_end_ = record.offset + 1;
    return false;
  };
  TRY(reader->read_some(stored_to_, range_.end_offset, take));
  for (auto& [name, task] : tasks_) {
    const auto history = histories.find(name);
    task.ends = history != histories.end() && history->second.last() == task.commits.last;
    if (!task.ends && pass_end_ == range_.end_offset)
      return of(name, Error{ErrorCode::CorruptRecord,
                            fmt::format("the journal of {} does not end with entry {}", name,
                                        task.commits.last.value())});
  }
  for (auto& [name, history] : histories) {
    Task& task = tasks_.find(name)->second;
    task.changes = history.freeze();
    memory_bytes_ += task.changes->size_bytes();
  }
  return {};
}

Status FrozenJournal::of(const std::string& task, Status status) {
  if (!status && is_unreadable(status.error())) damage_.task = task;
  return status;
}

// Submits under the mutex, so that the state store gets no data of a task after drop() of the task.
void FrozenJournal::write_some() {
  std::unique_lock lock(mutex_);
  has_failed_ = false;
  size_t bytes = 0, count = 0;
  ++on_way_;  // keeps the count above 0 until all parts are submitted
  for (auto& [name, task] : tasks_) {
    if (count == kTasksAtOnce || bytes >= kBytesAtOnce) break;
    if (!task.changes) continue;
    storage::Checkpoint part = task.changes->next_part();
    bytes += part.bytes();
    ++count;
    ++on_way_;
    const auto done = [self = shared_from_this(), changes = task.changes](const Status& status) {
      self->answered(changes, status);
    };
    if (submit(std::move(part), done)) continue;
    --on_way_;
    has_failed_ = true;  // the state store's queue is full; a later tick retries
    break;
  }
  if (count == 0) {
    --on_way_;
    lock.unlock();
    return end_pass();
  }
  lock.unlock();
  answered(nullptr, {});
}

void FrozenJournal::answered(const std::shared_ptr<FrozenChanges>& changes, const Status& status) {
  std::unique_lock lock(mutex_);
  --on_way_;
  // The server shuts down. The journal is not trimmed, so the next start reads it.
  if (!status && status.error().code == ErrorCode::ShuttingDown) return;
  const bool is_dropped = !status && status.error().code == ErrorCode::FencedTask;
  if (changes && status) changes->part_is_stored();
  if (changes && (is_dropped || changes->is_finished())) {
    const auto task = tasks_.find(changes->task());
    if (task != tasks_.end())
      is_dropped || task->second.ends ? void(forget(task)) : let_go(task->second);
  } else if (!status) {
    has_failed_ = true;
    if (changes && is_unreadable(status.error()))
      damage_ = {status.error(), changes->task()};  // the state store is damaged where the task is
                                                    // stored
    else
      lane_->note_failure(range_.journal, status.error());
  }
  if (on_way_ > 0) return;
  const bool has_failed = has_failed_, is_damaged = !damage_.task.empty();
  lock.unlock();
  if (has_failed) {
    end_turn();
    phase_ = is_damaged ? Phase::Damaged : Phase::Stuck;
    return;
  }
  lane_->note_success();
  write_some();
}

void FrozenJournal::end_pass() {
  std::unique_lock lock(mutex_);
  assert(stored_to_ <= pass_end_ && pass_end_ <= range_.end_offset);
  stored_to_ = pass_end_;
  const bool is_last = stored_to_ == range_.end_offset;
  lock.unlock();
  if (is_last) return write_end();
  if (submit_pass()) return;
  end_turn();
  phase_ = Phase::Stuck;
}

void FrozenJournal::write_end() {
  if (range_.afterwards == Range::Journal::IsKept) {
    end_turn();
    phase_ = Phase::Finished;
    return;
  }
  assert(stored_to_ == range_.end_offset);  // else a restart would skip entries before the end
  storage::Checkpoint last;
  last.journal_end = {range_.journal, range_.end_offset};
  const auto done = [self = shared_from_this()](const Status& status) {
    status ? self->trim() : self->failed(status.error());
  };
  if (submit(std::move(last), done)) return;
  end_turn();
  phase_ = Phase::Stuck;
}

void FrozenJournal::trim() {
  end_turn();
  lane_->log().trim({storage::journal_partition(range_.journal), range_.end_offset},
                    [self = shared_from_this()](const Status& trimmed) {
                      // The journal was not trimmed. The next checkpoint trims it up to its own
                      // end, which includes these entries.
                      if (!trimmed && trimmed.error().code != ErrorCode::ShuttingDown)
                        self->lane_->note_failure(self->range_.journal, trimmed.error());
                      self->phase_ = Phase::Finished;
                    });
}

// Leaves the CheckpointLane after an error. A later tick retries the checkpoint.
void FrozenJournal::failed(const Error& error) {
  if (error.code == ErrorCode::ShuttingDown) return;  // the next start reads the journal
  lane_->note_failure(range_.journal, error);
  end_turn();
  phase_ = Phase::Stuck;
}

// Lets the next checkpoint use the CheckpointLane, and releases all data: a checkpoint that waits for a retry takes no
// memory.
void FrozenJournal::end_turn() {
  {
    std::lock_guard lock(mutex_);
    for (auto& [name, task] : tasks_) let_go(task);
  }
  lane_->leave(turn_bytes());
}

void FrozenJournal::drop(const std::string& prefix) {
  std::lock_guard lock(mutex_);
  for (auto task = tasks_.lower_bound(prefix);
       task != tasks_.end() && task->first.starts_with(prefix);)
    task = forget(task);
}

// Called under the mutex.
FrozenJournal::Tasks::iterator FrozenJournal::forget(Tasks::iterator task) {
  let_go(task->second);
  return tasks_.erase(task);
}

// Called under the mutex.
void FrozenJournal::let_go(Task& task) {
  assert(!task.changes || memory_bytes_ >= task.changes->size_bytes());
  if (task.changes) memory_bytes_ -= task.changes->size_bytes();
  task.changes.reset();
}

}  // namespace server
