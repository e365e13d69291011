#include "server/tasks/journal_checkpoints.h"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <deque>

#include "base/log.h"
#include "server/tasks/frozen_changes.h"
#include "storage/log/task_journal.h"

namespace server {

namespace {

// Changes are gathered in pieces of about this size.
constexpr size_t kPieceBytes = 256 << 10;
// What an entry counts beside its changes.
constexpr size_t kEntryBytes = 64;
// So much of a checkpoint is with the state store at a time.
constexpr size_t kTasksAtOnce = 500, kBytesAtOnce = 4 << 20;

size_t size_of(const storage::Checkpoint& part) {
  size_t bytes = part.scalars.size();
  for (const storage::StateEntry& entry : part.entries)
    bytes += entry.key.size() + (entry.value ? entry.value->size() : 0);
  return bytes;
}

}  // namespace

void move_position(engine::JournalEntry& position, engine::JournalEntry entry) {
  for (const engine::InputPosition& moved : entry.positions) {
    const auto known =
        std::ranges::find_if(position.positions, [&](const engine::InputPosition& one) {
          return one.input == moved.input && one.partition == moved.partition;
        });
    assert(known == position.positions.end() || known->next <= moved.next);
    known == position.positions.end() ? position.positions.push_back(moved) : void(*known = moved);
  }
  if (!entry.scalars.empty()) position.scalars = std::move(entry.scalars);
  engine::merge_sequences(position.outputs, entry.outputs);
}

// --- What is on its way

// Threads: phase() and what is const any. The rest is called by one at a time, the mutex sees to that: the
//          shard, the state writer, and who drops tasks.
class JournalCheckpoints::Frozen : public std::enable_shared_from_this<Frozen> {
 public:
  enum class Phase : uint8_t { Stuck, Writing, Finished };
  Frozen(PartitionId journal, std::shared_ptr<CheckpointLane> lane, Offset end, size_t bytes,
         int64_t since_us)
      : bytes_(bytes), since_us_(since_us), end_(end), journal_(journal), lane_(std::move(lane)) {}

  void add(std::shared_ptr<FrozenChanges> changes, size_t bytes, int64_t since_us) {
    of_tasks_.emplace(changes->task(), std::pair(bytes, since_us));
    tasks_.push_back(std::move(changes));
  }
  // Begins, or goes on after it was stuck.
  void write();
  void drop(const std::string& prefix);

  Phase phase() const { return phase_; }
  Offset end() const { return end_; }
  Backlog backlog(int64_t now_us) const { return {bytes_, now_us - since_us_}; }
  Backlog backlog_of(const std::string& task, int64_t now_us) const {
    const auto found = of_tasks_.find(task);
    if (found == of_tasks_.end()) return {};
    return {found->second.first, now_us - found->second.second};
  }

 private:
  void write_some();
  void write_end();
  void answered(FrozenChanges* changes, const Status& status);
  void trim();
  void failed(const Error& error);
  // False when the state store has no room.
  bool submit(storage::Checkpoint checkpoint, std::function<void(Status)> done) {
    return lane_->state().try_checkpoint(checkpoint, done);
  }

  const size_t bytes_;
  const int64_t since_us_;
  const Offset end_;
  const PartitionId journal_;
  const std::shared_ptr<CheckpointLane> lane_;
  std::map<std::string, std::pair<size_t, int64_t>> of_tasks_;  // bytes, and since when
  std::atomic<Phase> phase_{Phase::Stuck};

