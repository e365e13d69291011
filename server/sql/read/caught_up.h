// Remembers which tables and streams written by queries have, at least once, processed all of their
// sources.
#pragma once
#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <mutex>
#include <string>

namespace server {

// A query that was created, rebuilt, or restarted after a stop, a failure or a pause still has to
// process older records (its backlog). A read must not silently omit the rows of the backlog. When
// the first read has waited for all of it, later reads only wait for the writes of their own
// session (docs/adr/0117).
//
// Threads: any. Owner: SqlParts.
class CaughtUp {
 public:
  // Returns whether note() was called for this query with this `since`. `since` is the number of
  // the newest change (QuerySupervisor::Health::since) of all queries that feed the table or
  // stream. A later change of one of these queries has a greater number, so earlier notes no longer
  // count.
  bool has(const std::string& query, uint64_t since) const {
    const std::lock_guard lock(mutex_);
    const auto found = since_.find(query);
    return found != since_.end() && found->second == since;
  }
  void note(const std::string& query, uint64_t since) {
    const std::lock_guard lock(mutex_);
    if (since_.size() >= kMost) since_.clear();  // the next reads wait once more
    since_[query] = since;
  }

 private:
  static constexpr size_t kMost = 20'000;
  mutable std::mutex mutex_;
  absl::flat_hash_map<std::string, uint64_t> since_;  // by query id; guarded by mutex_
};

}  // namespace server
