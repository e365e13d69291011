#include "server/tasks/journal_install.h"

#include <cassert>
#include <chrono>
#include <future>
#include <thread>

#include "base/task_id.h"
#include "storage/log/apply_replicated_commits.h"
#include "storage/log/task_journal.h"

namespace server {

namespace {

constexpr size_t kCheckpointBytes = 4 << 20, kCheckpointEntries = 32'768;
constexpr size_t kCarriedBytes = 1 << 20, kFollowedBytes = 1 << 20;
constexpr std::chrono::milliseconds kPause(5);

template <class Answer>
Answer wait_for(const std::function<void(std::function<void(Answer)>)>& begin) {
  std::promise<Answer> done;
  begin([&](Answer answer) { done.set_value(std::move(answer)); });
  return done.get_future().get();
}

// Returns the leader epoch under which a partition is filled. It is newer than the epochs of the
// partition's batches.
LeaderEpoch epoch_while_filled(const storage::PartitionSnapshot::Head& head) {
  return head.epoch + 1;
}

}  // namespace

Status JournalInstall::check_goes_on() const {
  if (node_.must_stop) return Error{ErrorCode::ShuttingDown, "the server is stopping"};
  return {};
}

Status JournalInstall::query(std::string_view id, Revision planned_at) {
  const auto wanted = queries_.find(id);
  if (wanted == queries_.end() || planned_at < wanted->second.made_at) return {};
  taken_.emplace(id);
  exchanges_.insert(wanted->second.exchanges.begin(), wanted->second.exchanges.end());
  return {};
}

// --- Checkpoints

Status JournalInstall::task(std::string_view id, const storage::CheckpointPosition& position) {
  TRY(write_checkpoint(Part::Last));
  if (!taken_.contains(query_of(id))) return {};
  open_ = Open{std::string(id), position};
  tasks_.emplace_back(id, position.position);
  return {};
}

Status JournalInstall::store(std::string_view name) {
  if (open_) open_->store = name;
  return {};
}

Status JournalInstall::entry(std::string_view key, std::string_view value) {
  if (!open_) return {};
  entries_->push_back({open_->store, std::string(key), std::string(value)});
  entry_bytes_ += key.size() + value.size();
  if (entry_bytes_ < kCheckpointBytes && entries_->size() < kCheckpointEntries) return {};
  return write_checkpoint(Part::Some);
}

// Writes a part of a checkpoint. The last part alone has the task's position, as when a running node writes a
// checkpoint. So after a crash the state file still has the old position, and the installation is repeated.
Status JournalInstall::write_checkpoint(Part part) {
  if (!open_) return {};
  TRY(check_goes_on());
  storage::Checkpoint checkpoint;
  checkpoint.task = open_->id;
  checkpoint.keeps = entries_;
  for (const Entry& each : *entries_)
    checkpoint.entries.push_back({each.store, each.key, std::string_view(each.value)});
  if (part == Part::Last) {
    checkpoint.position = open_->position.position;
    checkpoint.scalars = open_->position.scalars;
    open_.reset();
  }
  entries_ = std::make_shared<std::deque<Entry>>();
  entry_bytes_ = 0;
  const auto written = std::make_shared<std::promise<Status>>();
  std::function<void(Status)> done = [written](Status status) {
    written->set_value(std::move(status));
  };
  while (!node_.state.try_checkpoint(checkpoint, done)) {
    TRY(check_goes_on());
    std::this_thread::sleep_for(kPause);
  }
  return written->get_future().get();
}

// --- Commits

// Begins all tasks in one commit. Their rows contain the offset in the task journal at which their
// entries begin, and this offset is the same for all.
Status JournalInstall::begin_tasks() {
  if (std::exchange(have_begun_, true)) return {};
  TRY(write_checkpoint(Part::Last));
  if (tasks_.empty()) return {};
  const auto begun = TRY(wait_for<Result<storage::TaskStarts>>(
      [&](auto done) { storage::begin_tasks_behind(node_.log, tasks_, std::move(done)); }));
  assert(begun.size() == tasks_.size());
  for (size_t i = 0; i < tasks_.size(); ++i) {
    if (!begun[i]) return begun[i].error();
    epochs_.emplace(tasks_[i].first, begun[i]->epoch);
  }
  return {};
}

Status JournalInstall::commit(std::string_view task, TaskSequence sequence,
                              std::string_view entry) {
  TRY(begin_tasks());
  const auto epoch = epochs_.find(task);
  if (epoch == epochs_.end()) return {};
  storage::ReplicatedCommit commit;
  commit.task = task;
  commit.sequence = sequence;
  commit.entry = entry;
  commits_.add(std::move(commit), epoch->second, node_.shard_of(std::string(task)));
  return commits_.size_bytes() < kCarriedBytes ? Status() : apply_some();
}

// Writes the commits without their outputs and consumed inputs, because the exchanges of the
// snapshot already include these effects.
Status JournalInstall::apply_some() {
  if (commits_.is_empty()) return {};
  TRY(check_goes_on());
  return wait_for<Status>([&](std::function<void(Status)> done) {
    std::exchange(commits_, {})
        .apply(
            node_.log, [](storage::WriteTransaction&) -> Status { return {}; },
            [done = std::move(done)](const Status& applied) { done(applied); });
  });
}

// --- Exchanges

Status JournalInstall::partition(const storage::PartitionSnapshot::Head& head) {
  TRY(begin_tasks());
  TRY(apply_some());
  TRY(end_partition());
  TRY(check_goes_on());
  const storage::TopicPartition& id = head.partition;
  if (!exchanges_.contains(id.topic)) return {};
  TRY(storage::create_partitions_and_wait(node_.log, id.topic, id.partition.value() + 1,
                                          storage::PartitionKind::Internal));
  const LeaderEpoch epoch = epoch_while_filled(head);
  TRY(wait_for<Status>([&](auto done) {
    replicas_.set_role(id, storage::ReplicaRole::Follower, epoch, std::move(done));
  }));
  TRY(wait_for<Status>([&](auto done) {
    replicas_.start_at(id, epoch, head.start, head.producers, std::move(done));
  }));
  partition_ = head;
  return {};
}

Status JournalInstall::batch(std::string_view bytes) {
  if (!partition_) return {};
  batches_ += bytes;
  return batches_.size() < kFollowedBytes ? Status() : follow(std::exchange(batches_, {}));
}

Status JournalInstall::follow(std::string batches) {
  if (batches.empty()) return {};
  TRY(storage::check_for_follow(batches));
  storage::FollowRequest request{partition_->partition, epoch_while_filled(*partition_),
                                 std::move(batches)};
  request.high_watermark = partition_->end;
  const auto written = std::make_shared<std::promise<Result<storage::Appended>>>();
  storage::AppendDone done = [written](Result<storage::Appended> appended) {
    written->set_value(std::move(appended));
  };
  while (!replicas_.try_follow(request, done)) {
    TRY(check_goes_on());
    std::this_thread::sleep_for(kPause);
  }
  TRY(written->get_future().get());
  return {};
}

Status JournalInstall::end_partition() {
  if (!partition_) return {};
  TRY(follow(std::exchange(batches_, {})));
  TRY(wait_for<Status>([&](auto done) {
    replicas_.set_role(partition_->partition, storage::ReplicaRole::Alone,
                       epoch_while_filled(*partition_) + 1, std::move(done));
  }));
  const auto status = node_.log.find_partition(partition_->partition);
  const bool is_whole = status && status->log_end() == partition_->end;
  partition_.reset();
  if (is_whole) return {};
  return Error{ErrorCode::CorruptRecord, "an exchange of a snapshot is incomplete"};
}

Status JournalInstall::finish() {
  TRY(begin_tasks());
  TRY(apply_some());
  return end_partition();
}

}  // namespace server
