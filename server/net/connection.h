// A TCP connection on a loop. It reads and writes bytes, and reports its end.
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
  // Called with received bytes. `bytes` is valid during the call.
  virtual void on_input(std::string_view bytes) = 0;
  // Returns a buffer for the next read; on_input() then gets a part of this buffer. If the returned
  // span is empty, the connection uses its own buffer.
  virtual std::span<char> input_room() { return {}; }
  // Called when unsent_bytes() was above kHighMarkBytes and has fallen to kLowMarkBytes or less.
  virtual void on_drained() = 0;
  // Called when the peer has closed its side or is gone; this is detected even while input is
  // paused. Also called when the time limit of close_when_sent() is over. No calls follow.
  virtual void on_closed() = 0;

 protected:
  ~ConnectionHandler() = default;
};

// Output is buffered without a limit, so the owner must check is_full() and pause until
// on_drained(). A half-close by the peer counts as the end of the connection: clients of PostgreSQL
// and Kafka do not read after a half-close, and a killed client looks the same.
//
// Threads: one loop.
class Connection {
 public:
  static constexpr size_t kReadSizeBytes =
      64 * 1024;  // limit of one on_input(), unless input_room() returns a buffer
  static constexpr size_t kHighMarkBytes = 256 * 1024, kLowMarkBytes = 64 * 1024;

  Connection(Loop& loop, Socket socket, ConnectionHandler& handler);
  ~Connection();  // closes immediately; unsent output is dropped
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Sends the bytes that the socket accepts now, and buffers the rest.
  void write(std::string bytes);
  // Writes one message, without copying its middle.
  void write(std::string head, SharedBytes middle, std::string tail);
  size_t unsent_bytes() const;
  // Returns the memory of unsent output, including sent bytes in the same buffers.
  size_t held_bytes() const;
  bool is_full() const { return unsent_bytes() > kHighMarkBytes; }

  // Stops reading. While input is paused, the peer's bytes wait in the system's buffers.
  void pause_input();
  void resume_input();

  // Makes the system acknowledge the received part of an incomplete message now. A peer with
  // Nagle's algorithm (librdkafka by default) sends the last bytes of a message only after the
  // acknowledgement. Without this call, the system would delay the acknowledgement by up to 40 ms.
  void acknowledge_now();

  // Discards further input. on_closed() is called when all output is sent and the peer has closed
  // its side, or after `timeout_ms`. With `linger_ms`, the connection waits only this time for the
  // peer to close after the peer has received all output.
  void close_when_sent(int64_t timeout_ms, std::optional<int64_t> linger_ms = std::nullopt);

  std::string peer() const;  // "127.0.0.1:51234"
  // Returns the local address to which the peer has connected, or nullopt if the connection is
  // gone.
  std::optional<Address> local() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // shared with libuv, which releases it after closing the handle
};

}  // namespace server
