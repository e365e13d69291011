#include "server/sql/write/local_topics.h"

#include <atomic>
#include <utility>

#include "server/sql/execution.h"
#include "server/tasks/append_here.h"
#include "storage/log/append_unless_changed.h"

namespace server {

// An append that waits until the log accepts it. It continues even if its session ends.
struct LocalTopics::Waiting {
  storage::AppendRequest request;
  storage::AppendDone done;
  OwnedCharge charge;
  AppendTo to = AppendTo::Topics;
};

Result<bool> LocalTopics::try_append(storage::AppendRequest& request, AppendTo to, Loop* here,
                                     storage::AppendDone& done) {
  return fence_.pass(request, [&]() -> Result<bool> {
    if (to == AppendTo::Topics) TRY(check_are_there(*definitions_.image(), request));
    return here == nullptr ? log_.try_append(request, done)
                           : server::try_append(*here, log_, request, done);
  });
}

// Repeats the append when the log has room. The callback of the log must be copyable, so it shares
// ownership of the waiting append.
void LocalTopics::wait_for_room(const std::shared_ptr<Waiting>& waiting) {
  log_.when_room([this, waiting] {
    const auto appended = try_append(waiting->request, waiting->to, nullptr, waiting->done);
    if (!appended) return waiting->done(appended.error());
    if (!*appended) wait_for_room(waiting);
  });
}

// Notes the ends of the rows before their writer is answered, and before other sessions read them.
storage::AppendDone LocalTopics::noted(storage::AppendDone done) {
  return [&ends = committed_ends_, done = std::move(done)](Result<storage::Appended> appended) {
    if (appended) ends.note(appended->batches);
    done(std::move(appended));
  };
}

void LocalTopics::append(storage::AppendRequest request, AppendTo to, Loop* here,
                         storage::AppendDone to_be_told) {
  storage::AppendDone done = noted(std::move(to_be_told));
  const auto appended = try_append(request, to, here, done);
  if (!appended) return done(appended.error());
  if (*appended) return;
  OwnedCharge charge(memory_, MemoryKind::Queues);
  if (!charge.try_resize(storage::size_of(request)))
    return done(charge.refusal("rows that wait for the disk"));
  wait_for_room(std::make_shared<Waiting>(
      Waiting{std::move(request), std::move(done), std::move(charge), to}));
}

void LocalTopics::append_change(Change change, storage::AppendDone done) {
  storage::AppendRequest request;
  request.parts.push_back({change.partition, std::move(change.batches)});
  if (!change.read_to)
    return append(std::move(request), AppendTo::Topics, nullptr, std::move(done));
  const auto passed = fence_.pass(request, [&]() -> Result<bool> {
    TRY(check_are_there(*definitions_.image(), request));
    storage::append_unless_changed(log_, std::move(request), {*change.read_to}, noted(done));
    return true;
  });
  if (!passed) done(passed.error());
}

void LocalTopics::append_changes(std::vector<Change> parts, ChangesDone done) {
  if (parts.empty()) return done({});
  // The answers for the parts, which may come from several threads. Each thread writes its own
  // element.
  struct Answers {
    ChangesDone done;
    std::vector<Changed> parts;
    std::atomic<size_t> left;
  };
  const Error no_answer{ErrorCode::Internal, "some of the rows were not acknowledged"};
  const size_t count = parts.size();
  const std::shared_ptr<Answers> answers(
      new Answers{std::move(done), std::vector<Changed>(count, Changed{no_answer}), {count}});
  for (size_t i = 0; i < count; ++i)
    append_change(std::move(parts[i]), [answers, i](const Result<storage::Appended>& appended) {
      if (appended)
        answers->parts[i].appended = appended->batches.front();
      else
        answers->parts[i].appended = appended.error();
      if (--answers->left == 0) answers->done(std::move(answers->parts));
    });
}

void LocalTopics::commit(std::vector<Change> parts, CommitDone done) {
  const auto told = [done = std::move(done)](const Result<storage::Appended>& appended) {
    if (appended) return done(appended->batches);
    done(appended.error());
  };
  if (parts.size() == 1) return append_change(std::move(parts.front()), told);
  storage::AppendRequest request;
  for (Change& part : parts) {
    if (part.read_to)
      return told(Error{ErrorCode::NotSupported,
                        "rows of several partitions cannot be appended under conditions"});
    request.parts.push_back({part.partition, std::move(part.batches)});
  }
  append(std::move(request), AppendTo::Topics, nullptr, told);
}

void LocalTopics::ask_ends(std::vector<storage::TopicPartition> partitions, int64_t,
                           std::function<void(Result<Ends>)> done) {
  Ends ends;
  for (const storage::TopicPartition& partition : partitions)
    if (const auto status = log_.find_partition(partition))
      ends.emplace_back(partition, status->readable_end());
  done(std::move(ends));
}

bool LocalTopics::has_topic(const Uuid& topic) const {
  return log_.find_partition({topic, PartitionId{0}}) != nullptr;
}

}  // namespace server
