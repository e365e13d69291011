// Handles TLS for a session of any protocol, if the client requests it.
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

// How the clients of a front end request TLS.
struct TlsStart {
  // True for PostgreSQL, whose clients send an SSLRequest first, in plain text. A client that
  // starts with TLS directly must offer `postgresql` by ALPN.
  bool has_request = false;
  std::vector<std::string> protocols = {};  // choices for ALPN, best first
  int64_t timeout_ms = 10'000;              // time limit of the handshake
};

// Limits the handshakes of a loop to half of the loop's time. The limit is needed because a
// handshake costs a hundred times as much as a look-up.
//
// Threads: one loop. Owner: the object that owns the loop's connections.
class HandshakeTurns {
 public:
  explicit HandshakeTurns(const Clock& clock) : clock_(clock) {}
  // Returns the time when the next handshake may continue, or nullopt if it may continue now.
  std::optional<int64_t> held_until_us() const;
  void spent(int64_t us);

 private:
  static constexpr int64_t kWindowUs = 10'000, kMostUs = 5'000;
  const Clock& clock_;
  int64_t window_us_ = 0, spent_us_ = 0;
};

// The client's first byte decides whether the client uses TLS: 0x16 begins a TLS handshake, and no
// message of the inner protocols begins with 0x16. The input of a client without TLS is passed on
// unchanged, and the access rules decide whether the client is admitted.
//
// Threads: one loop. Owner: the connection, or a test.
class TlsSession final : public ClientSession {
 public:
  // All arguments except `start` and `inner` outlive the session. The handshake fills in `channel`.
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
  std::string first_bytes_;  // input that has arrived while the stage is Undecided
  std::string plain_output_;
  std::unique_ptr<TlsConnection> tls_;
  int64_t handshake_until_us_ = 0;
  bool has_closed_ = false, is_over_ = false;
  std::string end_reason_;
};

}  // namespace server
