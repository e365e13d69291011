#include "server/join/task_handover.h"

#include <fmt/format.h>

#include <map>
#include <set>
#include <utility>

#include "base/task_id.h"
#include "engine/exec/journal.h"
#include "server/tasks/journal_tail.h"
#include "storage/log/task_journal.h"

namespace server {

namespace {

// Reads only the output sequences from the commits of a task.
class KnownOutputs final : public JournalTail::Target {
 public:
  void begin(const engine::JournalEntry&) override {}
  bool loads(uint32_t) override { return false; }
  Status restore(const engine::JournalEntry& entry, TaskSequence) override {
    engine::merge_sequences(outputs_, entry.outputs);
    return {};
  }
  std::vector<engine::OutputSequence> from_zero() && {
    for (engine::OutputSequence& output : outputs_) output.next = 0;
    return std::move(outputs_);
  }

 private:
  std::vector<engine::OutputSequence> outputs_;
};

Error damaged(const std::string& query, const Error& why) {
  return {ErrorCode::DataCorrupted,
          fmt::format("the state of query {} is damaged: {}", query, why.message), why.detail,
          "Start the server alone, drop the query, and create it again."};
}

}  // namespace

Result<std::vector<storage::TaskCommit>> handover_commits(
    storage::Log& log, const storage::StateStore& state,
    const std::vector<DefinedQueryPtr>& queries) {
  std::set<std::string, std::less<>> ids;
  for (const DefinedQueryPtr& query : queries) ids.insert(query->query->id);
  std::vector<std::string> tasks;
  for (const storage::Log::StoredTask& task : TRY(log.tasks())) {
    const std::string query(query_of(task.id));
    if (!ids.contains(query)) continue;
    if (task.damage) return damaged(query, *task.damage);
    tasks.push_back(task.id);
  }
  std::vector<storage::TaskCommit> commits;
  if (tasks.empty()) return commits;
  const storage::TaskStarts begun = TRY(storage::begin_tasks_and_wait(log, tasks));
  std::map<PartitionId, FirstEntries> journals;
  for (size_t i = 0; i < tasks.size(); ++i) {
    if (!begun[i]) return damaged(std::string(query_of(tasks[i])), begun[i].error());
    journals[begun[i]->journal].emplace(tasks[i], begun[i]->first_entry);
  }
  std::map<PartitionId, std::shared_ptr<const JournalTail>> tails;
  for (const auto& [journal, its_tasks] : journals)
    tails[journal] = TRY(JournalTail::read(log, state, journal, its_tasks));
  for (size_t i = 0; i < tasks.size(); ++i) {
    KnownOutputs known;
    const auto last = tails.at(begun[i]->journal)->restore(tasks[i], state, known);
    if (!last) return damaged(std::string(query_of(tasks[i])), last.error());
    engine::JournalEntry entry;
    entry.outputs = std::move(known).from_zero();
    if (entry.outputs.empty()) continue;
    storage::TaskCommit& commit = commits.emplace_back();
    commit.task = tasks[i];
    commit.epoch = begun[i]->epoch;
    commit.sequence = *last + 1;
    commit.journal =
        storage::journal_batch(tasks[i], commit.sequence, engine::encode_journal(std::move(entry)));
  }
  return commits;
}

}  // namespace server
