#include "server/tasks/commit_batch.h"

#include <cassert>
#include <map>
#include <utility>

#include "server/tasks/shard.h"
#include "storage/log/apply_replicated_commits.h"
#include "storage/log/task_journal.h"
#include "storage/replica/journal_entry.h"

namespace server {

void CommitBatch::add(storage::ReplicatedCommit commit, TaskEpoch epoch, Shard& shard) {
  assert(!commit.task.empty());
  storage::TaskCommit& request = requests_.emplace_back();
  request.task = commit.task;
  request.epoch = epoch;
  request.sequence = commit.sequence;
  request.journal = storage::journal_batch(commit.task, commit.sequence, commit.entry);
  for (storage::TaskOutput& output : commit.exchanged)
    request.outputs.push_back({output.partition, std::move(output.batch)});
  for (const storage::ConsumedInput& consumed : commit.consumed)
    request.trims.push_back({consumed.partition, consumed.end});
  size_bytes_ += request.journal.size();
  commit.exchanged.clear();
  commit.outputs.clear();
  receivers_.push_back(
      {&shard, std::make_shared<const storage::ReplicatedCommit>(std::move(commit))});
}

void CommitBatch::apply(storage::Log& log, std::function<Status(storage::WriteTransaction&)> with,
                        std::function<void(const Status&)> done) && {
  size_bytes_ = 0;
  storage::apply_replicated_commits(
      log, std::exchange(requests_, {}), std::move(with),
      [receivers = std::exchange(receivers_, {}),
       done = std::move(done)](const Result<storage::CarriedOut>& result) {
        if (!result) return done(result.error());
        notify(receivers, result->commit, result->journalled);
        done({});
      });
}

void CommitBatch::notify(const std::vector<Receiver>& receivers, CommitId id,
                         const std::vector<storage::AppendedBatch>& journalled) {
  assert(journalled.size() == receivers.size());
  std::map<Shard*, std::vector<FollowedCommit>> by_shard;
  for (size_t i = 0; i < receivers.size(); ++i) {
    const auto& [shard, commit] = receivers[i];
    const storage::AppendedBatch& at = journalled[i];
    by_shard[shard].push_back({{commit->task, at.partition.partition, at.last_offset,
                                commit->sequence, commit->entry.size(), id},
                               commit});
  }
  for (auto& [shard, commits] : by_shard)
    shard->post([shard = shard, commits = std::move(commits)] { shard->carried_out(commits); });
}

}  // namespace server
