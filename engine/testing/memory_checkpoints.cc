#include "engine/testing/memory_checkpoints.h"

namespace engine {

void MemoryBacking::apply(const StateEntry& entry) {
  switch (entry.kind) {
    case StateEntry::Kind::Put:
      entries_[std::string(entry.key)] = entry.value;
      return;
    case StateEntry::Kind::Delete:
      entries_.erase(std::string(entry.key));
      return;
    case StateEntry::Kind::DeleteBelow:
      entries_.erase(entries_.begin(), entries_.lower_bound(std::string(entry.key)));
      return;
  }
}

Result<std::optional<std::string_view>> MemoryBacking::get(std::string_view key) {
  ++reads_;
  const auto found = entries_.find(std::string(key));
  if (found == entries_.end()) return std::nullopt;
  return found->second;
}

Result<bool> MemoryBacking::scan(std::string& place, const Visit& visit) {
  for (auto at = entries_.lower_bound(place); at != entries_.end(); ++at) {
    if (visit(at->first, at->second)) continue;
    place = at->first + '\0';
    return true;
  }
  return false;
}

MemoryBacking& MemoryCheckpoints::store(const std::string& task, uint32_t store) {
  return stores_[{task, store}];
}

void MemoryCheckpoints::add(const std::string& task, TaskSequence commit,
                            const JournalEntry& entry) {
  StateChangeReader changes(entry.changes.bytes());
  for (StateEntry changed; changes.next(changed);) store(task, changed.store).apply(changed);
  stored_[task] = commit;
}

void MemoryCheckpoints::shrink(Task& task, size_t max_entries) {
  task.note_stored(stored_[task.id()]);
  for (Store* store : task.stage().stores())
    for (int round = 0; round < 2 && store->layers().live() > max_entries; ++round)
      store->evict(SIZE_MAX);  // entries that were used are evicted in the second round
}

bool CheckpointingSink::try_commit(TaskCommit& commit, CommitDone& done) {
  CommitDone then = [this, task = commit.task, sequence = commit.sequence, journal = commit.journal,
                     done](Result<CommitId> result) {
    if (result)
      if (const auto entry = decode_journal(journal)) checkpoints_.add(task, sequence, *entry);
    done(std::move(result));
  };
  return under_.try_commit(commit, then);
}

}  // namespace engine
