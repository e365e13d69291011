#include "server/cluster/digest_thread.h"

#include <utility>

namespace server {

Result<std::unique_ptr<DigestThread>> DigestThread::start(storage::Log& log) {
  auto reader = TRY(storage::LogReader::open(log));
  return std::unique_ptr<DigestThread>(new DigestThread(log, std::move(reader)));
}

DigestThread::DigestThread(storage::Log& log, std::unique_ptr<storage::LogReader> reader)
    : log_(log), reader_(std::move(reader)), thread_([this] { run(); }) {}

void DigestThread::ask(const storage::TopicPartition& partition, Offset from,
                       std::optional<Offset> end, size_t max_bytes, ScrubCalls::Digested done) {
  {
    const std::lock_guard lock(mutex_);
    if (is_stopping_) return;
    if (waiting_.size() < kMostWaiting) {
      waiting_.push_back({partition, from, end, max_bytes, std::move(done)});
      changed_.notify_one();
      return;
    }
  }
  done(Error{ErrorCode::OutOfMemory, "too many requests for digests are queued"});
}

void DigestThread::stop() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
    waiting_.clear();
    changed_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

void DigestThread::run() {
  while (true) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return is_stopping_ || !waiting_.empty(); });
    if (is_stopping_) return;
    const Asked asked = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    asked.done(storage::digest_range(log_, *reader_, asked.partition, asked.from, asked.end,
                                     asked.max_bytes));
  }
}

}  // namespace server
