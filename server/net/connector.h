// Opens an outgoing TCP connection.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>

#include "base/result.h"
#include "server/net/address.h"
#include "server/net/listener.h"
#include "server/net/loop.h"

namespace server {

// Looks up the host and connects to the first of its addresses that accepts the connection.
//
// Threads: one loop.
class Connector {
 public:
  // Gets the socket, or NetworkFailure: "cannot connect to 127.0.0.1:7433: connection refused".
  using Done = std::function<void(Result<Socket>)>;
  // Calls `done` once, never within this call. `done` may destroy the connector.
  Connector(Loop& loop, const Address& address, int64_t timeout_ms, Done done);
  ~Connector();  // gives up: `done` is not called afterwards
  Connector(const Connector&) = delete;
  Connector& operator=(const Connector&) = delete;

  // Returns whether the host answered that no process listens at the port (ECONNREFUSED). If the host did not answer,
  // the process may still be running.
  bool was_refused() const;

 private:
  struct Impl;
  Impl* impl_;  // deletes itself after libuv has closed all handles
};

}  // namespace server
