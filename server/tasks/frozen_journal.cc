#include "server/tasks/frozen_journal.h"

#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <utility>
#include <vector>

#include "engine/exec/journal.h"
#include "server/tasks/journal_tail.h"
#include "storage/log/task_journal.h"

namespace server {

namespace {

// So much of a checkpoint is with the state store at a time.
constexpr size_t kTasksAtOnce = 500, kBytesAtOnce = 4 << 20;

// Reading it once more would give the same.
bool is_damage(const Error& error) {
  return error.code == ErrorCode::CorruptRecord || error.code == ErrorCode::IncompatibleFormat;
}

// Adds to `position` what a later entry says.
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

// What the journal says about a task: where it stands, and all its changes, which are views of the journal.
class TaskHistory {
 public:
  static Result<TaskHistory> behind(const storage::CheckpointPosition& checkpoint) {
    TaskHistory history;
    history.position_ = TRY(read_position(checkpoint));
    return history;
  }
  // What a checkpoint already contains is passed over: one that was cut off has stored some tasks.
  Status add(const storage::JournalRecord& record) {
    if (record.sequence <= position_.sequence) return {};
    TRY(check_follows(position_.sequence, record.sequence, record.task));
    engine::JournalView entry = TRY(engine::view_journal(record.entry));
    position_.sequence = record.sequence;
    move_position(position_.position, std::move(entry.head));
    if (!entry.changes.empty()) changes_.push_back(entry.changes);
    return {};
  }
  Result<std::shared_ptr<FrozenChanges>> freeze(const std::string& task, TaskSequence last) const {
    if (position_.sequence != last)
      return Error{ErrorCode::CorruptRecord,
                   fmt::format("the journal of {} ends with entry {} in place of {}", task,
                               position_.sequence.value(), last.value())};
    auto frozen =
        std::make_shared<FrozenChanges>(task, last, engine::encode_journal(position_.position));
    TRY(frozen->take_newest(changes_));
    return frozen;
  }

