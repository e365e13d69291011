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
  // `its_loop` outlives late answers, as a server's loops do; null: the conversation has its own loop.
  explicit Conversation(Routes routes, Limits limits = {}, size_t memory_bytes = 1 << 30,
                        Loop* its_loop = nullptr, const RequestGate* gate = nullptr,
                        const Channel* channel = nullptr);

  // Sends the bytes and returns the answer, as far as the server has written it.
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

// Routes for tests: /hello; /echo, which answers with its request; /count/{n}, which writes n lines whenever the output
// has room; /pieces, which answers to each piece of a body with its length; /never, which does not answer before it is
// shut down; /broken, whose answer ends in the middle.
Routes test_routes();

}  // namespace server::http
