// Servers of which any will do.
#pragma once
#include <string>
#include <vector>

#include "base/result.h"
#include "client/admin/wire_connection.h"
#include "client/properties.h"

namespace client {

class Bootstrap {
 public:
  // "HOST:PORT,HOST:PORT". `properties`: see WireConnection::open().
  Bootstrap(const std::string& servers, Properties properties);
  // To the first that answers, beginning with the one that was connected to last; fails as the last of them does. Where there
  // are others, one that takes connections and says nothing (it is frozen, say) is left after seconds.
  Result<WireConnection> connect();
  // It turned out not to answer: the next connect() begins behind it.
  void pass_on() { at_ = (at_ + 1) % servers_.size(); }
  size_t size() const { return servers_.size(); }

 private:
  Result<WireConnection> connect_to(const std::string& server) const;

  std::vector<std::string> servers_;  // one at least
  Properties properties_;
  size_t at_ = 0;
};

}  // namespace client
