#include "storage/state/state_store.h"

#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cassert>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "base/log.h"
#include "storage/kv/crash_point.h"
#include "storage/kv/damage.h"
#include "storage/kv/lmdb_store.h"
#include "storage/state/checkpoint_writer.h"
#include "storage/state/store_removal.h"

namespace storage {

namespace {

constexpr std::chrono::milliseconds kPauseAfterFailure(250);
constexpr int kNiceness = 10;

Error shutting_down() { return {ErrorCode::ShuttingDown, "the server is shutting down"}; }

struct CheckpointWork {
  Checkpoint checkpoint;
  std::function<void(Status)> done;
  size_t size_bytes;
};
struct DropWork {
  std::string prefix;
  std::function<void(Status)> done;
};

// The queues, and the thread that serves them. Drops are executed first, because callers may wait
// for them; a drop only marks the stores as dropped. Then the thread alternates between two kinds
// of work: it writes checkpoints (small ones in one transaction), and it removes a slice of the
// dropped stores' entries.
//
// Invariant: held_bytes_ is the size of the queued and the current checkpoints.
// Threads:   the writer's thread runs run() and its callees.
class StateWriter final : public StateStore {
 public:
  StateWriter(std::unique_ptr<StateFile> file, const StateOptions& options)
      : file_(std::move(file)), options_(options), removal_(*file_, options_.chunk_keys) {
    writer_ = std::thread([this] { run(); });
  }
  ~StateWriter() override;

  bool try_checkpoint(Checkpoint& checkpoint, std::function<void(Status)>& done) override;
  void drop_tasks(std::string prefix, std::function<void(Status)> done) override;
  Result<CheckpointPosition> load(std::string_view task, const WantsStore& wants,
                                  const Visit& visit) const override {
    return file_->load(task, wants, visit);
  }
  Result<CheckpointPosition> position_of(std::string_view task) const override {
    return file_->position_of(task);
  }
  std::unique_ptr<StateReader> open_reader() const override { return file_->open_reader(); }
  Result<JournalEnds> journal_ends() const override { return file_->journal_ends(); }
  Result<std::vector<std::string>> task_ids() const override { return file_->task_ids(); }
  size_t pending_removals() const override { return removal_.pending(); }
  Uuid instance_id() const override { return file_->instance_id(); }

 private:
  void run();
  std::vector<CheckpointWork> take_checkpoints(const CheckpointWriter& writer);
  void write(CheckpointWriter& writer, std::span<const CheckpointWork> group);
  void remove_a_slice();
  enum class Pause : uint8_t { Over, CutShort };
  Pause pace(std::chrono::steady_clock::duration pause);

  const std::unique_ptr<StateFile> file_;
  const StateOptions options_;
  StoreRemoval removal_;           // used on the writer's thread only
  bool is_removals_turn_ = false;  // used on the writer's thread only

  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_
  std::deque<DropWork> drops_;
  std::deque<CheckpointWork> queue_;
  size_t held_bytes_ = 0;
  bool stopping_ = false;

  std::thread writer_;  // the last member: the thread uses all members above
};

StateWriter::~StateWriter() {
  std::deque<CheckpointWork> checkpoints;
  std::deque<DropWork> drops;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    checkpoints = std::exchange(queue_, {});
    drops = std::exchange(drops_, {});
  }
  changed_.notify_all();
  if (writer_.joinable()) writer_.join();
  for (const DropWork& work : drops) work.done(shutting_down());
  for (const CheckpointWork& work : checkpoints) work.done(shutting_down());
}

bool StateWriter::try_checkpoint(Checkpoint& checkpoint, std::function<void(Status)>& done) {
  const size_t size_bytes = checkpoint.bytes() + checkpoint.entries.size() * sizeof(StateEntry);
  {
    std::lock_guard lock(mutex_);
    if (held_bytes_ != 0 && held_bytes_ + size_bytes > options_.queue_limit_bytes) return false;
    queue_.push_back({std::move(checkpoint), std::move(done), size_bytes});
    held_bytes_ += size_bytes;
  }
  changed_.notify_all();
  return true;
}

void StateWriter::drop_tasks(std::string prefix, std::function<void(Status)> done) {
  std::vector<CheckpointWork> fenced;  // written after the drop, they would bring the tasks back
  {
    std::lock_guard lock(mutex_);
    std::erase_if(queue_, [&](CheckpointWork& work) {
      if (!work.checkpoint.task.starts_with(prefix)) return false;
      held_bytes_ -= work.size_bytes;
      fenced.push_back(std::move(work));
      return true;
    });
    drops_.push_back({std::move(prefix), std::move(done)});
  }
  changed_.notify_all();
  for (const CheckpointWork& work : fenced)
    work.done(Error{ErrorCode::FencedTask, "the task was dropped"});
}

void StateWriter::run() {
  // The writer's thread gets a low priority, since no caller waits for a checkpoint: the journal
  // has the same data. If there are more threads than cores, the loops and the log's writer run
  // first.
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNiceness);
  const CheckpointWriter::Pace pace_chunks = [this]() -> Status {
    if (pace(file_->last_change_took()) == Pause::Over) return {};
    return shutting_down();
  };
  CheckpointWriter writer(*file_, options_.chunk_keys, pace_chunks);
  while (true) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] {
      return stopping_ || !drops_.empty() || !queue_.empty() || !removal_.is_done();
    });
    if (stopping_) return;
    if (!drops_.empty()) {
      const DropWork work = std::move(drops_.front());
      drops_.pop_front();
      lock.unlock();
      work.done(removal_.drop(work.prefix));
    } else if (!removal_.is_done() && (queue_.empty() || std::exchange(is_removals_turn_, false))) {
      lock.unlock();
      remove_a_slice();
    } else {
      is_removals_turn_ = true;
      const std::vector<CheckpointWork> group = take_checkpoints(writer);
      lock.unlock();
      write(writer, group);
    }
  }
}

