// The bootstrap servers of a cluster; a connection to any one of them is sufficient.
#pragma once
#include <string>
#include <vector>

#include "base/result.h"
#include "client/admin/wire_connection.h"
#include "client/properties.h"

namespace client {

class Bootstrap {
 public:
  // `servers` is a list such as "HOST:PORT,HOST:PORT". For `properties`, see WireConnection::open().
  Bootstrap(const std::string& servers, Properties properties);
  // Connects to the first server that answers, beginning with the one that was connected last. If all fail, fails with
  // the error of the last one. With several servers, a server that accepts connections but does not answer (a frozen
  // one, for example) is abandoned after some seconds.
  Result<WireConnection> connect();
  // Makes the next connect() begin with the server after the current one. It is called when the current server did not
  // answer.
  void pass_on() { at_ = (at_ + 1) % servers_.size(); }
  size_t size() const { return servers_.size(); }

 private:
  Result<WireConnection> connect_to(const std::string& server) const;

  std::vector<std::string> servers_;  // at least one
  Properties properties_;
  size_t at_ = 0;
};

}  // namespace client
