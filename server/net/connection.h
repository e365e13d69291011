// A TCP connection on a loop: reads and writes bytes and reports its end.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/shared_bytes.h"
#include "server/net/listener.h"
#include "server/net/loop.h"

namespace server {

// The events of a connection. The owner may destroy the connection inside any of these calls.
class ConnectionHandler {
 public:
  // `bytes` is valid during the call.
  virtual void on_input(std::string_view bytes) = 0;
  // A buffer in which the owner wants to receive; on_input() then gets a part of it. Empty: the
  // connection's own.
  virtual std::span<char> input_room() { return {}; }
  // unsent_bytes() has been above the high mark and is now at or below the low mark.
  virtual void on_drained() = 0;
  // The peer has closed its side or is gone (also detected while input is paused), or the time
  // limit of close_when_sent() is over. No calls follow.
  virtual void on_closed() = 0;

 protected:
  ~ConnectionHandler() = default;
};

// Output is buffered without a limit of its own: the owner checks is_full() and pauses until
// on_drained(). A half-close by the peer counts as its end: clients of PostgreSQL and Kafka do not
// read after it, and a killed client looks the same.
//
// Threads: the loop's.
class Connection {
 public:
  static constexpr size_t kReadSizeBytes =
      64 * 1024;  // limit of one on_input() without a buffer of the owner
  static constexpr size_t kHighMarkBytes = 256 * 1024, kLowMarkBytes = 64 * 1024;

  Connection(Loop& loop, Socket socket, ConnectionHandler& handler);
  ~Connection();  // closes at once; unsent output is dropped
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Sends the bytes that the socket takes at once, and keeps the rest.
  void write(std::string bytes);
  // Writes one message whose middle is not copied.
  void write(std::string head, SharedBytes middle, std::string tail);
  size_t unsent_bytes() const;
  // The memory of unsent output, including sent bytes in the same buffer.
  size_t held_bytes() const;
  bool is_full() const { return unsent_bytes() > kHighMarkBytes; }

  // While input is paused the peer's bytes wait in the system's buffers.
  void pause_input();
  void resume_input();

  // Acknowledges at once the received part of an incomplete message. A peer with Nagle's algorithm
  // (librdkafka by default) sends the last bytes of a message only after that, which would take up
  // to 40 ms.
  void acknowledge_now();

  // Discards further input. on_closed() is called when all output is sent and the peer has closed,
  // too, or at the time limit. With `linger_ms`, a peer that has got all output is waited for no
  // longer than that.
  void close_when_sent(int64_t timeout_ms, std::optional<int64_t> linger_ms = std::nullopt);

  std::string peer() const;  // "127.0.0.1:51234"
  // The local address to which the peer has connected; nothing if the connection is gone.
  std::optional<Address> local() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // shared with libuv, which releases it after closing the handle
};

}  // namespace server