// Called under the mutex. Returns the first checkpoint and, if it is small, the small checkpoints that follow it.
std::vector<CheckpointWork> StateWriter::take_checkpoints(const CheckpointWriter& writer) {
  std::vector<CheckpointWork> group;
  size_t keys = 0, bytes = 0;
  do {
    keys += CheckpointWriter::key_count(queue_.front().checkpoint);
    bytes += queue_.front().size_bytes;
    group.push_back(std::move(queue_.front()));
    queue_.pop_front();
  } while (!queue_.empty() && writer.is_small(group.back().checkpoint) &&
           writer.is_small(queue_.front().checkpoint) &&
           keys + CheckpointWriter::key_count(queue_.front().checkpoint) <= options_.chunk_keys &&
           bytes + queue_.front().size_bytes <= kMaxChunkBytes);
  return group;
}

void StateWriter::write(CheckpointWriter& writer, std::span<const CheckpointWork> group) {
  std::vector<Status> results(group.size());
  std::vector<const Checkpoint*> small;
  size_t bytes = 0;
  for (size_t i = 0; i < group.size(); ++i) {
    const Checkpoint& checkpoint = group[i].checkpoint;
    bytes += group[i].size_bytes;
    if (!writer.is_small(checkpoint))
      results[i] = writer.write(checkpoint);
    else if (results[i] = CheckpointWriter::check_names(checkpoint); results[i])
      small.push_back(&checkpoint);
  }
  const Status together = small.empty() ? Status{} : writer.write_together(small);
  // The transaction failed because one of the checkpoints has met damaged data. Each of them is
  // written again separately, so that only the affected one fails.
  const bool is_damaged = !together && together.error().code == ErrorCode::DataCorrupted;
  for (size_t i = 0; i < group.size() && is_damaged; ++i)
    if (results[i] && writer.is_small(group[i].checkpoint))
      results[i] = writer.write(group[i].checkpoint);
  {
    std::lock_guard lock(mutex_);
    assert(held_bytes_ >= bytes);
    held_bytes_ -= bytes;
  }
  for (size_t i = 0; i < group.size(); ++i)
    group[i].done(results[i] && !is_damaged ? together : std::move(results[i]));
}

void StateWriter::remove_a_slice() {
  if (const Status removed = removal_.remove_a_slice(); !removed) {
    log_debug("removal postponed error={}", removed.error().message);
    pace(kPauseAfterFailure);
  } else {
    pace(file_->last_change_took());
  }
}

// Pauses between chunks for as long as the last chunk took, so that the log can use the disk
// meanwhile. The destructor ends the pause.
StateWriter::Pause StateWriter::pace(std::chrono::steady_clock::duration pause) {
  pass(CrashPoint::BetweenCheckpointChunks);
  std::unique_lock lock(mutex_);
  const bool must_stop = changed_.wait_for(lock, pause, [&] { return stopping_; });
  return must_stop ? Pause::CutShort : Pause::Over;
}

}  // namespace

size_t Checkpoint::bytes() const {
  size_t bytes = scalars.size();
  for (const StateEntry& entry : entries)
    bytes += entry.key.size() + (entry.value ? entry.value->size() : 0);
  return bytes;
}

Result<std::unique_ptr<StateStore>> StateStore::open(const std::string& directory,
                                                     StateOptions options) {
  const LmdbOptions file{.kind = "state",
                         .format_version = kStateFormatVersion,
                         .oldest_format_version = kOldestStateFormatVersion,
                         .newest_format_version = kCheckedPositionsVersion,
                         .map_size_bytes = options.map_size_bytes,
                         .max_tables = 16};
  auto store =
      open([directory, file] { return open_lmdb_store(directory, file); }, std::move(options));
  if (!store) return not_opened(std::move(store).error(), directory + "/state.mdb");
  return store;
}

Result<std::unique_ptr<StateStore>> StateStore::open(OpenStore open_store, StateOptions options) {
  auto file = TRY(StateFile::open(std::move(open_store), options.log_instance));
  return std::make_unique<StateWriter>(std::move(file), options);
}

}  // namespace storage
