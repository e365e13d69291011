// A client without a socket: bytes to a session and back, with a clock that the test moves.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "server/http/session.h"
#include "server/net/loop.h"

namespace server::http {

class Conversation final : private SessionHost {
 public:
  // `its_loop` outlives answers that come when the conversation is over, as a server's loops do; null: it has one of its
  // own.
  explicit Conversation(Routes routes, Limits limits = {}, size_t memory_bytes = 1 << 30,
                        Loop* its_loop = nullptr, const RequestGate* gate = nullptr);

  // What the server says to that, as far as it says it now.
  std::string say(std::string_view bytes);
  std::string listen();  // the same without a word
  void wait_ms(int64_t ms) { clock.advance_us(ms * 1000); }

  SimulatedClock clock{784'111'777'000};  // the date in the RFCs' examples
  MemoryBudget memory;
  MemoryAccount account{memory};
  std::optional<Loop> own_loop;
  Loop& loop;
  const Routes routes;
  const Limits limits;
  Session session;

 private:
  void wake() override { is_woken_ = true; }
  bool is_woken_ = false;
};

// Routes for tests: /hello; /echo, which answers with what it is sent; /count/{n}, which writes n lines when there is
// room; /pieces, which answers to each piece of a body with its length; /never, which does not answer before it is shut
// down; /broken, whose answer ends in the middle.
Routes test_routes();

}  // namespace server::http
