// Requests that librdkafka does not know, by hand: one connection, one request at a time, in the flexible encoding (KIP-482).
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/result.h"

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

// Threads: one. Blocks, for some seconds at most.
class WireConnection {
 public:
  // "HOST:PORT". Fails with NetworkFailure.
  static Result<WireConnection> open(const std::string& address);
  WireConnection(WireConnection&& other) noexcept : socket_(std::exchange(other.socket_, -1)) {}
  WireConnection& operator=(WireConnection&&) = delete;
  ~WireConnection();

  // The header of the answer: that to ApiVersions is the same in all versions (KIP-511).
  enum class Header : uint8_t { Flexible, First };
  // What comes after the answer's header. The request is flexible in this version. Fails with NetworkFailure.
  Result<std::string> ask(int16_t api_key, int16_t version, const WireWriter& request,
                          Header header = Header::Flexible);

 private:
  explicit WireConnection(int socket) : socket_(socket) {}
  Status send(std::string_view bytes);
  Result<std::string> receive(size_t size);

  int socket_;
  int32_t asked_ = 0;
};

}  // namespace client