 private:
  TaskPosition position_;
  std::vector<std::string_view> changes_;
};

}  // namespace

FrozenJournal::FrozenJournal(std::shared_ptr<CheckpointLane> lane, Range range,
                             const std::map<std::string, Commits>& tasks)
    : lane_(std::move(lane)), range_(range) {
  for (const auto& [task, commits] : tasks) tasks_.emplace(task, Task{commits, nullptr});
}

// Not kept alive by its place in the lane, which it keeps alive itself.
void FrozenJournal::write() {
  phase_ = Phase::Writing;
  lane_->enter(range_.size_bytes, [weak = weak_from_this()] {
    const auto self = weak.lock();
    return self && self->begin_turn();
  });
}

// What there is to do is much, and not for a loop: it is done on the state writer's thread, which an empty
// checkpoint leads to.
bool FrozenJournal::begin_turn() {
  const auto there = [self = shared_from_this()](const Status& status) {
    status ? self->begin() : self->failed(status.error());
  };
  // Another one may have failed while this one waited.
  if (lane_->may_try() && submit({}, there)) return true;
  phase_ = Phase::Stuck;
  return false;
}

void FrozenJournal::begin() {
  std::unique_lock lock(mutex_);
  const Status was_read = read();
  lock.unlock();
  if (was_read) return write_some();
  if (!is_damage(was_read.error())) return failed(was_read.error());
  damage_.why = was_read.error();
  end_turn();
  phase_ = Phase::Damaged;
}

// Under the mutex: what is dropped meanwhile is dropped right afterwards.
Status FrozenJournal::read() {
  if (tasks_.empty()) return {};
  const auto reader = TRY(storage::JournalReader::open(lane_->log(), range_.journal));
  absl::flat_hash_map<std::string_view, TaskHistory> histories;  // by a name in tasks_
  const auto take = [&](const storage::JournalRecord& record) -> Status {
    const auto task = tasks_.find(record.task);
    // Those before its first commit are of an earlier task of its name.
    if (task == tasks_.end() || record.offset < task->second.commits.first) return {};
    const auto add = [&]() -> Status {
      auto history = histories.find(task->first);
      if (history == histories.end()) {
        const auto checkpoint = TRY(lane_->state().position_of(task->first));
        history = histories.emplace(task->first, TRY(TaskHistory::behind(checkpoint))).first;
      }
      return history->second.add(record);
    };
    return of(task->first, add());
  };
  Offset first = range_.end_offset;
  for (const auto& [name, task] : tasks_) first = std::min(first, task.commits.first);
  TRY(reader->read(first, range_.end_offset, take));
  for (auto& [name, task] : tasks_) {
    const auto freeze = [&]() -> Status {
      const auto history = histories.find(name);
      if (history == histories.end())
        return Error{ErrorCode::CorruptRecord, fmt::format("the journal has no entry of {}", name)};
      task.changes = TRY(history->second.freeze(name, task.commits.last));
      memory_bytes_ += task.changes->size_bytes();
      return {};
    };
    TRY(of(name, freeze()));
  }
  return {};
}

Status FrozenJournal::of(const std::string& task, Status status) {
  if (!status && is_damage(status.error())) damage_.task = task;
  return status;
}

// Under the mutex while it submits: nothing of a task that is dropped comes after the drop.
void FrozenJournal::write_some() {
  std::unique_lock lock(mutex_);
  has_failed_ = false;
  if (tasks_.empty()) {
    lock.unlock();
    return write_end();
  }
  size_t bytes = 0, count = 0;
  ++on_way_;  // until all are submitted
  for (auto task = tasks_.begin();
       task != tasks_.end() && count < kTasksAtOnce && bytes < kBytesAtOnce; ++task, ++count) {
    storage::Checkpoint part = task->second.changes->next_part();
    bytes += part.bytes();
    ++on_way_;
    const auto done = [self = shared_from_this(), changes = task->second.changes](
                          const Status& status) { self->answered(changes, status); };
    if (submit(std::move(part), done)) continue;
    --on_way_;
    has_failed_ = true;  // no room now: made again at a later tick
    break;
  }
  lock.unlock();
  answered(nullptr, {});
}

void FrozenJournal::answered(const std::shared_ptr<FrozenChanges>& changes, const Status& status) {
  std::unique_lock lock(mutex_);
  --on_way_;
  // The journal remains.
  if (!status && status.error().code == ErrorCode::ShuttingDown) return;
  const bool is_dropped = !status && status.error().code == ErrorCode::FencedTask;
  if (changes && status) changes->part_is_stored();
  if (changes && (is_dropped || changes->is_finished())) {
    const auto task = tasks_.find(changes->task());
    if (task != tasks_.end()) forget(task);
  } else if (!status) {
    has_failed_ = true;
    lane_->note_failure(range_.journal, status.error());
  }
  if (on_way_ > 0) return;
  const bool has_failed = has_failed_;
  lock.unlock();
  if (has_failed) {
    end_turn();
    phase_ = Phase::Stuck;
    return;
  }
  lane_->note_success();
  write_some();
}

void FrozenJournal::write_end() {
  if (range_.afterwards == Range::Journal::IsKept) {
    end_turn();
    phase_ = Phase::Finished;
    return;
  }
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
                      // The next checkpoint trims what this one left.
                      if (!trimmed && trimmed.error().code != ErrorCode::ShuttingDown)
                        self->lane_->note_failure(self->range_.journal, trimmed.error());
                      self->phase_ = Phase::Finished;
                    });
}

// Tried again at a later tick.
void FrozenJournal::failed(const Error& error) {
  if (error.code == ErrorCode::ShuttingDown) return;  // the journal remains
  lane_->note_failure(range_.journal, error);
  end_turn();
  phase_ = Phase::Stuck;
}

// One that waits to be tried again holds nothing.
void FrozenJournal::end_turn() {
  {
    std::lock_guard lock(mutex_);
    for (auto& [name, task] : tasks_) task.changes.reset();
    memory_bytes_ = 0;
  }
  lane_->leave(range_.size_bytes);
}

void FrozenJournal::drop(const std::string& prefix) {
  std::lock_guard lock(mutex_);
  for (auto task = tasks_.lower_bound(prefix);
       task != tasks_.end() && task->first.starts_with(prefix);)
    task = forget(task);
}

// Under the mutex.
FrozenJournal::Tasks::iterator FrozenJournal::forget(Tasks::iterator task) {
  if (task->second.changes) memory_bytes_ -= task->second.changes->size_bytes();
  return tasks_.erase(task);
}

}  // namespace server
