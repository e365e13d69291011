// One request and its answer: the interfaces of a request's handler.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "base/memory_budget.h"
#include "base/result.h"
#include "server/http/message.h"
#include "server/net/loop.h"
#include "server/net/tls.h"

namespace server::http {

// Receives an answer: either answer() once, or begin(), any number of write(), and end() or fail().
// Calls after the end are ignored.
//
// Threads: the connection's loop. The responder outlives the exchange.
class Responder {
 public:
  virtual void answer(Response response) = 0;
  virtual void begin(ResponseHead head) = 0;
  virtual void write(std::string_view bytes) = 0;
  // Adds a trailer: a header that follows the body, for facts that are known only at the end. Called between begin()
  // and end(). Clients may ignore trailers, and answers to HTTP/1.0 have none.
  virtual void add_trailer(Header trailer) = 0;
  virtual void end() = 0;
  // Ends an answer that cannot be completed. The client can recognise that the answer is incomplete.
  virtual void fail() = 0;
  // Whether the output that waits for the client has reached its limit. Exchange::run() is called when the responder
  // accepts output again.
  virtual bool is_full() const = 0;
  // Runs the exchange soon, but not within this call.
  virtual void wake() = 0;

 protected:
  ~Responder() = default;
};

// A request that is being answered. The exchange is destroyed when the answer is complete or the
// client has disconnected, and then stops its work.
//
// Threads: the connection's loop. Owner: the connection.
class Exchange {
 public:
  virtual ~Exchange() = default;
  // Continues the answer. Called at first, after wake(), when the responder is no longer full, and
  // at deadline_us().
  virtual void run() = 0;
  // Receives the next bytes of the body, for routes with BodyUse::InPieces. The bytes are valid
  // during the call.
  virtual void on_body(std::string_view /*bytes*/) {}
  virtual void on_body_end() {}
  // Returns false while the exchange has enough input to work on. The connection then reads no
  // bytes from the client.
  virtual bool wants_body() const { return true; }
  virtual std::optional<int64_t> deadline_us() const { return std::nullopt; }
  // Called when the server stops. A request without an end (a push query) must end now; a request
  // that ends soon may continue.
  virtual void shut_down(const Error& /*reason*/) {}
};

// The parts of the connection that an exchange uses. All of them outlive the exchange.
struct ExchangeContext {
  Loop& loop;
  size_t shard;  // the index of the loop
  const Clock& clock;
  MemoryAccount* memory;  // the account of the connection; null in some tests
  Responder& responder;
  const Channel* channel = nullptr;  // the channel of the connection; null in some tests
  size_t* open_queries = nullptr;    // number of open queries of the connection; null in some tests
};

// Creates the exchange of a request, or answers within the call and returns null.
using Handler = std::function<std::unique_ptr<Exchange>(Request request, const ExchangeContext&)>;

// Returns a handler that answers with the result of `make`, within the call.
Handler answer_with(std::function<Response(const Request&)> make);

// Returns a handler whose answer comes later: `begin` is called on the loop, and calls `done` once
// with the response, on any thread.
using ResponseDone = std::function<void(Response)>;
Handler answer_later(std::function<void(Request request, ResponseDone done)> begin);

// True once the client has disconnected and the answer is no longer needed. Any thread may read it.
using Unwanted = std::shared_ptr<const std::atomic<bool>>;
Handler answer_while_wanted(
    std::function<void(Request request, Unwanted unwanted, ResponseDone done)> begin);

}  // namespace server::http
