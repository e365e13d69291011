#include "server/tasks/replicated_sink.h"

#include <algorithm>
#include <cassert>

namespace server {

bool ReplicatedSink::try_commit(engine::TaskCommit& commit, engine::CommitDone& done) {
  storage::ReplicatedCommit proposal;
  proposal.task = commit.task;
  proposal.sequence = commit.sequence;
  proposal.planned_at = place_.planned_at;
  proposal.entry = std::move(commit.journal);
  for (engine::OutputBatch& output : commit.outputs) {
    const bool is_exchange =
        std::ranges::find(place_.exchanges, output.to.topic) != place_.exchanges.end();
    (is_exchange ? proposal.exchanged : proposal.outputs)
        .push_back({to_storage(output.to), std::move(output.bytes)});
  }
  for (const auto& [partition, end] : commit.trims)
    proposal.consumed.push_back({to_storage(partition), end});
  // The sequences must be gapless, because answers are matched by their order.
  assert(on_way_.empty() || commit.sequence == on_way_.back().first + 1);
  on_way_.emplace_back(commit.sequence, std::move(done));
  proposals_.propose(place_.journal, place_.term, std::move(proposal));
  return true;
}

void ReplicatedSink::answered(TaskSequence sequence, CommitId commit) {
  assert(on_way_.empty() || sequence <= on_way_.front().first);      // commits are applied in order
  if (on_way_.empty() || on_way_.front().first != sequence) return;  // a commit of an earlier owner
  const engine::CommitDone done = std::move(on_way_.front().second);
  on_way_.pop_front();
  done(commit);
}

}  // namespace server
