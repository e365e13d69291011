// The bootstrap servers of a cluster. A client needs a connection to only one of them.
#pragma once
#include <string>
#include <vector>

#include "base/result.h"
#include "client/admin/wire_connection.h"
#include "client/properties.h"

namespace client {

class Bootstrap {
 public:
  // `servers` is a list such as "HOST:PORT,HOST:PORT". `properties` are as for
  // WireConnection::open().
  Bootstrap(const std::string& servers, Properties properties);
  // Connects to the first server that answers. The first attempt is made with the server of the
  // last connect(). If all servers fail, returns the error of the last one. If there are several
  // servers, each of them gets only some seconds to answer, since a frozen server accepts
  // connections but does not answer.
  Result<WireConnection> connect();
  // Called if the current server did not answer: the next connect() begins with the server after
  // it.
  void pass_on() { at_ = (at_ + 1) % servers_.size(); }
  size_t size() const { return servers_.size(); }

 private:
  Result<WireConnection> connect_to(const std::string& server) const;

  std::vector<std::string> servers_;  // at least one
  Properties properties_;
  size_t at_ = 0;
};

}  // namespace client
