// Requests that librdkafka does not know, by hand: one connection, one request at a time, in the flexible encoding (KIP-482).
#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/result.h"
#include "client/admin/wire_tls.h"
#include "client/properties.h"

namespace client {

// Puts together what a request says.
class WireWriter {
 public:
  template <class T>
  WireWriter& number(T value) {
    append_be(bytes_, value);
    return *this;
  }
  WireWriter& text(std::string_view value);
  WireWriter& null_text() { return count(-1); }
  // Of an array that follows; -1: null.
  WireWriter& count(int64_t elements);
  // Where a struct or the request ends.
  WireWriter& end() { return number<int8_t>(0); }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

// Reads an answer. What is missing reads as zero, and is_whole() tells at the end.
class WireReader {
 public:
  explicit WireReader(std::string answer) : answer_(std::move(answer)), in_(answer_) {}
  WireReader(const WireReader&) = delete;
  WireReader& operator=(const WireReader&) = delete;

  template <class T>
  T number() {
    return in_.be<T>();
  }
  std::string text();  // null is empty
  // Of an array that follows; null has none.
  size_t count();
  // Where a struct or the answer ends; what is tagged is passed over.
  void end();
  // Or one by one: the tag of the next, and its size.
  size_t tagged_count() { return in_.varint(); }
  std::pair<uint64_t, size_t> next_tagged();
  void skip(size_t bytes) { in_.bytes(bytes); }
  bool is_whole() const { return in_.ok() && in_.at_end(); }
  bool ok() const { return in_.ok(); }

 private:
  const std::string answer_;
  ByteReader in_;
};

// Threads: one. Blocks, as long as it is patient at most.
class WireConnection {
 public:
  static constexpr std::chrono::seconds kPatience{30};
  // "HOST:PORT". `properties`: a user's, as Java's clients or librdkafka name them; those about TLS and SASL count. Fails
  // with NetworkFailure, with InvalidAuthorization where the server does not let in whom they name.
  static Result<WireConnection> open(const std::string& address, const Properties& properties,
                                     std::chrono::seconds patience = kPatience);
  WireConnection(WireConnection&& other) noexcept
      : socket_(std::exchange(other.socket_, -1)),
        patience_(other.patience_),
        tls_(std::move(other.tls_)),
        plain_(std::move(other.plain_)),
        asked_(other.asked_) {}
  WireConnection& operator=(WireConnection&&) = delete;
  ~WireConnection();

  // What comes after the answer's header. The request is flexible in this version. Fails with NetworkFailure.
  Result<std::string> ask(int16_t api_key, int16_t version, const WireWriter& request);
  // Of ApiVersions, version 3, whose answer has the header of the first one (KIP-511). Anybody may ask for that.
  Result<std::string> ask_versions();
  // From now on.
  void be_patient(std::chrono::seconds patience);

 private:
  WireConnection(int socket, std::chrono::seconds patience)
      : socket_(socket), patience_(patience) {}
  Status begin_tls(const Properties& properties, const std::string& host);
  Status log_in(const Properties& properties);
  // One message of SASL to the server, and its answer.
  Result<std::string> authenticate(const std::string& message);
  // `body`: behind the client's name.
  Result<std::string> ask_frame(int16_t api_key, int16_t version, std::string_view body,
                                size_t header_bytes);
  Status send(std::string_view bytes);
  Status send_raw(std::string_view bytes);
  Result<std::string> receive(size_t size);
  Result<std::string> receive_some();

  int socket_;
  std::chrono::seconds patience_;
  std::unique_ptr<WireTls> tls_;  // null: none
  std::string plain_;             // that has come, and was not asked for yet
  int32_t asked_ = 0;
};

}  // namespace client
