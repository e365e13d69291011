// A session of any protocol behind TLS, for clients that begin with it.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/memory_budget.h"
#include "server/net/client_session.h"
#include "server/net/tls.h"

namespace server {

// The ways in which the clients of a front end request TLS.
struct TlsStart {
  // PostgreSQL's way: an SSLRequest is sent first, in plain text. A client that starts TLS at once
  // must offer `postgresql` by ALPN.
  bool has_request = false;
  std::vector<std::string> protocols = {};  // for ALPN, best first
  int64_t timeout_ms = 10'000;              // for the handshake
};

// A handshake costs a hundred times as much as a look-up, so handshakes get at most half of a
// loop's time.
//
// Threads: one loop's. Owner: the object that owns the loop's connections.
class HandshakeTurns {
 public:
  explicit HandshakeTurns(const Clock& clock) : clock_(clock) {}
  // The time when the next handshake may continue; nothing: now.
  std::optional<int64_t> held_until_us() const;
  void spent(int64_t us);

 private:
  static constexpr int64_t kWindowUs = 10'000, kMostUs = 5'000;
  const Clock& clock_;
  int64_t window_us_ = 0, spent_us_ = 0;
};

// The first byte of the client decides: 0x16 begins TLS in none of the protocols served here. A
// client without TLS is passed on unchanged: the access rules decide whether that is allowed.
//
// Threads: one loop's. Owner: the connection, or a test.
class TlsSession final : public ClientSession {
 public:
  // Everything except `start` outlives it. The handshake fills `channel`.
  TlsSession(const TlsServer& server, TlsStart start, std::unique_ptr<ClientSession> inner,
             Channel& channel, SessionHost& host, HandshakeTurns& turns, const Clock& clock,
             MemoryAccount* memory);
  ~TlsSession() override;

  void receive(std::string_view bytes) override;
  void run() override;
  std::string take_output() override;
  bool wants_input() const override;
  bool is_inside_message() const override { return inner_->is_inside_message(); }
  void set_output_full(bool is_full) override { inner_->set_output_full(is_full); }
  size_t unsent_bytes() const override { return inner_->unsent_bytes(); }
  const std::string& refused_memory() const override { return inner_->refused_memory(); }
  std::optional<int64_t> deadline_us() const override;
  bool is_over() const override { return is_over_ || inner_->is_over(); }
  std::string end_reason() const override {
    return end_reason_.empty() ? inner_->end_reason() : end_reason_;
  }
  void shut_down(Error reason) override;
  void refuse(Error reason) override { inner_->refuse(std::move(reason)); }

 private:
  enum class Stage : uint8_t { Undecided, Plain, Handshake, Open };

  void decide();
  void begin(bool is_direct);
  void step_handshake();
  void read_on();
  void end(std::string reason);

  const TlsServer& server_;
  const TlsStart start_;
  const std::unique_ptr<ClientSession> inner_;
  Channel& channel_;
  SessionHost& host_;
  HandshakeTurns& turns_;
  const Clock& clock_;
  MemoryCharge charge_;

  Stage stage_ = Stage::Undecided;
  std::string first_bytes_;  // set while it is undecided
  std::string plain_output_;
  std::unique_ptr<TlsConnection> tls_;
  int64_t handshake_until_us_ = 0;
  bool has_closed_ = false, is_over_ = false;
  std::string end_reason_;
};

}  // namespace server
