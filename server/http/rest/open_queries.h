// Queries that clients read over HTTP, by id, so that other clients can close them.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>

namespace server::http {

// Threads: any. Owner: the node; it outlives the front end.
class OpenQueries {
 public:
  // A query is open while its entry exists. `close` may be called on any thread, also after the
  // entry was destroyed.
  class Entry {
   public:
    Entry(OpenQueries& queries, std::string id, std::function<void()> close)
        : queries_(queries), id_(std::move(id)) {
      std::lock_guard lock(queries_.mutex_);
      queries_.open_[id_] = std::move(close);
    }
    ~Entry() {
      std::lock_guard lock(queries_.mutex_);
      queries_.open_.erase(id_);
    }
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    const std::string& id() const { return id_; }

   private:
    OpenQueries& queries_;
    const std::string id_;
  };

  uint64_t next_number() {
    std::lock_guard lock(mutex_);
    return ++last_number_;
  }
  // Closes the query of this id. Returns false if no such query is open.
  bool close(const std::string& id) {
    std::function<void()> close;
    {
      std::lock_guard lock(mutex_);
      const auto found = open_.find(id);
      if (found == open_.end()) return false;
      close = found->second;
    }
    close();
    return true;
  }

 private:
  std::mutex mutex_;
  // Guarded by mutex_
  std::map<std::string, std::function<void()>> open_;
  uint64_t last_number_ = 0;
};

}  // namespace server::http
