// A buffer for the hot loop of the JSON writer: room is made once for a field, then characters are
// stored without asking again.
#pragma once
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "engine/types/text_json.h"

namespace engine {

// Text that is stored in whole blocks, past its end if need be.
class PaddedText {
 public:
  static constexpr size_t kBlock = 16;
  explicit PaddedText(std::string text) : size_(text.size()), padded_(std::move(text)) {
    padded_.append(kBlock, '\0');
  }
  size_t size() const { return size_; }
  const char* data() const { return padded_.data(); }

 private:
  size_t size_;
  std::string padded_;
};

// Appends to a string that is longer than what has been written so far; finish() cuts it.
class JsonBuffer {
 public:
  explicit JsonBuffer(std::string& bytes) : bytes_(bytes), used_(bytes.size()) {}

  size_t size() const { return used_; }
  void cut(size_t size) { used_ = size; }
  void finish() { bytes_.resize(used_); }

  // Room for `size` more characters and one block.
  void make_room(size_t size) {
    const size_t needed = used_ + size + PaddedText::kBlock;
    if (bytes_.size() >= needed) return;
    // Where there is memory for it, it does not move.
    const size_t wanted = needed + needed / 2;
    bytes_.resize(bytes_.capacity() < needed ? wanted : std::min(wanted, bytes_.capacity()));
  }
  // Appends what `print` does to the string itself, of about so many characters.
  template <class Print>
  void append_by(size_t about, const Print& print) {
    bytes_.resize(used_);
    bytes_.reserve(used_ + about + about / 8 + PaddedText::kBlock);
    print(bytes_);
    used_ = bytes_.size();
  }

  // Those below store without looking: make_room() has been called for what they need.

  void put(char c) { bytes_[used_++] = c; }
  void put(const PaddedText& text) {
    char* to = at();
    for (size_t done = 0; done < text.size(); done += PaddedText::kBlock)
      std::memcpy(to + done, text.data() + done, PaddedText::kBlock);
    used_ += text.size();
  }
  static constexpr size_t kNumberRoom = 20;
  void put_number(int64_t value) {
    used_ += static_cast<size_t>(std::to_chars(at(), at() + kNumberRoom, value).ptr - at());
  }
  // A string in quotes that needs no escapes, in text.size() + 2 characters; false, and nothing is
  // written, if it does need some.
  bool put_plain_string(std::string_view text) {
    char* to = at();
    *to++ = '"';
    if (!copy_plain_json(text, to)) return false;
    to[text.size()] = '"';
    used_ += text.size() + 2;
    return true;
  }

  // Any text; makes its own room.
  void append(std::string_view text) {
    make_room(text.size());
    std::memcpy(at(), text.data(), text.size());
    used_ += text.size();
  }

 private:
  char* at() { return bytes_.data() + used_; }

  std::string& bytes_;
  size_t used_;
};

}  // namespace engine
