// The share sessions of a connection, which end with it: nobody else would get what their members have until its time
// is over.
#pragma once
#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "server/kafka/backend.h"

namespace server::kafka {

// Threads: one loop's. Owner: the connection; the backend outlives it.
class ShareConnection {
 public:
  explicit ShareConnection(Backend& backend);
  ~ShareConnection();
  ShareConnection(const ShareConnection&) = delete;
  ShareConnection& operator=(const ShareConnection&) = delete;

  // Differs from that of every other connection.
  uint64_t id() const { return id_; }
  // False when it has so many that this would be too much.
  bool note(const std::string& group, const std::string& member);
  void forget(const std::string& group, const std::string& member) {
    sessions_.erase({group, member});
  }
  // Of records that were sent, and not yet counted against the client's quota.
  int64_t sent_bytes = 0;

 private:
  Backend& backend_;
  const uint64_t id_;
  std::set<std::pair<std::string, std::string>> sessions_;
};

}  // namespace server::kafka
