#include "server/tasks/journal_checkpoints.h"

#include <absl/container/flat_hash_map.h>

#include <cassert>

#include "base/log.h"
#include "storage/log/task_journal.h"

namespace server {

namespace {

// What a commit takes in the journal beside its entry: the head of the batch, sequence and name.
constexpr size_t kEntryBytes = 100;
// So much less than is worth a checkpoint waits so many times as long.
constexpr size_t kHandfulFraction = 64;
constexpr int64_t kHandfulIntervals = 30;

template <class Map>
void erase_tasks(Map& tasks, const std::string& prefix) {
  auto task = tasks.lower_bound(prefix);
  while (task != tasks.end() && task->first.starts_with(prefix)) task = tasks.erase(task);
}

}  // namespace

// --- What waits

void JournalCheckpoints::recover(const FirstEntries& tasks) {
  if (const Status read = read_journal(tasks); !read) give_up(read.error());
}

void JournalCheckpoints::give_up(const Error& why) {
  is_broken_ = true;
  waiting_ = {};
  log_error("a journal cannot be read journal={} error=\"{}\"", journal_.value(), why.message);
}

// Neither decodes entries nor keeps anything of them.
Status JournalCheckpoints::read_journal(const FirstEntries& tasks) {
  const auto reader = TRY(open_journal(lane_->log(), lane_->state(), journal_));
  finished_ = end_ = reader->start();
  absl::flat_hash_map<std::string, TaskSequence> stored;  // what is in checkpoints
  return reader->read([&](const storage::JournalRecord& record) -> Status {
    end_ = record.offset + 1;
    const auto found = find_task(tasks, record);
    if (found == tasks.end()) {
      holds_gone_ = true;
      return {};
    }
    const std::string& task = found->first;
    const auto [position, is_new] = stored.try_emplace(task);
    if (is_new) position->second = TRY(lane_->state().position_of(task)).position;
    if (record.sequence > position->second)
      add({task, journal_, record.offset, record.sequence, record.entry.size()});
    return {};
  });
}

void JournalCheckpoints::add(const LogSink::Durable& commit) {
  if (is_broken_) return;
  const int64_t now_us = lane_->clock().monotonic_us();
  assert(commit.journal == journal_ && commit.offset + 1 >= end_);
  end_ = commit.offset + 1;
  const size_t bytes = kEntryBytes + commit.entry_bytes;
  if (waiting_.bytes == 0) waiting_.since_us = now_us;
  waiting_.bytes += bytes;
  const auto [place, is_new] = waiting_.tasks.try_emplace(commit.task);
  Commits& commits = place->second;
  if (is_new) commits = {{commit.offset, {}}, 0, now_us};
  assert(commit.sequence > commits.range.last);  // what is in a checkpoint is not added again
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
  holds_gone_ |= waiting_.bytes + on_way_.bytes < bytes;
  erase_tasks(stored_, prefix);
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

// What is on its way is older than what has come since.
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
  // A checkpoint of a handful costs as many syncs as one of much, and a restart reads it in no time. What
  // is of nobody any more does not stay for that.
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
      give_up(frozen_->damage());
      break;
    case FrozenJournal::Phase::Finished:
      finished_ = frozen_->end_offset();
      for (const auto& [task, commits] : on_way_.tasks) stored_[task] = commits.range.last;
  }
  frozen_.reset();
  on_way_ = {};
  return Frozen::IsGone;
}

void JournalCheckpoints::begin() {
  std::map<std::string, FrozenJournal::Commits> tasks;
  for (const auto& [task, commits] : waiting_.tasks) tasks.emplace(task, commits.range);
  frozen_ = std::make_shared<FrozenJournal>(
      lane_, FrozenJournal::Range{journal_, finished_, end_, waiting_.bytes}, tasks);
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
