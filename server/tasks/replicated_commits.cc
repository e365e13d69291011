#include "server/tasks/replicated_commits.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "base/log.h"
#include "server/metadata/lost_records.h"
#include "server/metadata/query_topics.h"
#include "server/tasks/journal_install.h"
#include "storage/kv/damage.h"
#include "storage/log/task_journal.h"
#include "storage/replica/task_producer.h"

namespace server {

class ReplicatedCommits::SharedStart final : public CommitPath::Start {
 public:
  // Only the journals in `settled` pause; commits of other journals are still applied.
  SharedStart(ReplicatedCommits& commits, std::set<PartitionId> settled) : commits_(commits) {
    if (!settled.empty()) pause_.emplace(commits.journals_, std::move(settled));
  }
  void tasks_have_begun(std::span<const QueryLaunch> launches, std::span<TaskPlace> places,
                        const std::vector<Status>& results) override;

 private:
  ReplicatedCommits& commits_;
  std::optional<ReplicatedJournals::Pause> pause_;
};

std::unique_ptr<CommitPath::Start> ReplicatedCommits::prepare(std::span<const QueryLaunch> launches,
                                                              std::vector<Status>& results) {
  assert(launches.size() == results.size());
  std::map<PartitionId, std::vector<size_t>> by_journal;
  for (size_t i = 0; i < launches.size(); ++i) {
    const DefinedQuery& defined = *launches[i].defined;
    if (!is_shared(defined)) {
      results[i] = tasks_.renew_if_lost(defined);
      continue;
    }
    tasks_.remove(defined.plan->id);
    by_journal[*defined.journal].push_back(i);
  }
  std::set<PartitionId> settled;
  for (const auto& [journal, its_launches] : by_journal)
    if (settle(journal, its_launches, launches, results)) settled.insert(journal);
  return std::make_unique<SharedStart>(*this, std::move(settled));
}

bool ReplicatedCommits::settle(PartitionId journal, std::span<const size_t> its_launches,
                               std::span<const QueryLaunch> launches,
                               std::vector<Status>& results) {
  Status is_settled = install_if_behind(journal);
  bool is_one_sound = false;
  if (is_settled)
    for (const size_t i : its_launches) {
      results[i] = check_newest(*launches[i].defined);
      if (results[i]) results[i] = check_losses(*launches[i].defined);
      is_one_sound |= results[i].has_value();
    }
  if (is_one_sound) is_settled = journals_.settle(journal);
  if (!is_settled)
    for (const size_t i : its_launches)
      if (results[i]) results[i] = is_settled;
  return is_settled && is_one_sound;
}

// Fails if this node knows a newer plan of the query. Commits that were applied or installed here may belong to the
// newer plan, so the tasks must be built with that plan.
Status ReplicatedCommits::check_newest(const DefinedQuery& defined) const {
  if (!journals_.knows_newer_plan(defined)) return {};
  return Error{ErrorCode::QueryCanceled, "the query is about to start with another plan"};
}

Status ReplicatedCommits::check_losses(const DefinedQuery& defined) {
  const PartitionElections elections = tasks_.elections_of(defined);
  if (elections.empty()) return {};
  auto why = why_lost(defined, elections);
  if (!why) return {};
  // From now on the query's commits are skipped, even if the journal has further ones.
  journals_.forget(defined.plan->id);
  journals_.cannot_run(defined.plan->id, plans_of(defined), ReplicatedJournals::Failed::Damaged);
  return *std::move(why);
}

void ReplicatedCommits::SharedStart::tasks_have_begun(std::span<const QueryLaunch> launches,
                                                      std::span<TaskPlace> places,
                                                      const std::vector<Status>& results) {
  if (!pause_) return;
  ReplicatedJournals& journals = commits_.journals_;
  for (size_t i = 0; i < launches.size(); ++i) {
    const DefinedQuery& defined = *launches[i].defined;
    if (is_shared(defined) && !results[i] && RestartSchedule::is_for_good(results[i].error()))
      journals.cannot_run(defined.plan->id, plans_of(defined),
                          storage::is_damage(results[i].error().code)
                              ? ReplicatedJournals::Failed::Damaged
                              : ReplicatedJournals::Failed::Keeps);
  }
  for (TaskPlace& place : places) {
    const DefinedQuery& defined = *place.launch->defined;
    if (!is_shared(defined) || !results[place.query]) continue;
    journals.set_task(place.id, {plans_of(defined), place.begun.epoch,
                                 &commits_.tasks_.shard_for(defined.plan->id, place.number)});
    place.term = journals.term(*defined.journal);
  }
}

// All nodes use the same producer id for a task as long as its query exists, and no other task uses
// it.
Result<TaskRole> ReplicatedCommits::role_of(const TaskPlace& place, Shard& shard) {
  const DefinedQuery& defined = *place.launch->defined;
  if (!is_shared(defined)) return local_.role_of(place, shard);
  const ProducerId producer =
      storage::TaskProducer{defined.made_at, place.stage, place.number}.id();
  if (!place.term) return TaskRole{.sink = nullptr, .own_sink = {}, .producer = producer};
  TRY(check_replicas(place));
  auto sink = std::make_unique<ReplicatedSink>(
      journals_.proposals(), ReplicatedSink::Place{*defined.journal, *place.term,
                                                   defined.planned_at, defined.exchange_ids});
  engine::Sink* const its_sink = sink.get();
  return TaskRole{.sink = its_sink, .own_sink = std::move(sink), .producer = producer};
}

Status ReplicatedCommits::check_replicas(const TaskPlace& place) const {
  TRY(tasks_.check_follows(tasks_.elections_of(*place.launch->defined)));
  for (const engine::Task::Input& input : place.inputs)
    if (!input.is_exchange && input.partition.topic != kGeneratedRows &&
        !has_replica_(to_storage(input.partition)))
      return Error{ErrorCode::QueryCanceled,
                   "a source of the query has partitions that this node does not know yet"};
  return {};
}

// --- Snapshots

Status ReplicatedCommits::install_if_behind(PartitionId journal) {
  const auto snapshot = journals_.to_install(journal);
  if (!snapshot) return {};
  Status installed = install(journal, *snapshot);
  if (installed || installed.error().code == ErrorCode::ShuttingDown ||
      installed.error().code == ErrorCode::QueryCanceled)
    return installed;
  // The installation may have failed because a newer snapshot has replaced this one, so the search
  // begins again. Queries never read a half-installed state, because look-ups wait for applied
  // commits.
  journals_.search_again(journal);
  Error error = installed.error();
  log_warn("cannot install a snapshot of a journal, it is tried again journal={} error=\"{}\"",
           journal.value(), error.message);
  error.code = ErrorCode::StorageFailure;
  return error;
}

namespace {

// Finds the newest revision of the queries in a snapshot, which is from the metadata of the node
// that wrote the snapshot.
class NewestQuery final : public JournalContent {
 public:
  Revision newest() const { return newest_; }
  Status query(std::string_view, Revision planned_at) override {
    newest_ = std::max(newest_, planned_at);
    return {};
  }
  Status task(std::string_view, const storage::CheckpointPosition&) override { return {}; }
  Status store(std::string_view) override { return {}; }
  Status entry(std::string_view, std::string_view) override { return {}; }
  Status commit(std::string_view, TaskSequence, std::string_view) override { return {}; }
  Status partition(const storage::PartitionSnapshot::Head&) override { return {}; }
  Status batch(std::string_view) override { return {}; }

