#include "server/http/session.h"

#include <algorithm>
#include <utility>

#include "server/http/http1.h"
#include "server/http/http2.h"
#include "server/net/foreign_client.h"

namespace server::http {

namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

}  // namespace

Session::Session(const ConnectionParts& parts)
    : parts_(parts),
      deadline_us_(parts.clock.monotonic_us() + parts.limits.head_timeout_ms * 1000) {}

void Session::receive(std::string_view bytes) {
  if (version_) return version_->receive(bytes);
  if (first_bytes_.empty())
    deadline_us_ = parts_.clock.monotonic_us() + parts_.limits.head_timeout_ms * 1000;
  first_bytes_ += bytes;
  if (is_over_ || take_foreign_bytes()) return;
  const size_t compared = std::min(first_bytes_.size(), kPreface.size());
  if (first_bytes_.compare(0, compared, kPreface, 0, compared) != 0)
    version_ = std::make_unique<Http1>(parts_);
  else if (compared == kPreface.size())
    version_ = std::make_unique<Http2>(parts_);
  if (!version_) return;
  if (refusal_) version_->refuse(std::move(*refusal_));
  version_->receive(std::exchange(first_bytes_, {}));
}

// A request of PostgreSQL's or Kafka's protocol begins with a length, whose first byte is 0. No
// HTTP request begins with this byte.
bool Session::take_foreign_bytes() {
  while (is_postgres_ || first_bytes_.starts_with('\0')) {
    if (first_bytes_.size() < kEncryptionRequestBytes) return true;
    const PostgresGreeting greeting = read_postgres_greeting(first_bytes_, is_postgres_);
    if (greeting == PostgresGreeting::Encryption) {
      is_postgres_ = true;
      foreign_answer_ += 'N';  // the connection continues without encryption
      first_bytes_.erase(0, kEncryptionRequestBytes);
      continue;
    }
    if (greeting == PostgresGreeting::Start) {
      foreign_answer_ += postgres_refusal(WireProtocol::Http);
      end(wrong_port(WireProtocol::Postgres, WireProtocol::Http));
      return true;
    }
    if (!is_kafka_request(first_bytes_)) return false;
    // A Kafka client reads the first four bytes, "HTTP", as the size of an answer, and reports that
    // this size is too large. Millrace's commands recognize the number in this error.
    foreign_answer_ += "HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n";
    end(wrong_port(WireProtocol::Kafka, WireProtocol::Http));
    return true;
  }
  return false;
}

void Session::end(std::string reason) {
  end_reason_ = std::move(reason);
  is_over_ = true;
}

void Session::run() {
  if (version_) return version_->run();
  if (deadline_us_ && parts_.clock.monotonic_us() >= *deadline_us_) is_over_ = true;
}

void Session::set_output_full(bool is_full) {
  if (version_) version_->set_output_full(is_full);
}

void Session::shut_down(Error reason) {
  if (version_) return version_->shut_down(std::move(reason));
  is_over_ = true;
  parts_.host.wake();
}

void Session::refuse(Error reason) {
  refusal_ = std::move(reason);
  deadline_us_ = parts_.clock.monotonic_us() + parts_.limits.refusal_timeout_ms * 1000;
  parts_.host.wake();
}

}  // namespace server::http
