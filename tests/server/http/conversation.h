// A client without a socket: it passes bytes to a session and takes its answers. The test moves the
// clock.
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
  // `its_loop` must outlive late answers, as the loops of a server do. If it is null, the conversation creates a loop.
  explicit Conversation(Routes routes, Limits limits = {}, size_t memory_bytes = 1 << 30,
                        Loop* its_loop = nullptr, const RequestGate* gate = nullptr,
                        const Channel* channel = nullptr);

  // Sends the bytes and returns the answer, as far as the server has written it.
  std::string say(std::string_view bytes);
  std::string listen();  // returns the answer without sending anything
  void wait_ms(int64_t ms) { clock.advance_us(ms * 1000); }

  SimulatedClock clock{784'111'777'000};  // the date of the examples in the RFCs
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

// Routes for tests: /hello; /echo returns its request; /count/{n} writes n lines whenever the output has room; /pieces
// returns the length of each piece of a body; /never answers only when it is shut down; the answer of /broken ends in
// the middle.
Routes test_routes();

}  // namespace server::http
