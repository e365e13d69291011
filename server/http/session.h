// A client's connection. Its first bytes determine the version of HTTP.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "server/http/connection_parts.h"

namespace server::http {

// A client that begins with the first bytes of HTTP/2 (its "preface"), as ksqlDB's Java client
// does, is served with HTTP/2, every other HTTP client with HTTP/1. Clients of PostgreSQL and of
// Kafka that connect to this port are refused with an answer in their own protocol, which they can
// show.
//
// Threads: one loop. Owner: the connection, or a test.
class Session final : public ClientSession {
 public:
  explicit Session(const ConnectionParts& parts);

  void receive(std::string_view bytes) override;
  void run() override;
  std::string take_output() override {
    return version_ ? version_->take_output() : std::exchange(foreign_answer_, {});
  }
  bool wants_input() const override { return !version_ || version_->wants_input(); }
  bool is_inside_message() const override { return version_ && version_->is_inside_message(); }
  void set_output_full(bool is_full) override;
  size_t unsent_bytes() const override { return version_ ? version_->unsent_bytes() : 0; }
  const std::string& refused_memory() const override {
    return version_ ? version_->refused_memory() : nothing_;
  }
  std::optional<int64_t> deadline_us() const override {
    return version_ ? version_->deadline_us() : deadline_us_;
  }
  bool is_over() const override {
    return version_ ? version_->is_over() : is_over_ && foreign_answer_.empty();
  }
  std::string end_reason() const override {
    return version_ ? version_->end_reason() : end_reason_;
  }
  void shut_down(Error reason) override;
  void refuse(Error reason) override;

 private:
  // Answers a client of another protocol. Returns true if the first bytes belong to another protocol, or if this is not
  // known yet.
  bool take_foreign_bytes();
  void end(std::string reason);

  const ConnectionParts parts_;
  const std::string nothing_;
  std::string first_bytes_;  // input that is shorter than the preface of HTTP/2
  std::optional<Error> refusal_;
  std::unique_ptr<ClientSession> version_;  // null until the version of HTTP is known
  std::optional<int64_t> deadline_us_;
  std::string foreign_answer_, end_reason_;
  bool is_postgres_ = false, is_over_ = false;
};

}  // namespace server::http
