#include "storage/log/apply_replicated_commits.h"

#include <memory>
#include <utility>

#include "storage/log/log_core.h"
#include "storage/log/task_journal.h"

namespace storage {

void apply_replicated_commits(Log& log, std::vector<TaskCommit> commits,
                              std::function<Status(WriteTransaction&)> with,
                              std::function<void(Result<CarriedOut>)> done) {
  constexpr size_t kLeastWeight = 4 << 10;
  size_t bytes = kLeastWeight;
  bool trims = false;
  for (const TaskCommit& commit : commits) {
    bytes += size_of(commit);
    trims |= !commit.trims.empty();
  }
  // `kept` and `result` are shared with the queued request, because the writer applies the commits
  // again if their commit group is repeated.
  const auto kept = std::make_shared<std::vector<TaskCommit>>(std::move(commits));
  const auto result = std::make_shared<CarriedOut>();
  log.core().submit(
      OtherWork{[kept, with = std::move(with), result](GroupTransaction& group) -> Status {
                  result->journalled =
                      TRY(group.commit_tasks(*kept, GroupTransaction::Decided::InJournal));
                  std::erase_if(result->journalled, [](const AppendedBatch& batch) {
                    return batch.partition.topic != kTaskJournal;
                  });
                  result->commit = group.commit_id();
                  return with(group.transaction());
                },
                [result, done = std::move(done)](Status status) {
                  done(status ? Result<CarriedOut>(std::move(*result))
                              : Result<CarriedOut>(std::move(status).error()));
                },
                trims ? std::nullopt : std::optional(bytes)},
      bytes);
}

void begin_tasks_behind(Log& log, std::vector<std::pair<std::string, TaskSequence>> tasks,
                        std::function<void(Result<TaskStarts>)> done) {
  const auto result = std::make_shared<TaskStarts>();
  log.core().submit(
      [tasks = std::move(tasks), result](GroupTransaction& group) -> Status {
        std::vector<std::string> ids;
        for (const auto& [id, last] : tasks) ids.push_back(id);
        *result = TRY(group.begin_tasks(ids));
        for (const auto& [id, last] : tasks)
          if (const auto owner = group.owners().find(id);
              owner != group.owners().end() && owner->second)
            owner->second->last_sequence = last;
        return {};
      },
      [result, done = std::move(done)](Status status) {
        done(status ? Result<TaskStarts>(std::move(*result))
                    : Result<TaskStarts>(std::move(status).error()));
      });
}

}  // namespace storage
