#include "storage/state/state_store.h"

#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cassert>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <variant>

#include "base/log.h"
#include "storage/kv/crash_point.h"
#include "storage/kv/lmdb_store.h"
#include "storage/state/checkpoint_writer.h"
#include "storage/state/store_removal.h"

namespace storage {

namespace {

constexpr uint32_t kStateFormatVersion = 2;
constexpr std::chrono::milliseconds kPauseAfterFailure(250);
constexpr int kNiceness = 5;

size_t size_of(const Checkpoint& checkpoint) {
  size_t size = checkpoint.scalars.size();
  for (const StateEntry& entry : checkpoint.entries)
    size += sizeof entry + entry.key.size() + (entry.value ? entry.value->size() : 0);
  return size;
}

struct CheckpointWork {
  Checkpoint checkpoint;
};
struct DropWork {
  std::string prefix;
};
struct Work {
  std::variant<CheckpointWork, DropWork> what;
  std::function<void(Status)> done;
  size_t size_bytes;
};

// The queue, and the thread that works it off: what is asked for and the removal of what was dropped
// by turns.
//
// Invariant: held_bytes_ is the size of what is queued or being written.
// Threads:   the writer's thread runs run() and what it calls.
class StateWriter final : public StateStore {
 public:
  StateWriter(std::unique_ptr<StateFile> file, const StateOptions& options)
      : file_(std::move(file)), options_(options), removal_(*file_, options_.chunk_keys) {
    writer_ = std::thread([this] { run(); });
  }
  ~StateWriter() override;

  bool try_checkpoint(Checkpoint& checkpoint, std::function<void(Status)>& done) override;
  void drop_tasks(std::string prefix, std::function<void(Status)> done) override;
  Result<CheckpointPosition> load(std::string_view task, const Visit& visit) const override {
    return file_->load(task, visit);
  }
  Result<std::vector<std::string>> task_ids() const override { return file_->task_ids(); }
  size_t pending_removals() const override { return removal_.pending(); }
  Uuid instance_id() const override { return file_->instance_id(); }

 private:
  void run();
  void pace(std::chrono::steady_clock::duration pause);

  const std::unique_ptr<StateFile> file_;
  const StateOptions options_;
  StoreRemoval removal_;           // the writer's own
  bool is_removals_turn_ = false;  // the writer's own

  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_
  std::deque<Work> queue_;
  size_t held_bytes_ = 0;
  bool stopping_ = false;

  std::thread writer_;  // last: it uses all of the above
};

StateWriter::~StateWriter() {
  std::deque<Work> dropped;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    dropped = std::exchange(queue_, {});
  }
  changed_.notify_all();
  if (writer_.joinable()) writer_.join();
  for (const Work& work : dropped)
    work.done(Error{ErrorCode::ShuttingDown, "the server is shutting down"});
}

bool StateWriter::try_checkpoint(Checkpoint& checkpoint, std::function<void(Status)>& done) {
  const size_t size_bytes = size_of(checkpoint);
  {
    std::lock_guard lock(mutex_);
    if (held_bytes_ != 0 && held_bytes_ + size_bytes > options_.queue_limit_bytes) return false;
    queue_.push_back({CheckpointWork{std::move(checkpoint)}, std::move(done), size_bytes});
    held_bytes_ += size_bytes;
  }
  changed_.notify_all();
  return true;
}

void StateWriter::drop_tasks(std::string prefix, std::function<void(Status)> done) {
  {
    std::lock_guard lock(mutex_);
    queue_.push_back({DropWork{std::move(prefix)}, std::move(done), 0});
  }
  changed_.notify_all();
}

void StateWriter::run() {
  // Nobody waits for a checkpoint, since the journal has what it holds. Where there are more threads
  // than cores, the loops and the log's writer go first.
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNiceness);
  const std::function<void()> pace_chunks = [this] { pace(file_->last_change_took()); };
  CheckpointWriter writer(*file_, options_.chunk_keys, pace_chunks);
  while (true) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return stopping_ || !queue_.empty() || !removal_.is_done(); });
    if (stopping_) return;
    if (!removal_.is_done() && (queue_.empty() || std::exchange(is_removals_turn_, false))) {
      lock.unlock();
      if (const Status removed = removal_.remove_a_slice(); !removed) {
        log_debug("removal put off error={}", removed.error().message);
        pace(kPauseAfterFailure);
      } else {
        pace(file_->last_change_took());
      }
      continue;
    }
    is_removals_turn_ = true;
    const Work work = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();

    Status status;
    if (const auto* checkpoint = std::get_if<CheckpointWork>(&work.what))
      status = writer.write(checkpoint->checkpoint);
    else
      status = removal_.drop(std::get<DropWork>(work.what).prefix);

    lock.lock();
    assert(held_bytes_ >= work.size_bytes);
    held_bytes_ -= work.size_bytes;
    lock.unlock();
    work.done(std::move(status));
  }
}

// Between chunks the disk belongs to the log for as long as the last chunk had it.
void StateWriter::pace(std::chrono::steady_clock::duration pause) {
  pass(CrashPoint::BetweenCheckpointChunks);
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, pause, [&] { return stopping_; });
}

}  // namespace

Result<std::unique_ptr<StateStore>> StateStore::open(const std::string& directory,
                                                     StateOptions options) {
  const LmdbOptions file{.kind = "state",
                         .format_version = kStateFormatVersion,
                         .oldest_format_version = kStateFormatVersion,
                         .map_size_bytes = options.map_size_bytes,
                         .max_tables = 16};
  return open([directory, file] { return open_lmdb_store(directory, file); }, std::move(options));
}

Result<std::unique_ptr<StateStore>> StateStore::open(OpenStore open_store, StateOptions options) {
  auto file = TRY(StateFile::open(std::move(open_store), options.log_instance));
  return std::make_unique<StateWriter>(std::move(file), options);
}

}  // namespace storage
