#include "server/tasks/journal_checkpoints.h"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <cassert>

#include "base/log.h"
#include "storage/log/task_journal.h"

namespace server {

namespace {

// The size of a commit in the journal beyond the size of its entry: batch header, sequence number
// and task id.
constexpr size_t kEntryBytes = 100;
// If less than journal_bytes / kHandfulFraction waits for a checkpoint, the checkpoint may be
// kHandfulIntervals times as late.
constexpr size_t kHandfulFraction = 64;
constexpr int64_t kHandfulIntervals = 30;

using Journal = FrozenJournal::Range::Journal;

const std::string& id_of(const std::string& task) { return task; }
template <class Value>
const std::string& id_of(const std::pair<const std::string, Value>& entry) {
  return entry.first;
}
template <class Tasks>
void erase_tasks(Tasks& tasks, const std::string& prefix) {
  auto task = tasks.lower_bound(prefix);
  while (task != tasks.end() && id_of(*task).starts_with(prefix)) task = tasks.erase(task);
}

}  // namespace

// --- Commits that no checkpoint contains yet

void JournalCheckpoints::recover(const FirstEntries& tasks) {
  const auto reader = open_journal(lane_->log(), lane_->state(), journal_);
  if (!reader) return lose_all(reader.error());
  finished_ = (*reader)->start();
  // It is unknown to which task a damaged entry belongs. It may be any task that existed at that
  // point, so all these tasks are lost. Tasks that began after the damage are complete, so the
  // journal is read again from the first entry of these tasks.
  for (Offset first = finished_; first < Offset{INT64_MAX};) {
    const Status read = read_journal(**reader, first, tasks);
    if (read) break;
    const Offset damaged = end_;  // at or after the damage
    first = Offset{INT64_MAX};
    for (const auto& [task, its_first] : tasks)
      its_first <= damaged ? note_lost(task, read.error())
                           : void(first = std::min(first, its_first));
    log_error("a journal is damaged journal={} tasks={} error=\"{}\"", journal_.value(),
              lost_.size(), read.error().message);
  }
  const auto journal = lane_->log().find_partition(storage::journal_partition(journal_));
  if (journal) end_ = journal->log_end();
}

// Reads the journal from `first` on. Records only the places of each task's commits, and does not
// decode the entries.
Status JournalCheckpoints::read_journal(storage::JournalReader& reader, Offset first,
                                        const FirstEntries& tasks) {
  waiting_ = {};
  end_ = first;
  // For each task: the last commit that its checkpoint contains.
  absl::flat_hash_map<std::string, TaskSequence> stored;
  return reader.read(first, [&](const storage::JournalRecord& record) -> Status {
    end_ = record.offset + 1;
    const auto found = find_task(tasks, record);
    if (found == tasks.end()) {
      holds_gone_ = true;
      return {};
    }
    const std::string& task = found->first;
    if (lost_.contains(task)) return {};
    const auto [position, is_new] = stored.try_emplace(task);
    if (is_new) {
      const auto checkpoint = lane_->state().position_of(task);
      if (checkpoint)
        position->second = checkpoint->position;
      else
        lose(task, checkpoint.error());
    }
    if (!lost_.contains(task) && record.sequence > position->second)
      add({task, journal_, record.offset, record.sequence, record.entry.size()});
    return {};
  });
}

// --- Lost tasks

void JournalCheckpoints::note_lost(const std::string& task, const Error& why) {
  if (!lost_.insert(task).second) return;
  has_lost_ = true;
  waiting_.erase(task);
  on_way_.erase(task);
  stored_.erase(task);
  lane_->lost().add(task, why);
}

void JournalCheckpoints::lose(const std::string& task, const Error& why) {
  log_error("the commits of a task are damaged task={} error=\"{}\"", task, why.message);
  note_lost(task, why);
}

void JournalCheckpoints::lose_all(const Error& why) {
  is_broken_ = has_lost_ = true;
  waiting_ = on_way_ = {};
  log_error("a journal cannot be read journal={} error=\"{}\"", journal_.value(), why.message);
  lane_->lost().add_all_of(journal_, why);
}

std::optional<Error> JournalCheckpoints::why_lost(const std::string& task) const {
  return is_lost(task) ? lane_->lost().find(task, journal_) : std::nullopt;
}

void JournalCheckpoints::lose_older_than(Offset end, const Error& why) {
  const auto tasks = lane_->log().tasks();
  if (!tasks) return lose_all(why);
  for (const storage::Log::StoredTask& task : *tasks)
    if (task.journal == journal_ && task.first_entry < end) note_lost(task.id, why);
  log_error("a journal is damaged journal={} tasks={} error=\"{}\"", journal_.value(), lost_.size(),
            why.message);
}

// Called when the checkpoint has found damage. The commits of tasks that are not lost become part
// of the next checkpoint.
void JournalCheckpoints::take_damage(const FrozenJournal& damaged) {
  const auto& [why, task] = damaged.damage();
  task.empty() ? lose_older_than(damaged.range().end_offset, why) : lose(task, why);
  waiting_.add(on_way_);
}

void JournalCheckpoints::Stretch::erase(const std::string& task) {
  const auto found = tasks.find(task);
  if (found == tasks.end()) return;
  bytes -= found->second.bytes;
  tasks.erase(found);
}

void JournalCheckpoints::Stretch::add(const Stretch& older) {
  if (older.bytes > 0) since_us = bytes > 0 ? std::min(since_us, older.since_us) : older.since_us;
  bytes += older.bytes;
  for (const auto& [task, commits] : older.tasks) {
    const auto [place, is_new] = tasks.try_emplace(task, commits);
    if (is_new) continue;
    place->second.range.first = commits.range.first;
    place->second.bytes += commits.bytes;
    place->second.since_us = commits.since_us;
  }
}

// --- Commits

void JournalCheckpoints::add(const DurableCommit& commit) {
  if (is_broken_) return;
  const int64_t now_us = lane_->clock().monotonic_us();
  assert(commit.journal == journal_ && commit.offset + 1 >= end_);
  end_ = commit.offset + 1;
  if (lost_.contains(commit.task)) return;  // the task was lost while this commit was in progress
  const size_t bytes = kEntryBytes + commit.entry_bytes;
  if (waiting_.bytes == 0) waiting_.since_us = now_us;
  waiting_.bytes += bytes;
  const auto [place, is_new] = waiting_.tasks.try_emplace(commit.task);
  Commits& commits = place->second;
  if (is_new) commits = {{commit.offset, {}}, 0, now_us};
  assert(commit.sequence > commits.range.last);  // commits in a checkpoint are not added again
  commits.range.last = commit.sequence;
  commits.bytes += bytes;
}

void JournalCheckpoints::Stretch::drop(const std::string& prefix) {
  for (auto task = tasks.lower_bound(prefix);
       task != tasks.end() && task->first.starts_with(prefix); ++task)
    bytes -= task->second.bytes;
  erase_tasks(tasks, prefix);
}

std::function<void()> JournalCheckpoints::drop(const std::string& prefix) {
  const size_t bytes = waiting_.bytes + on_way_.bytes;
  waiting_.drop(prefix);
  on_way_.drop(prefix);
  const size_t lost = lost_.size();
  erase_tasks(lost_, prefix);
  holds_gone_ |= waiting_.bytes + on_way_.bytes < bytes || lost_.size() < lost;
  erase_tasks(stored_, prefix);
  lane_->lost().drop(prefix);
  return [frozen = frozen_, prefix] {
    if (frozen) frozen->drop(prefix);
  };
}

JournalCheckpoints::Backlog JournalCheckpoints::Stretch::backlog(int64_t now_us) const {
  return bytes > 0 ? Backlog{bytes, now_us - since_us} : Backlog{};
}

JournalCheckpoints::Backlog JournalCheckpoints::Stretch::backlog_of(const std::string& task,
                                                                    int64_t now_us) const {
  const auto found = tasks.find(task);
  if (found == tasks.end()) return {};
  return {found->second.bytes, now_us - found->second.since_us};
}

// Adds two backlogs. `older` contains the commits of the checkpoint in progress, so its age counts
// if it has one.
JournalCheckpoints::Backlog JournalCheckpoints::sum(const Backlog& older, const Backlog& newer) {
  return {older.journal_bytes + newer.journal_bytes, older.age_us ? older.age_us : newer.age_us};
}

JournalCheckpoints::Backlog JournalCheckpoints::backlog() const {
  const int64_t now_us = lane_->clock().monotonic_us();
  return sum(on_way_.backlog(now_us), waiting_.backlog(now_us));
}

JournalCheckpoints::Backlog JournalCheckpoints::backlog_of(const std::string& task) const {
  const int64_t now_us = lane_->clock().monotonic_us();
  return sum(on_way_.backlog_of(task, now_us), waiting_.backlog_of(task, now_us));
}

// --- Checkpoints

void JournalCheckpoints::tick(Memory memory) {
  if (frozen_ && look_after_frozen() == Frozen::IsThere) return;
  if (!is_dirty()) return;
  // A checkpoint of little data is delayed: it costs as many syncs as a large one, and a restart
  // reads little data quickly. If only data of dropped tasks must be trimmed, the delay does not
  // apply.
  const bool is_handful = waiting_.bytes < journal_bytes() / kHandfulFraction && !holds_gone_;
  const int64_t age_us = lane_->clock().monotonic_us() - waiting_.since_us;
  const bool is_old =
      age_us > lane_->policy().interval_ms * 1000 * (is_handful ? kHandfulIntervals : 1);
  if ((waiting_.bytes >= enough_bytes(memory) || is_old) && lane_->may_try()) begin();
}

JournalCheckpoints::Frozen JournalCheckpoints::look_after_frozen() {
  switch (frozen_->phase()) {
    case FrozenJournal::Phase::Writing:
      return Frozen::IsThere;
    case FrozenJournal::Phase::Stuck:
      if (lane_->may_try()) frozen_->write();
      return Frozen::IsThere;
    case FrozenJournal::Phase::Damaged:
      take_damage(*frozen_);
      break;
    case FrozenJournal::Phase::Finished:
      assert(finished_ <= frozen_->range().end_offset && frozen_->range().end_offset <= end_);
      if (frozen_->range().afterwards == Journal::IsTrimmed)
        finished_ = frozen_->range().end_offset;
      for (const auto& [task, commits] : on_way_.tasks) stored_[task] = commits.range.last;
  }
  frozen_.reset();
  on_way_ = {};
  return Frozen::IsGone;
}

void JournalCheckpoints::begin() {
  assert(!frozen_ && !is_broken_);  // a second checkpoint would trim what the first one reads
  std::map<std::string, FrozenJournal::Commits> tasks;
  for (const auto& [task, commits] : waiting_.tasks) tasks.emplace(task, commits.range);
  const FrozenJournal::Range range{journal_, end_, waiting_.bytes,
                                   lost_.empty() ? Journal::IsTrimmed : Journal::IsKept};
  frozen_ = std::make_shared<FrozenJournal>(lane_, range, tasks);
  on_way_ = std::exchange(waiting_, {});
  holds_gone_ = false;
  frozen_->write();
}

std::vector<std::pair<std::string, TaskSequence>> JournalCheckpoints::take_stored() {
  std::vector<std::pair<std::string, TaskSequence>> taken(stored_.begin(), stored_.end());
  stored_.clear();
  return taken;
}

}  // namespace server
