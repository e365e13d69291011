#include "server/node/journal_owners.h"

#include <utility>

#include "storage/log/task_journal.h"
#include "storage/replica/plan_mark.h"

namespace server {

namespace {

constexpr size_t kMostUndelivered = 16 << 20;  // limit for the undelivered bytes of one task

}  // namespace

JournalOwners::Journal& JournalOwners::journal(PartitionId number) {
  auto& found = all_[number];
  if (!found) found = std::make_unique<Journal>(*this, number);
  return *found;
}

storage::JournalOwnerPort* JournalOwners::tasks_of(const storage::TopicPartition& partition) {
  if (partition.topic != storage::kReplicatedJournal || journals_ == nullptr) return nullptr;
  return &journal(partition.partition);
}

void JournalOwners::owns(const storage::TopicPartition& of, storage::JournalOwner* owner) {
  Journal& its = journal(of.partition);
  if (owner == nullptr && its.is_open) its.closed();
  its.owner = owner;
}

void JournalOwners::tick() {
  for (const auto& [number, journal] : all_)
    if (journal->is_open) {
      journal->commit_waiting();
      journal->end_fences();
    }
}

void JournalOwners::propose(PartitionId number, Term term, storage::ReplicatedCommit commit) {
  const auto kept = std::make_shared<storage::ReplicatedCommit>(std::move(commit));
  member_.run_soon([this, number, term, kept] {
    Journal& its = journal(number);
    if (!its.is_term(term)) return;
    its.waiting[kept->task].push_back(std::move(*kept));
    its.commit_waiting();
  });
}

void JournalOwners::write_piece(PartitionId number, Term term, storage::SnapshotPiece piece,
                                std::string content, std::function<void(bool)> done) {
  const auto kept = std::make_shared<std::string>(std::move(content));
  member_.run_soon([this, number, term, piece, kept, done = std::move(done)]() mutable {
    Journal& its = journal(number);
    if (!its.is_term(term) || !its.owner->is_open()) return done(false);
    piece.content = *kept;
    const auto barrier = std::make_shared<std::function<void(bool)>>(std::move(done));
    its.barriers.push_back(barrier);
    its.owner->write_piece(piece, [&its, barrier] {
      if (std::erase(its.barriers, barrier) > 0) (*barrier)(true);
    });
  });
}

void JournalOwners::when_visible(PartitionId number, Term term, std::function<void(bool)> done) {
  member_.run_soon([this, number, term, done = std::move(done)]() mutable {
    Journal& its = journal(number);
    if (!its.is_term(term)) return done(false);
    its.before_barriers.push_back(std::make_shared<std::function<void(bool)>>(std::move(done)));
    its.commit_waiting();
  });
}

// Writes a mark (plan_mark) after all proposed commits, so the fence also waits for their outputs.
void JournalOwners::fence(PartitionId number, Revision revision, std::function<void(bool)> done) {
  const auto fence_now = [this, number, revision, done](bool is_visible) {
    Journal& its = journal(number);
    if (!is_visible || !its.is_open || !its.owner->is_open()) return done(false);
    const auto barrier = std::make_shared<std::function<void(bool)>>(done);
    its.barriers.push_back(barrier);
    its.owner->write_mark(storage::plan_mark(revision), [&its, barrier] {
      if (std::erase(its.barriers, barrier) > 0)
        its.fences.push_back({its.owner->visible_end(), barrier});
    });
  };
  member_.run_soon([this, number, fence_now] {
    Journal& its = journal(number);
    if (!its.is_open) return fence_now(false);
    its.before_barriers.push_back(std::make_shared<std::function<void(bool)>>(fence_now));
    its.commit_waiting();
  });
}

// --- A journal

void JournalOwners::Journal::opened() {
  is_open = true;
  term = ++owners.last_term_;
  owners.journals_->opened(number, term);
}

void JournalOwners::Journal::closed() {
  if (!std::exchange(is_open, false)) return;
  waiting.clear();
  for (const auto& barrier : std::exchange(before_barriers, {})) (*barrier)(false);
  for (const auto& barrier : std::exchange(barriers, {})) (*barrier)(false);
  for (const Fence& fence : std::exchange(fences, {})) (*fence.done)(false);
  if (owners.journals_ != nullptr) owners.journals_->closed(number);
}

void JournalOwners::Journal::commit_waiting() {
  if (owner == nullptr || !owner->is_open()) return;
  for (auto task = waiting.begin(); task != waiting.end();) {
    auto& commits = task->second;
    while (!commits.empty() && owner->outbox().undelivered_bytes(task->first) < kMostUndelivered) {
      storage::ReplicatedCommit commit = std::move(commits.front());
      commits.pop_front();
      commit.delivered = owner->outbox().take_delivered(commit.task);
      owner->commit(std::move(commit), [] {});
    }
    task = commits.empty() ? waiting.erase(task) : std::next(task);
  }
  if (waiting.empty()) end_barriers();
}

void JournalOwners::Journal::end_fences() {
  if (fences.empty() || owner == nullptr || !owner->is_open()) return;
  const std::optional<Offset> undelivered = owner->outbox().first_undelivered();
  for (auto fence = fences.begin(); fence != fences.end();) {
    if (undelivered && *undelivered < fence->end) {
      ++fence;
      continue;
    }
    const Barrier done = fence->done;
    fence = fences.erase(fence);
    (*done)(true);
  }
}

void JournalOwners::Journal::end_barriers() {
  for (Barrier& barrier : std::exchange(before_barriers, {})) {
    barriers.push_back(barrier);
    owner->when_visible([this, barrier] {
      if (std::erase(barriers, barrier) > 0) (*barrier)(true);
    });
  }
}

}  // namespace server
