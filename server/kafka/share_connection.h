// The share sessions of a connection. They end together with the connection, so that the records of
// their members do not stay locked until the locks expire.
#pragma once
#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "server/kafka/backend.h"

namespace server::kafka {

// Threads: one loop. Owner: the connection; the backend outlives it.
class ShareConnection {
 public:
  explicit ShareConnection(Backend& backend);
  ~ShareConnection();
  ShareConnection(const ShareConnection&) = delete;
  ShareConnection& operator=(const ShareConnection&) = delete;

  // Returns a number that is unique among all connections.
  uint64_t id() const { return id_; }
  // Adds a session. Returns false if the connection already has the largest allowed number of
  // sessions.
  bool note(const std::string& group, const std::string& member);
  void forget(const std::string& group, const std::string& member) {
    sessions_.erase({group, member});
  }
  // Number of bytes of records that were sent but are not counted against the client's quota yet.
  int64_t sent_bytes = 0;

 private:
  Backend& backend_;
  const uint64_t id_;
  std::set<std::pair<std::string, std::string>> sessions_;
};

}  // namespace server::kafka
