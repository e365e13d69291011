// Listens on an address and accepts connections.
#pragma once
#include <functional>
#include <memory>
#include <utility>

#include "base/result.h"
#include "server/net/address.h"
#include "server/net/loop.h"

namespace server {

// An open file descriptor of a connected socket, which the listener passes to the loop that will
// own the connection.
class Socket {
 public:
  explicit Socket(int fd = -1) : fd_(fd) {}
  ~Socket();
  Socket(Socket&& other) noexcept : fd_(other.release()) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  int fd() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

// Threads: one loop. The accepted sockets may be given to any loop.
class Listener {
 public:
  // Called with each new connection.
  using OnAccept = std::function<void(Socket)>;

  // Listens on the address. Port 0 selects a free port. Fails with NetworkFailure: "cannot listen
  // on 127.0.0.1:7432: address already in use".
  static Result<std::unique_ptr<Listener>> open(Loop& loop, const Address& address,
                                                OnAccept on_accept);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Returns the bound address, which has the given host and the actual port.
  const Address& address() const;

 private:
  struct Impl;
  explicit Listener(Impl* impl) : impl_(impl) {}
  Impl* impl_;  // libuv owns it; it deletes itself when the handle is closed
};

}  // namespace server
