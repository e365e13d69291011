// Reads Avro's binary encoding from front to back.
#pragma once
#include <bit>
#include <cstdint>
#include <string_view>

#include "base/bytes.h"

namespace engine {

// Reads values. If bytes are missing, failed() returns true from then on, and all further values
// are zero or empty.
class AvroCursor {
 public:
  explicit AvroCursor(std::string_view bytes)
      : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  // Reads an int or a long.
  int64_t whole() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (at_ == end_) return fail();
      const auto byte = static_cast<uint8_t>(*at_++);
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return unzigzag(value);
    }
    return fail();
  }
  std::string_view bytes(size_t size) {
    if (size > left()) {
      fail();
      return {};
    }
    const std::string_view taken(at_, size);
    at_ += size;
    return taken;
  }
  // Reads bytes or a string: a length, then that number of bytes.
  std::string_view text() {
    const int64_t size = whole();
    if (size < 0) {
      fail();
      return {};
    }
    return bytes(static_cast<size_t>(size));
  }
  template <class T>
  T little_endian() {
    T value{};
    const std::string_view raw = bytes(sizeof(T));
    if (!failed_) std::memcpy(&value, raw.data(), sizeof(T));
    return value;
  }

  size_t left() const { return static_cast<size_t>(end_ - at_); }
  bool at_end() const { return at_ == end_; }
  bool failed() const { return failed_; }
  int64_t fail() {
    failed_ = true;
    at_ = end_;
    return 0;
  }

  // Begins the next block of an array or a map. Returns its number of items; 0 at the end. The
  // number is limited: items without bytes (such as nulls) could otherwise make a small input claim
  // any number of items.
  size_t block() {
    int64_t count = whole();
    if (count < 0) {
      count = count == INT64_MIN ? 0 : -count;
      whole();  // the size in bytes of a block, which is useful only to skip the block
    }
    items_ += static_cast<uint64_t>(count);
    if (static_cast<uint64_t>(count) > left() + kMaxEmptyItems || items_ > kMaxItems) fail();
    return failed_ ? 0 : static_cast<size_t>(count);
  }

 private:
  static constexpr uint64_t kMaxEmptyItems = 1024, kMaxItems = uint64_t{1} << 26;

  const char* at_;
  const char* end_;
  uint64_t items_ = 0;
  bool failed_ = false;
};
static_assert(std::endian::native == std::endian::little);

}  // namespace engine
