// Reads and writes numbers in byte strings. Kafka and PostgreSQL send big-endian numbers.
#pragma once
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

template <class T>
T byte_swapped(T value) {
  static_assert(std::is_integral_v<T>);
  if constexpr (sizeof(T) == 1)
    return value;
  else if constexpr (sizeof(T) == 2)
    return static_cast<T>(__builtin_bswap16(static_cast<uint16_t>(value)));
  else if constexpr (sizeof(T) == 4)
    return static_cast<T>(__builtin_bswap32(static_cast<uint32_t>(value)));
  else
    return static_cast<T>(__builtin_bswap64(static_cast<uint64_t>(value)));
}

// Precondition: `from` has sizeof(T) bytes.
template <class T>
T load_be(const void* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return byte_swapped(value);
}
template <class T>
void store_be(void* to, T value) {
  value = byte_swapped(value);
  std::memcpy(to, &value, sizeof value);
}
template <class T>
void append_be(std::string& out, T value) {
  value = byte_swapped(value);
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

// Returns the zigzag encoding, which signed numbers get before they are written as varints.
inline uint64_t zigzag(int64_t value) {
  return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}
inline int64_t unzigzag(uint64_t value) {
  return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
}

// Appends the number as an unsigned LEB128, as protocol buffers and Kafka write it.
inline void append_varint(std::string& out, uint64_t value) {
  while (value >= 0x80) {
    out += static_cast<char>(value | 0x80);
    value >>= 7;
  }
  out += static_cast<char>(value);
}

// Reads from the front of `data`. After a read beyond the end, ok() stays false and every later
// read returns a zero or an empty string. So one check at the end is enough for a whole message.
class ByteReader {
 public:
  explicit ByteReader(std::string_view data) : data_(data) {}
  template <class T>
  T be() {
    if (data_.size() < sizeof(T)) return fail<T>();
    const T value = load_be<T>(data_.data());
    data_.remove_prefix(sizeof(T));
    return value;
  }
  std::string_view bytes(size_t size) {
    if (data_.size() < size) return fail<std::string_view>();
    const std::string_view got = data_.substr(0, size);
    data_.remove_prefix(size);
    return got;
  }
  // Reads a varint of at most 10 bytes; a longer one is a failure.
  uint64_t varint() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (data_.empty()) return fail<uint64_t>();
      const auto byte = static_cast<uint8_t>(data_.front());
      data_.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return value;
    }
    return fail<uint64_t>();
  }
  int64_t signed_varint() { return unzigzag(varint()); }
  std::string_view rest() const { return data_; }
  bool at_end() const { return data_.empty(); }
  bool ok() const { return ok_; }
  // Makes the reader fail, for a caller that has read an invalid value.
  void fail() {
    ok_ = false;
    data_ = {};
  }

 private:
  template <class T>
  T fail() {
    fail();
    return T{};
  }
  std::string_view data_;
  bool ok_ = true;
};