 private:
  Revision newest_{0};
};

}  // namespace

Status ReplicatedCommits::install(PartitionId journal, const storage::FoundSnapshot& snapshot) {
  const storage::TopicPartition partition{storage::kReplicatedJournal, journal};
  const auto reader = TRY(storage::LogReader::open(log_));
  const auto read = [&](JournalContent& content) {
    return storage::read_snapshot(*reader, partition, snapshot, [&](std::string_view piece) {
      return tasks_.must_stop() ? Status(Error{ErrorCode::ShuttingDown, "the server is stopping"})
                                : read_journal_content(piece, content);
    });
  };
  NewestQuery newest;
  TRY(read(newest));
  const auto [revision, queries] = journals_.queries_in(journal);
  if (revision < newest.newest())
    return Error{ErrorCode::QueryCanceled,
                 "the node has not read the definitions of its queries yet"};
  JournalInstall::Queries wanted;
  for (const DefinedQueryPtr& query : queries) {
    const std::string& id = query->plan->id;
    tasks_.remove(id);
    TRY(tasks_.drop_state(id));
    for (const Uuid& exchange : query->exchange_ids) TRY(tasks_.drop_topic(exchange));
    wanted.emplace(id, JournalInstall::Wanted{query->made_at, query->exchange_ids});
  }
  JournalInstall install({log_, state_,
                          [this](const std::string& task) -> Shard& {
                            return tasks_.owner_of(storage::journal_of(task));
                          },
                          tasks_.must_stop()},
                         std::move(wanted));
  TRY(read(install));
  TRY(install.finish());
  TRY(journals_.installed(journal, snapshot));
  log_info("a snapshot of a journal was installed journal={} bytes={}", journal.value(),
           snapshot.size_bytes);
  return {};
}

}  // namespace server
