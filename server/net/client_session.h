// The session of a client, which implements a protocol without a socket, and its host, which runs
// the session.
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
  // Requests that the host runs the session soon, on this thread, but not within this call.
  virtual void wake() = 0;

 protected:
  ~SessionHost() = default;
};

// The host passes input to receive(), calls run(), and sends take_output(). It calls run() again
// after wake(), at deadline_us(), and while the session waits for memory. It closes the connection
// when is_over() returns true.
//
// Threads: one loop. Owner: the connection, or a test.
class ClientSession {
 public:
  virtual ~ClientSession() = default;

  virtual void receive(std::string_view bytes) = 0;
  virtual void run() = 0;
  virtual std::string take_output() = 0;

  // Returns false while enough input waits. The host then stops reading the socket, but still
  // detects the end of the connection.
  virtual bool wants_input() const = 0;
  // Returns whether a part of a message has arrived and the session can do no work before the
  // message is complete.
  virtual bool is_inside_message() const = 0;
  // Reports whether the client has stopped taking its output. The session pauses its output while
  // `is_full` is true.
  virtual void set_output_full(bool is_full) = 0;
  // Returns the bytes of answers that wait inside the session, for example while HTTP/2's flow
  // control stops their streams.
  virtual size_t unsent_bytes() const { return 0; }
  // Returns the request that the memory budget has refused, such as "a message of 60 MB"; empty if
  // none was refused. run() requests the memory again.
  virtual const std::string& refused_memory() const = 0;
  // Returns the time (of the monotonic clock) at which run() has to be called.
  virtual std::optional<int64_t> deadline_us() const = 0;

  // Returns whether the session has ended. The host then sends the remaining output and closes the
  // connection.
  virtual bool is_over() const = 0;
  // Returns the reason for the end, for the log, or an empty text if the client has ended the
  // session.
  virtual std::string end_reason() const { return {}; }
  // Ends the session soon, with this error if the protocol can express it. ShuttingDown lets
  // running work finish if the protocol can.
  virtual void shut_down(Error reason) = 0;
  // Refuses a session that was opened beyond the limit of connections. The session ends with this
  // error within seconds. Before the error it sends the part of the protocol's greeting that a
  // client needs to read the error.
  virtual void refuse(Error reason) { shut_down(std::move(reason)); }
};

}  // namespace server
