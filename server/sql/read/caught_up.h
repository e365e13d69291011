// Which of the tables and streams that queries make have caught up once with their sources.
#pragma once
#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <mutex>
#include <string>

namespace server {

// A query that was made, begins again after a stop, a failure or a pause, or is rebuilt has a backlog, of which its table
// must not hide a part. After the first read that has waited for all of it, later reads wait for the writes of
// their own session alone (docs/adr/0117).
//
// Threads: any. Owner: SqlParts.
class CaughtUp {
 public:
  // `since`: the newest change of a query on the way to the table (QuerySupervisor::Health). A later change makes what
  // was noted before it void.
  bool has(const std::string& query, uint64_t since) const {
    const std::lock_guard lock(mutex_);
    const auto found = since_.find(query);
    return found != since_.end() && found->second == since;
  }
  void note(const std::string& query, uint64_t since) {
    const std::lock_guard lock(mutex_);
    if (since_.size() >= kMost) since_.clear();  // the next reads only find it out again
    since_[query] = since;
  }

 private:
  static constexpr size_t kMost = 20'000;
  mutable std::mutex mutex_;
  absl::flat_hash_map<std::string, uint64_t> since_;  // guarded by mutex_; by the id of the query
};

}  // namespace server
