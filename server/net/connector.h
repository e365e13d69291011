// An outgoing TCP connection in the making.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>

#include "base/result.h"
#include "server/net/address.h"
#include "server/net/listener.h"
#include "server/net/loop.h"

namespace server {

// Looks the host up and connects to the first of its addresses that lets itself be connected to.
//
// Threads: the loop's.
class Connector {
 public:
  // Fails with NetworkFailure: "cannot connect to 127.0.0.1:7433: connection refused".
  using Done = std::function<void(Result<Socket>)>;
  // `done` is called once, never within this call; it may destroy the connector.
  Connector(Loop& loop, const Address& address, int64_t timeout_ms, Done done);
  ~Connector();  // gives up: `done` is not called any more
  Connector(const Connector&) = delete;
  Connector& operator=(const Connector&) = delete;

 private:
  struct Impl;
  Impl* impl_;  // libuv holds on to it until all is closed, then it deletes itself
};

}  // namespace server
