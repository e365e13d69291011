#include "server/join/journal_beginning.h"

#include <chrono>
#include <map>
#include <string>
#include <thread>
#include <utility>

#include "base/task_id.h"
#include "records/batch.h"
#include "server/join/waiting.h"
#include "server/tasks/journal_content.h"
#include "server/tasks/journal_source.h"
#include "storage/log/replica_log.h"
#include "storage/log/task_journal.h"

namespace server {

using storage::TopicPartition;

namespace {

constexpr LeaderEpoch kEpochOfStart{1};

using ByJournal = std::map<PartitionId, std::vector<DefinedQueryPtr>>;

TopicPartition replicated(PartitionId journal) { return {storage::kReplicatedJournal, journal}; }

ByJournal by_journal(std::span<const DefinedQueryPtr> queries) {
  ByJournal journals;
  for (const DefinedQueryPtr& query : queries)
    journals[storage::replicated_journal_of(query->query->id)].push_back(query);
  return journals;
}

// Writes the pieces of a snapshot as the first batches of a replicated journal. It appends them as a follower does,
// because no leader exists before the cluster.
class Pieces {
 public:
  Pieces(storage::Log& log, PartitionId journal)
      : replicas_(log), journal_(replicated(journal)), next_(kJournalStart) {}

  Status append(std::string_view content, bool is_last) {
    std::string batch =
        encode(storage::SnapshotPiece{kOnlySnapshot, number_++, is_last, kPlaceOfStart, content});
    records::set_base_offset(batch.data(), next_);
    records::set_leader_epoch(batch.data(), kEpochOfStart);
    ++next_;  // each piece is a batch of one record
    storage::FollowRequest request{journal_, kEpochOfStart, std::move(batch), next_, kJournalStart};
    TRY(wait_for<Result<storage::Appended>>([&](auto done) {
      storage::AppendDone taken = std::move(done);
      // The queue of the log may be full for a while, because the log is also removing the topics,
      // which have no metadata yet.
      while (!replicas_.try_follow(request, taken)) std::this_thread::sleep_for(kPause);
    }));
    return {};
  }

 private:
  static constexpr int64_t kOnlySnapshot = 1;
  static constexpr auto kPause = std::chrono::milliseconds(1);

  storage::ReplicaLog replicas_;
  const TopicPartition journal_;
  Offset next_;
  int32_t number_ = 0;
};

}  // namespace

Status make_journals(storage::Log& log, std::span<const DefinedQueryPtr> queries) {
  if (queries.empty()) return {};
  TRY(storage::create_partitions_and_wait(log, storage::kReplicatedJournal,
                                          storage::kReplicatedJournals));
  storage::ReplicaLog replicas(log);
  for (const auto& [number, its_queries] : by_journal(queries)) {
    const TopicPartition journal = replicated(number);
    TRY(wait_for<Status>([&](auto done) {
      replicas.set_role(journal, storage::ReplicaRole::Follower, kEpochOfStart, std::move(done));
    }));
    // Producers do not write to this journal, so the snapshot of its producers is empty.
    const std::string no_producers = TRY(replicas.producer_snapshot(journal));
    TRY(wait_for<Status>([&](auto done) {
      replicas.start_at(journal, kEpochOfStart, kJournalStart, no_producers, std::move(done));
    }));
  }
  return {};
}

Status write_journals(storage::Log& log, storage::StateStore& state,
                      std::span<const DefinedQueryPtr> queries,
                      std::span<const storage::TaskCommit> commits) {
  std::map<std::string, std::vector<std::string>, std::less<>> tasks;  // tasks by query id
  for (const storage::Log::StoredTask& task : TRY(log.tasks()))
    tasks[std::string(query_of(task.id))].push_back(task.id);
  std::vector<storage::JournalRecord> newer;
  for (const storage::TaskCommit& commit : commits)
    newer.push_back(TRY(storage::read_journal_batch(commit.journal)));
  for (const auto& [number, its_queries] : by_journal(queries)) {
    std::vector<std::string> its_tasks;
    for (const DefinedQueryPtr& query : its_queries)
      for (const std::string& task : tasks[query->query->id]) its_tasks.push_back(task);
    const auto source = TRY(JournalSource::open(log, state, its_queries, std::move(its_tasks)));
    Pieces pieces(log, number);
    JournalContentWriter writer([&](std::string piece) { return pieces.append(piece, false); });
    TRY(source->write(writer, newer));
    TRY(pieces.append(writer.finish(), true));
  }
  return {};
}

}  // namespace server
