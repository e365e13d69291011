// Computes digests (hashes of a range of records) of this node's replicas, on a thread of its own, because it reads the
// whole range from the disk. ScrubCalls compares the digests of different nodes.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "server/cluster/scrub_calls.h"
#include "storage/log/log_reader.h"

namespace server {

// Threads: ask() from any thread; callbacks run on the digest thread. Owner: ClusterMember, which
// stops it before the log is closed. At most kMostWaiting requests are queued. Further ones are
// refused, and the caller asks again in a later round of ScrubCalls.
class DigestThread {
 public:
  static Result<std::unique_ptr<DigestThread>> start(storage::Log& log);
  ~DigestThread() { stop(); }

  void ask(const storage::TopicPartition& partition, Offset from, std::optional<Offset> end,
           size_t max_bytes, ScrubCalls::Digested done);
  // Ends the thread. Callbacks of waiting requests are not called.
  void stop();

 private:
  static constexpr size_t kMostWaiting = 64;
  struct Asked {
    storage::TopicPartition partition;
    Offset from;
    std::optional<Offset> end;
    size_t max_bytes;
    ScrubCalls::Digested done;
  };
  DigestThread(storage::Log& log, std::unique_ptr<storage::LogReader> reader);
  void run();

  storage::Log& log_;
  const std::unique_ptr<storage::LogReader> reader_;  // used only by the thread
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Asked> waiting_;  // guarded by mutex_
  bool is_stopping_ = false;   // guarded by mutex_
  std::thread thread_;
};

}  // namespace server
