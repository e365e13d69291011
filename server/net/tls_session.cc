#include "server/net/tls_session.h"

#include <algorithm>

#include "base/bytes.h"

namespace server {

namespace {

constexpr char kHandshakeRecord = 0x16;
// Packets of 8 bytes that PostgreSQL's clients may send before the first message.
constexpr size_t kRequestBytes = 8;
constexpr int32_t kSslRequestCode = 80877103, kGssEncryptionRequestCode = 80877104;

constexpr size_t kReadBytes = 16 * 1024;        // the size of a TLS record
constexpr size_t kMostUndecrypted = 64 * 1024;  // the socket is not read while more bytes wait
constexpr int64_t kMaxRunUs = 1'000;

}  // namespace

std::optional<int64_t> HandshakeTurns::held_until_us() const {
  if (spent_us_ < kMostUs || clock_.monotonic_us() >= window_us_ + kWindowUs) return std::nullopt;
  return window_us_ + kWindowUs;
}

void HandshakeTurns::spent(int64_t us) {
  const int64_t now_us = clock_.monotonic_us();
  if (now_us >= window_us_ + kWindowUs) {
    window_us_ = now_us;
    spent_us_ = 0;
  }
  spent_us_ += us;
}

TlsSession::TlsSession(const TlsServer& server, TlsStart start,
                       std::unique_ptr<ClientSession> inner, Channel& channel, SessionHost& host,
                       HandshakeTurns& turns, const Clock& clock, MemoryAccount* memory)
    : server_(server),
      start_(std::move(start)),
      inner_(std::move(inner)),
      channel_(channel),
      host_(host),
      turns_(turns),
      clock_(clock),
      charge_(memory, MemoryKind::Connections) {}
TlsSession::~TlsSession() = default;

void TlsSession::receive(std::string_view bytes) {
  if (stage_ == Stage::Plain) return inner_->receive(bytes);
  if (tls_) return tls_->receive(bytes);
  first_bytes_ += bytes;
  decide();
}

void TlsSession::decide() {
  if (first_bytes_.front() == kHandshakeRecord) return begin(true);
  const bool may_be_request = start_.has_request && first_bytes_.front() == 0;
  if (may_be_request && first_bytes_.size() < kRequestBytes) return;
  const int32_t code = may_be_request ? load_be<int32_t>(first_bytes_.data() + 4) : 0;
  const bool is_request =
      may_be_request && load_be<int32_t>(first_bytes_.data()) == int32_t{kRequestBytes};
  if (is_request && code == kSslRequestCode) {
    first_bytes_.erase(0, kRequestBytes);
    // Unencrypted bytes after the request for TLS may come from an attacker in the middle. The
    // session would treat them as if they had been encrypted, so the connection ends.
    if (!first_bytes_.empty()) return end("unencrypted data after the request for TLS");
    plain_output_ += 'S';
    return begin(false);
  }
  // The inner session declines GSS encryption. The client then decides how to continue.
  if (is_request && code == kGssEncryptionRequestCode) {
    inner_->receive(std::string_view(first_bytes_).substr(0, kRequestBytes));
    first_bytes_.erase(0, kRequestBytes);
    if (!first_bytes_.empty()) decide();
    return;
  }
  stage_ = Stage::Plain;
  inner_->receive(std::exchange(first_bytes_, {}));
}

void TlsSession::begin(bool is_direct) {
  stage_ = Stage::Handshake;
  handshake_until_us_ = clock_.monotonic_us() + start_.timeout_ms * 1000;
  charge_.resize(TlsConnection::kBytes);
  tls_ =
      std::make_unique<TlsConnection>(server_, start_.protocols, is_direct && start_.has_request);
  tls_->receive(std::exchange(first_bytes_, {}));
}

void TlsSession::run() {
  if (is_over_) return;
  if (stage_ == Stage::Handshake) step_handshake();
  if (stage_ == Stage::Open) return read_on();
  if (stage_ != Stage::Handshake) inner_->run();
}

void TlsSession::step_handshake() {
  const int64_t now_us = clock_.monotonic_us();
  if (now_us >= handshake_until_us_) return end("the TLS handshake has taken too long");
  if (turns_.held_until_us() || tls_->undecrypted_bytes() == 0) return;
  const TlsConnection::Progress progress = tls_->handshake(channel_);
  turns_.spent(clock_.monotonic_us() - now_us);
  if (progress == TlsConnection::Progress::Ready)
    stage_ = Stage::Open;
  else if (progress != TlsConnection::Progress::Waiting)
    end("TLS handshake: " + tls_->failure());
}

void TlsSession::read_on() {
  const int64_t until_us = clock_.monotonic_us() + kMaxRunUs;
  for (bool has_more = true; has_more && !is_over();) {
    has_more = false;
    if (inner_->wants_input() && inner_->refused_memory().empty()) {
      std::string plain;
      const TlsConnection::Progress progress = tls_->read(plain, kReadBytes);
      has_more = progress == TlsConnection::Progress::Ready;
      if (has_more) inner_->receive(plain);
      if (progress == TlsConnection::Progress::Closed) is_over_ = true;
      if (progress == TlsConnection::Progress::Failed) end("TLS: " + tls_->failure());
    }
    if (is_over_) return;
    inner_->run();
    if (has_more && clock_.monotonic_us() >= until_us) return host_.wake();
  }
}

std::string TlsSession::take_output() {
  std::string out = std::exchange(plain_output_, {});
  if (!tls_) return out + inner_->take_output();
  if (stage_ == Stage::Open) {
    tls_->write(inner_->take_output());
    if (is_over() && !std::exchange(has_closed_, true)) tls_->close();
  }
  return out + tls_->take_encrypted();
}

bool TlsSession::wants_input() const {
  if (stage_ == Stage::Undecided || stage_ == Stage::Plain) return inner_->wants_input();
  if (tls_->undecrypted_bytes() >= kMostUndecrypted) return false;
  return stage_ == Stage::Handshake || inner_->wants_input();
}

std::optional<int64_t> TlsSession::deadline_us() const {
  if (stage_ != Stage::Handshake) return inner_->deadline_us();
  if (tls_->undecrypted_bytes() == 0) return handshake_until_us_;
  return std::min(handshake_until_us_, turns_.held_until_us().value_or(handshake_until_us_));
}

void TlsSession::shut_down(Error reason) {
  if (stage_ == Stage::Handshake) {
    end({});
    return host_.wake();
  }
  inner_->shut_down(std::move(reason));
}

void TlsSession::end(std::string reason) {
  end_reason_ = std::move(reason);
  is_over_ = true;
}

}  // namespace server
