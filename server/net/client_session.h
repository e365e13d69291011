// The two sides of a client's conversation: the protocol, which knows no socket, and whoever drives
// it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace server {

// What a session asks of whoever drives it.
class SessionHost {
 public:
  // Run the session soon, on this thread, but not from inside this call.
  virtual void wake() = 0;

 protected:
  ~SessionHost() = default;
};

// The driver's part: receive() what has come, run(), send take_output(), run() again after wake(),
// at deadline_us() and while the session waits for memory, and close when is_over().
//
// Threads: one loop's. Owner: the connection, or a test.
class ClientSession {
 public:
  virtual ~ClientSession() = default;

  virtual void receive(std::string_view bytes) = 0;
  virtual void run() = 0;
  virtual std::string take_output() = 0;

  // False while enough is waiting: stop reading the socket, but go on watching it for its end.
  virtual bool wants_input() const = 0;
  // Part of a message has arrived and nothing can be done before the rest.
  virtual bool is_inside_message() const = 0;
  // The client does not take what it was sent: make no more until it does.
  virtual void set_output_full(bool is_full) = 0;
  // Answers that were made and wait inside the session, as HTTP/2's do whose streams the client does not let be sent.
  virtual size_t unsent_bytes() const { return 0; }
  // What the memory budget has refused: "a message of 60 MB". Empty when there is nothing.
  // run() asks for it again.
  virtual const std::string& refused_memory() const = 0;
  // Of the clock; run() has something to do then.
  virtual std::optional<int64_t> deadline_us() const = 0;

  // The last output is all that there is to say: send it and close.
  virtual bool is_over() const = 0;
  // Why it is over, for the log; empty when the client wanted it so.
  virtual std::string end_reason() const { return {}; }
  // Ends the session as soon as the loop comes to it: with this error, where the protocol has
  // words for one. ShuttingDown lets what is under way finish if the protocol can.
  virtual void shut_down(Error reason) = 0;
  // For one that has just been opened and is one too many: it ends with this error, after as much of
  // the protocol's greeting as a client needs to understand it, and within seconds.
  virtual void refuse(Error reason) { shut_down(std::move(reason)); }
};

}  // namespace server
