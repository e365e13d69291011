#include "server/tasks/journal_tail.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "server/tasks/frozen_changes.h"

namespace server {

namespace {

constexpr size_t kRestoredPieceBytes =
    256 << 10;  // a checkpoint is restored in pieces of about this size

}  // namespace

Result<std::unique_ptr<storage::JournalReader>> open_journal(storage::Log& log,
                                                             const storage::StateStore& state,
                                                             PartitionId journal) {
  // The journal is opened before the state store is read. If a checkpoint completes in between, the
  // state store is newer than the opened journal, which does no harm. In the opposite order,
  // entries that the checkpoint has removed from the journal would be in neither of the two.
  auto reader = TRY(storage::JournalReader::open(log, journal));
  const storage::StateStore::JournalEnds ends = TRY(state.journal_ends());
  const auto end = ends.find(journal);
  if (reader->start() > (end == ends.end() ? Offset{0} : end->second))
    return Error{ErrorCode::StorageFailure,
                 fmt::format("the journal {} begins at {}, but the state contains it up to {}",
                             journal.value(), reader->start().value(),
                             end == ends.end() ? 0 : end->second.value()),
                 {},
                 "log.mdb and state.mdb belong together. Restore both from the same backup."};
  return reader;
}

FirstEntries::const_iterator find_task(const FirstEntries& tasks,
                                       const storage::JournalRecord& record) {
  const auto found = tasks.find(std::string(record.task));
  return found == tasks.end() || record.offset < found->second ? tasks.end() : found;
}

Status check_follows(TaskSequence last, TaskSequence next, std::string_view task) {
  if (next == last + 1) return {};
  return Error{ErrorCode::CorruptRecord,
               fmt::format("the journal of {} has a gap after entry {}", task, last.value())};
}

Result<TaskPosition> read_position(const storage::CheckpointPosition& stored) {
  TaskPosition position{stored.position, {}};
  if (!stored.scalars.empty()) position.position = TRY(engine::decode_journal(stored.scalars));
  return position;
}

Result<std::shared_ptr<const JournalTail>> JournalTail::read(storage::Log& log,
                                                             const storage::StateStore& state,
                                                             PartitionId journal,
                                                             const FirstEntries& tasks) {
  auto tail = std::make_shared<JournalTail>();
  tail->reader_ = TRY(open_journal(log, state, journal));
  const auto keep = [&](const storage::JournalRecord& record) -> Status {
    if (const auto found = find_task(tasks, record); found != tasks.end())
      tail->commits_[found->first].push_back({record.sequence, record.entry});
    return {};
  };
  // The journal is read from the first entry of these tasks on, because earlier entries may be
  // damaged and are not needed.
  Offset first{INT64_MAX};
  for (const auto& [task, its_first] : tasks) first = std::min(first, its_first);
  TRY(tail->reader_->read(first, keep));
  return std::shared_ptr<const JournalTail>(std::move(tail));
}

// The journal was read before this checkpoint is read. If another checkpoint completed in between,
// it contains the entries that it has removed from the journal. In the opposite order, these
// entries would be in neither of the two.
Result<TaskSequence> JournalTail::restore(const std::string& task, const storage::StateStore& state,
                                          Target& target) const {
  const storage::CheckpointPosition stored = TRY(state.position_of(task));
  const TaskPosition known = TRY(read_position(stored));
  target.begin(known.position);
  const auto wants = [&](std::string_view store) { return target.loads(store_number(store)); };
  // Restores the checkpoint in pieces.
  engine::JournalEntry some;
  const auto restore_some = [&]() -> Status {
    const engine::JournalEntry taken = std::exchange(some, {});
    return taken.changes.empty() ? Status{} : target.restore(taken, TaskSequence{0});
  };
  const auto take = [&](std::string_view store, std::string_view key,
                        std::string_view value) -> Status {
    some.changes.append({store_number(store), engine::StateEntry::Kind::Put, key, value});
    return some.changes.bytes().size() < kRestoredPieceBytes ? Status{} : restore_some();
  };
  const storage::CheckpointPosition checkpoint = TRY(state.load(task, wants, take));
  TRY(restore_some());
  const TaskPosition position = TRY(read_position(checkpoint));
  if (!checkpoint.scalars.empty()) TRY(target.restore(position.position, position.sequence));
  TaskSequence last = position.sequence;
  const auto commits = commits_.find(task);
  if (commits == commits_.end()) return last;
  for (const Commit& commit : commits->second) {
    if (commit.sequence <= checkpoint.position) continue;
    TRY(check_follows(last, commit.sequence, task));
    const engine::JournalEntry entry = TRY(engine::decode_journal(commit.entry));
    last = commit.sequence;
    TRY(target.restore(entry, commit.sequence));
  }
  return last;
}

}  // namespace server
