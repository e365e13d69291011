// The results of the last statements that created or changed something over HTTP, for requests to
// /status.
#pragma once
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace server::http {

// Threads: any. Owner: the node; it outlives the front end.
class CommandLog {
 public:
  // Adds a result; beyond kMost results, the oldest one is removed.
  void add(const std::string& command_id, std::string message) {
    std::lock_guard lock(mutex_);
    if (messages_.insert_or_assign(command_id, std::move(message)).second)
      order_.push_back(command_id);
    if (order_.size() <= kMost) return;
    messages_.erase(order_.front());
    order_.pop_front();
  }
  std::optional<std::string> find(const std::string& command_id) const {
    std::lock_guard lock(mutex_);
    const auto found = messages_.find(command_id);
    if (found == messages_.end()) return std::nullopt;
    return found->second;
  }
  std::map<std::string, std::string> all() const {
    std::lock_guard lock(mutex_);
    return messages_;
  }

 private:
  static constexpr size_t kMost = 1'000;
  mutable std::mutex mutex_;
  // Guarded by mutex_
  std::map<std::string, std::string> messages_;
  std::deque<std::string> order_;
};

}  // namespace server::http