  std::mutex mutex_;
  // Guarded by mutex_
  std::deque<std::shared_ptr<FrozenChanges>> tasks_;  // that are not finished
  size_t on_way_ = 0;
  bool has_failed_ = false;
};

// What there is to do is much, and not for a loop: it is done on the state writer's thread, which an empty
// checkpoint leads to.
void JournalCheckpoints::Frozen::write() {
  phase_ = Phase::Writing;
  const auto there = [self = shared_from_this()](const Status& status) {
    status ? self->write_some() : self->failed(status.error());
  };
  if (!submit({}, there)) phase_ = Phase::Stuck;
}

// Tried again at a later tick.
void JournalCheckpoints::Frozen::failed(const Error& error) {
  if (error.code == ErrorCode::ShuttingDown) return;  // the journal remains
  lane_->note_failure(journal_, error);
  phase_ = Phase::Stuck;
}

// Under the mutex while it submits: nothing of a task that is dropped comes after the drop.
void JournalCheckpoints::Frozen::write_some() {
  std::unique_lock lock(mutex_);
  if (tasks_.empty()) return write_end();
  has_failed_ = false;
  size_t bytes = 0;
  ++on_way_;  // until all are submitted
  for (size_t i = 0; i < std::min(tasks_.size(), kTasksAtOnce) && bytes < kBytesAtOnce; ++i) {
    storage::Checkpoint part = tasks_[i]->next_part();
    bytes += size_of(part);
    ++on_way_;
    const auto done = [self = shared_from_this(), changes = tasks_[i].get()](const Status& status) {
      self->answered(changes, status);
    };
    if (submit(std::move(part), done)) continue;
    --on_way_;
    has_failed_ = true;  // no room now: made again at a later tick
    break;
  }
  lock.unlock();
  answered(nullptr, {});
}

void JournalCheckpoints::Frozen::answered(FrozenChanges* changes, const Status& status) {
  std::unique_lock lock(mutex_);
  --on_way_;
  // The journal remains.
  if (!status && status.error().code == ErrorCode::ShuttingDown) return;
  const bool is_dropped = !status && status.error().code == ErrorCode::FencedTask;
  if (changes != nullptr && (status || is_dropped)) {
    if (status) changes->part_is_stored();
    if (is_dropped || changes->is_finished())
      std::erase_if(tasks_, [&](const auto& task) { return task.get() == changes; });
  } else if (!status) {
    has_failed_ = true;
    lane_->note_failure(journal_, status.error());
  }
  if (on_way_ > 0) return;
  if (has_failed_) {
    phase_ = Phase::Stuck;
    return;
  }
  lane_->note_success();
  lock.unlock();
  write_some();
}

// Under the mutex.
void JournalCheckpoints::Frozen::write_end() {
  storage::Checkpoint last;
  last.journal_end = {journal_, end_};
  const auto done = [self = shared_from_this()](const Status& status) {
    status ? self->trim() : self->failed(status.error());
  };
  if (!submit(std::move(last), done)) phase_ = Phase::Stuck;
}

void JournalCheckpoints::Frozen::trim() {
  lane_->log().trim({storage::journal_partition(journal_), end_},
                    [self = shared_from_this()](const Status& trimmed) {
                      // The next checkpoint trims what this one left.
                      if (!trimmed && trimmed.error().code != ErrorCode::ShuttingDown)
                        self->lane_->note_failure(self->journal_, trimmed.error());
                      self->phase_ = Phase::Finished;
                    });
}

// What is on its way is fenced by the state store.
void JournalCheckpoints::Frozen::drop(const std::string& prefix) {
  std::lock_guard lock(mutex_);
  std::erase_if(tasks_, [&](const auto& task) { return task->task().starts_with(prefix); });
}

// --- Gathering

void JournalCheckpoints::recover(const FirstEntries& tasks) {
  if (const Status read = read_journal(tasks); !read) give_up(read.error());
}

void JournalCheckpoints::give_up(const Error& why) {
  is_broken_ = true;
  gathered_.clear();
  gathered_bytes_ = 0;
  log_error("a journal cannot be read journal={} error=\"{}\"", journal_.value(), why.message);
}

Status JournalCheckpoints::read_journal(const FirstEntries& tasks) {
  const auto reader = TRY(open_journal(lane_->log(), lane_->state(), journal_));
  finished_ = end_ = reader->start();
  absl::flat_hash_map<std::string, TaskSequence> stored;  // what is in checkpoints
  return reader->read([&](const storage::JournalRecord& record) -> Status {
    end_ = record.offset + 1;
    const auto found = find_task(tasks, record);
    if (found == tasks.end()) return {};
    const std::string& task = found->first;
    const auto [position, is_new] = stored.try_emplace(task);
    if (is_new) {
      const storage::CheckpointPosition checkpoint = TRY(lane_->state().position_of(task));
      const TaskPosition last = TRY(read_position(checkpoint));
      position->second = last.sequence;
      begin_after(task, last.position);
    }
    if (record.sequence <= position->second) return {};
    add({task, journal_, record.offset, record.sequence,
         TRY(engine::decode_journal(record.entry))});
    return {};
  });
}

void JournalCheckpoints::begin_after(const std::string& task, engine::JournalEntry position) {
  positions_.try_emplace(task, std::move(position));
}

void JournalCheckpoints::add(LogSink::Durable commit) {
  if (is_broken_) return;
  const int64_t now_us = lane_->clock().monotonic_us();
  assert(commit.journal == journal_ && commit.offset + 1 >= end_);
  if (gathered_bytes_ == 0) since_us_ = now_us;
  end_ = commit.offset + 1;
  const auto [place, is_new] = gathered_.try_emplace(commit.task);
  Gathered& gathered = place->second;
  assert(commit.sequence > gathered.last);  // what is in a checkpoint is not added again
  if (is_new) gathered.since_us = now_us;
  gathered.last = commit.sequence;
  const size_t bytes = kEntryBytes + commit.entry.changes.bytes().size();
  gathered.bytes += bytes;
  gathered_bytes_ += bytes;
  if (!commit.entry.changes.empty()) {
    std::string changes = std::move(commit.entry.changes).take_bytes();
    const bool fits =
        !gathered.changes.empty() && gathered.changes.back().size() + changes.size() <= kPieceBytes;
    fits ? void(gathered.changes.back() += changes)
         : gathered.changes.push_back(std::move(changes));
  }
  move_position(positions_[commit.task], std::move(commit.entry));
}

std::function<void()> JournalCheckpoints::drop(const std::string& prefix) {
  for (auto found = gathered_.lower_bound(prefix);
       found != gathered_.end() && found->first.starts_with(prefix);) {
    gathered_bytes_ -= found->second.bytes;
    found = gathered_.erase(found);
  }
  absl::erase_if(positions_,
                 [&](const auto& position) { return position.first.starts_with(prefix); });
  return [frozen = frozen_, prefix] {
    if (frozen) frozen->drop(prefix);
  };
}

JournalCheckpoints::Backlog JournalCheckpoints::backlog() const {
  const int64_t now_us = lane_->clock().monotonic_us();
  Backlog backlog{gathered_bytes_};
  if (gathered_bytes_ > 0) backlog.age_us = now_us - since_us_;
  // What is frozen is older than what has gathered since.
  if (frozen_) {
    const Backlog older = frozen_->backlog(now_us);
    backlog = {backlog.journal_bytes + older.journal_bytes, older.age_us};
  }
  return backlog;
}

JournalCheckpoints::Backlog JournalCheckpoints::backlog_of(const std::string& task) const {
  const int64_t now_us = lane_->clock().monotonic_us();
  Backlog backlog;
  if (const auto found = gathered_.find(task); found != gathered_.end())
    backlog = {found->second.bytes, now_us - found->second.since_us};
  if (!frozen_) return backlog;
  const Backlog older = frozen_->backlog_of(task, now_us);
  return {backlog.journal_bytes + older.journal_bytes,
          older.age_us ? older.age_us : backlog.age_us};
}

void JournalCheckpoints::tick(Memory memory) {
  if (frozen_) {
    const Frozen::Phase phase = frozen_->phase();
    if (phase == Frozen::Phase::Writing) return;
    if (phase == Frozen::Phase::Stuck) {
      if (lane_->may_try()) frozen_->write();
      return;
    }
    finished_ = frozen_->end();
    frozen_.reset();
  }
  if (!is_dirty()) return;
  const bool is_old =
      lane_->clock().monotonic_us() - since_us_ > lane_->policy().interval_ms * 1000;
  if ((gathered_bytes_ >= enough_bytes(memory) || is_old) && lane_->may_try()) begin();
}

void JournalCheckpoints::begin() {
  frozen_ = std::make_shared<Frozen>(journal_, lane_, end_, gathered_bytes_, since_us_);
  for (auto& [task, gathered] : gathered_)
    frozen_->add(std::make_shared<FrozenChanges>(task, std::move(gathered.changes), gathered.last,
                                                 engine::encode_journal(positions_.at(task))),
                 gathered.bytes, gathered.since_us);
  gathered_.clear();
  gathered_bytes_ = 0;
  frozen_->write();
}

}  // namespace server
