// One request and its answer: what handlers of requests are, and what they answer to.
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

// Where an answer goes: answer() once; or begin(), any number of write(), and end() or fail().
// What comes after the end is dropped.
//
// Threads: the connection's loop. It outlives the exchange.
class Responder {
 public:
  virtual void answer(Response response) = 0;
  virtual void begin(ResponseHead head) = 0;
  virtual void write(std::string_view bytes) = 0;
  virtual void end() = 0;
  // The rest is not to be had: the client sees that its answer is not whole.
  virtual void fail() = 0;
  // Enough waits for the client. Exchange::run() comes when there is room again.
  virtual bool is_full() const = 0;
  // Run the exchange soon, but not from inside this call.
  virtual void wake() = 0;

 protected:
  ~Responder() = default;
};

// A request that is being answered. Destroyed when the answer is given or the client has gone: then
// nobody wants it any more, and it stops what it has begun.
//
// Threads: the connection's loop. Owner: the connection.
class Exchange {
 public:
  virtual ~Exchange() = default;
  // At first, after wake(), when there is room again, and at deadline_us().
  virtual void run() = 0;
  // Of routes that take the body in pieces. The bytes are good during the call.
  virtual void on_body(std::string_view /*bytes*/) {}
  virtual void on_body_end() {}
  // False while enough is waiting: the client is not read then.
  virtual bool wants_body() const { return true; }
  virtual std::optional<int64_t> deadline_us() const { return std::nullopt; }
  // The server stops: what would go on for good ends with that, what ends soon may go on.
  virtual void shut_down(const Error& /*reason*/) {}
};

// What an exchange has of the connection. All of it outlives the exchange.
struct ExchangeContext {
  Loop& loop;
  size_t shard;  // the index of the loop
  const Clock& clock;
  MemoryAccount* memory;  // the connection's; none in some tests
  Responder& responder;
  const Channel* channel = nullptr;  // how it comes; none in some tests
  size_t* open_queries = nullptr;    // of all requests of the connection; none in some tests
};

// Makes the exchange of a request, or answers at once and gives none.
using Handler = std::function<std::unique_ptr<Exchange>(Request request, const ExchangeContext&)>;

// A handler of what can be answered where it is asked.
Handler answer_with(std::function<Response(const Request&)> make);

// A handler of what is answered elsewhere: `begin` is called on the loop, and calls `done` once, on
// any thread.
using ResponseDone = std::function<void(Response)>;
Handler answer_later(std::function<void(Request request, ResponseDone done)> begin);

// True once the client has gone and nobody wants the answer any more; to be read on any thread.
using Unwanted = std::shared_ptr<const std::atomic<bool>>;
Handler answer_while_wanted(
    std::function<void(Request request, Unwanted unwanted, ResponseDone done)> begin);

}  // namespace server::http
