// A TCP connection on a loop: bytes in, bytes out, and word of its end.
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

// What a connection tells its owner. The owner may destroy the connection inside any of these.
class ConnectionHandler {
 public:
  // The bytes are good during the call.
  virtual void on_input(std::string_view bytes) = 0;
  // Where they are to be received, for who knows already where they belong: on_input() is given a part of it then.
  virtual std::span<char> input_room() { return {}; }
  // After unsent_bytes() has been above the high mark: it is at or below the low mark again.
  virtual void on_drained() = 0;
  // The peer has closed its side or is gone (also found out while input is paused), or the time of
  // close_when_sent() is over. Nothing is called afterwards.
  virtual void on_closed() = 0;

 protected:
  ~ConnectionHandler() = default;
};

// Output is buffered without a limit of its own: the owner looks at is_full() and stops making more
// until on_drained(). The peer's half-close counts as its end: neither PostgreSQL's nor Kafka's
// clients go on reading after it, and it is how a killed one looks.
//
// Threads: the loop's.
class Connection {
 public:
  static constexpr size_t kReadSizeBytes =
      64 * 1024;  // at most, in one on_input() without room of its own
  static constexpr size_t kHighMarkBytes = 256 * 1024, kLowMarkBytes = 64 * 1024;

  Connection(Loop& loop, Socket socket, ConnectionHandler& handler);
  ~Connection();  // closes at once; what is not sent is dropped
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Sends what the socket takes at once, and keeps the rest.
  void write(std::string bytes);
  // As one message, whose middle is not copied.
  void write(std::string head, SharedBytes middle, std::string tail);
  size_t unsent_bytes() const;
  // What these take, with what has gone of the same buffer.
  size_t held_bytes() const;
  bool is_full() const { return unsent_bytes() > kHighMarkBytes; }

  // While input is paused the peer's bytes wait in its own buffers.
  void pause_input();
  void resume_input();

  // Acknowledges at once what has arrived of a message that is not whole yet. A peer with Nagle's
  // algorithm (librdkafka by default) holds its last bytes back until then, which would take up to
  // 40 ms.
  void acknowledge_now();

  // Further input is thrown away; on_closed comes when all is sent and the peer has closed too, or after the time is
  // over. A peer that has got all is waited for no longer than `linger_ms`, where that is given.
  void close_when_sent(int64_t timeout_ms, std::optional<int64_t> linger_ms = std::nullopt);

  std::string peer() const;  // "127.0.0.1:51234"
  // Our end, as the peer has reached it; none when the connection is gone.
  std::optional<Address> local() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // shared with libuv, which lets go of it after the handle is closed
};

}  // namespace server
