// A buffer for the innermost loops of writers. Space for a whole value is reserved once; then its
// bytes are stored without further checks.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace engine {

// Appends bytes to a string. The string is longer than the bytes that were written so far; finish()
// cuts it to their size.
class RecordBuffer {
 public:
  static constexpr size_t kBlock = 16;

  explicit RecordBuffer(std::string& bytes) : bytes_(bytes), used_(bytes.size()) {}

  size_t size() const { return used_; }
  // Returns the bytes written from `begin` on; valid until the next write.
  std::string_view from(size_t begin) const { return {bytes_.data() + begin, used_ - begin}; }
  void cut(size_t size) { used_ = size; }
  void finish() { bytes_.resize(used_); }

  // Reserves space for `size` more bytes and one block of kBlock bytes.
  void make_room(size_t size) {
    const size_t needed = used_ + size + kBlock;
    if (bytes_.size() < needed) grow(needed);
  }
  // Calls `print`, which appends to the string itself. `about` is an estimate of the bytes that it appends.
  template <class Print>
  void append_by(size_t about, const Print& print) {
    bytes_.resize(used_);
    bytes_.reserve(used_ + about + about / 8 + kBlock);
    print(bytes_);
    used_ = bytes_.size();
  }
  // Appends any bytes, and reserves the space for them.
  void append(std::string_view text) {
    make_room(text.size());
    std::memcpy(at(), text.data(), text.size());
    used_ += text.size();
  }
  void set(size_t at, char c) { bytes_[at] = c; }
  // Inserts bytes in front of the bytes that were written from `begin` on.
  void insert(size_t begin, std::string_view text) {
    make_room(text.size());
    std::memmove(bytes_.data() + begin + text.size(), bytes_.data() + begin, used_ - begin);
    std::memcpy(bytes_.data() + begin, text.data(), text.size());
    used_ += text.size();
  }

  // The functions below store bytes without checking the space. The caller must have called
  // make_room() for them before.

  void put(char c) { bytes_[used_++] = c; }
  void put(std::string_view text) {
    copy(at(), text.data(), text.size());
    used_ += text.size();
  }
  template <class T>
  void put_little_endian(T value) {
    std::memcpy(at(), &value, sizeof value);
    used_ += sizeof value;
  }
  static constexpr size_t kVarintRoom = 10;  // the longest varint of 64 bits
  void put_varint(uint64_t value) {
    char* to = at();
    for (; value >= 0x80; value >>= 7) *to++ = static_cast<char>(value | 0x80);
    *to++ = static_cast<char>(value);
    used_ = static_cast<size_t>(to - bytes_.data());
  }

 protected:
  char* at() { return bytes_.data() + used_; }
  void advance(size_t size) { used_ += size; }

 private:
  // Copies a text. Most texts are short. For them, two copies of a fixed size that may overlap are
  // faster than a call of memcpy().
  static void copy(char* to, const char* from, size_t size) {
    if (size > 16) {
      std::memcpy(to, from, size);
    } else if (size >= 8) {
      copy_ends<uint64_t>(to, from, size);
    } else if (size >= 4) {
      copy_ends<uint32_t>(to, from, size);
    } else {
      for (size_t i = 0; i < size; ++i) to[i] = from[i];
    }
  }
  template <class Word>
  static void copy_ends(char* to, const char* from, size_t size) {
    Word front, back;
    std::memcpy(&front, from, sizeof front);
    std::memcpy(&back, from + size - sizeof back, sizeof back);
    std::memcpy(to, &front, sizeof front);
    std::memcpy(to + size - sizeof back, &back, sizeof back);
  }

  // Enlarges the string. Uses its whole capacity before it is reallocated.
  void grow(size_t needed) {
    const size_t wanted = needed + needed / 2;
    bytes_.resize(bytes_.capacity() < needed ? wanted : std::min(wanted, bytes_.capacity()));
  }

  std::string& bytes_;
  size_t used_;
};

}  // namespace engine
