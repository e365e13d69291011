// The two sides of a client's conversation: the session, which implements a protocol without a
// socket, and its host, which drives it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace server {

// The requests of a session to its host.
class SessionHost {
 public:
  // Run the session soon, on this thread, but not from inside this call.
  virtual void wake() = 0;

 protected:
  ~SessionHost() = default;
};

// The host passes input to receive(), calls run(), sends take_output(), calls run() again after
// wake(), at deadline_us() and while the session waits for memory, and closes the connection when
// is_over().
//
// Threads: one loop's. Owner: the connection, or a test.
class ClientSession {
 public:
  virtual ~ClientSession() = default;

  virtual void receive(std::string_view bytes) = 0;
  virtual void run() = 0;
  virtual std::string take_output() = 0;

  // False while enough input is waiting: the host stops reading the socket but still watches it for
  // its end.
  virtual bool wants_input() const = 0;
  // Whether a part of a message has arrived and no work can be done before the rest.
  virtual bool is_inside_message() const = 0;
  // Reports that the client does not take its output: the session pauses its output until it does.
  virtual void set_output_full(bool is_full) = 0;
  // Bytes of answers that wait inside the session, for example while HTTP/2's flow control stops
  // their streams.
  virtual size_t unsent_bytes() const { return 0; }
  // The request that the memory budget has refused: "a message of 60 MB"; empty if none was. run()
  // asks for it again.
  virtual const std::string& refused_memory() const = 0;
  // The time (of the clock) at which run() has to be called.
  virtual std::optional<int64_t> deadline_us() const = 0;

  // The session has ended: send the rest of its output and close.
  virtual bool is_over() const = 0;
  // The reason of the end, for the log; empty if the client ended the session.
  virtual std::string end_reason() const { return {}; }
  // Ends the session soon, with this error if the protocol can express it. ShuttingDown lets
  // running work finish if the protocol can.
  virtual void shut_down(Error reason) = 0;
  // For a session that was just opened beyond the limit: it ends with this error within seconds,
  // after the part of the protocol's greeting that a client needs to understand it.
  virtual void refuse(Error reason) { shut_down(std::move(reason)); }
};

}  // namespace server
