// A connection to a Kafka server for requests that librdkafka does not have. Sends one request at a
// time, in the flexible encoding (KIP-482).
#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "client/admin/wire_tls.h"
#include "client/properties.h"

namespace client {

// Builds the body of a request.
class WireWriter {
 public:
  template <class T>
  WireWriter& number(T value) {
    append_be(bytes_, value);
    return *this;
  }
  WireWriter& text(std::string_view value);
  WireWriter& null_text() { return count(-1); }
  // Writes the number of elements of the array that follows; -1 means null.
  WireWriter& count(int64_t elements);
  // Ends a struct or the request with an empty list of tagged fields.
  WireWriter& end() { return number<int8_t>(0); }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

// Returns the error for a response that is incomplete (is_whole() is false).
Error cut_short();

// Reads a response. Bytes beyond the end are read as zeros; at the end, is_whole() returns whether
// the response was complete.
class WireReader {
 public:
  explicit WireReader(std::string answer) : answer_(std::move(answer)), in_(answer_) {}
  WireReader(const WireReader&) = delete;
  WireReader& operator=(const WireReader&) = delete;

  template <class T>
  T number() {
    return in_.be<T>();
  }
  std::string text();  // empty for null
  // Reads the number of elements of the array that follows; 0 for null.
  size_t count();
  std::vector<int32_t> int32s();  // an array; empty for null
  // Ends a struct or the response, and skips its tagged fields.
  void end();
  // Used in place of end() to read tagged fields: tagged_count() returns their number, and
  // next_tagged() the tag and the size of the next one.
  size_t tagged_count() { return in_.varint(); }
  std::pair<uint64_t, size_t> next_tagged();
  void skip(size_t bytes) { in_.bytes(bytes); }
  bool is_whole() const { return in_.ok() && in_.at_end(); }
  bool ok() const { return in_.ok(); }

 private:
  const std::string answer_;
  ByteReader in_;
};

// Threads: one. Calls block for at most `patience`.
class WireConnection {
 public:
  static constexpr std::chrono::seconds kPatience{30};
  // Connects to `address` ("HOST:PORT"). `properties` have the names of Java's clients or of
  // librdkafka; only those for TLS and SASL are used. Fails with NetworkFailure, or with
  // InvalidAuthorization if the server refuses the user.
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

  // Sends a request, and returns the response without its header. `version` must be a version with
  // the flexible encoding. Fails with NetworkFailure.
  Result<std::string> ask(int16_t api_key, int16_t version, const WireWriter& request);
  // Sends ApiVersions, version 3, whose response has header version 0 (KIP-511). This request is
  // allowed before authentication.
  Result<std::string> ask_versions();
  // Changes the time limit of later calls.
  void be_patient(std::chrono::seconds patience);

 private:
  WireConnection(int socket, std::chrono::seconds patience)
      : socket_(socket), patience_(patience) {}
  Status begin_tls(const Properties& properties, const std::string& host);
  Status log_in(const Properties& properties);
  // Sends one SASL message to the server and returns its answer.
  Result<std::string> authenticate(const std::string& message);
  // Sends a request. `body` is the part of the request after the client id.
  Result<std::string> ask_frame(int16_t api_key, int16_t version, std::string_view body,
                                size_t header_bytes);
  Status send(std::string_view bytes);
  Status send_raw(std::string_view bytes);
  Result<std::string> receive(size_t size);
  Result<std::string> receive_some();

  int socket_;
  std::chrono::seconds patience_;
  std::unique_ptr<WireTls> tls_;  // null: no TLS
  std::string plain_;             // received bytes that were not read yet
  int32_t asked_ = 0;
};

}  // namespace client
