// One client's connection: which version of HTTP it speaks is found out from its first bytes.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "server/http/connection_parts.h"

namespace server::http {

// HTTP/2 is spoken with whoever begins with its preface ("prior knowledge"), as ksqlDB's Java client
// does; HTTP/1 with everybody else.
//
// Threads: one loop's. Owner: the connection, or a test.
class Session final : public ClientSession {
 public:
  explicit Session(const ConnectionParts& parts);

  void receive(std::string_view bytes) override;
  void run() override;
  std::string take_output() override { return version_ ? version_->take_output() : std::string(); }
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
  bool is_over() const override { return version_ ? version_->is_over() : is_over_; }
  std::string end_reason() const override { return version_ ? version_->end_reason() : nothing_; }
  void shut_down(Error reason) override;
  void refuse(Error reason) override;

 private:
  const ConnectionParts parts_;
  const std::string nothing_;
  std::string first_bytes_;  // fewer than the preface has
  std::optional<Error> refusal_;
  std::unique_ptr<ClientSession> version_;  // once it is known
  std::optional<int64_t> deadline_us_;
  bool is_over_ = false;
};

}  // namespace server::http
