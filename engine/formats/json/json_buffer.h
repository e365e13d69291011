// Buffers for the hot loop of the JSON writer.
#pragma once
#include <charconv>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "engine/formats/record_buffer.h"
#include "engine/types/text_json.h"

namespace engine {

// A text that is followed by padding, so that whole blocks can be copied from it.
class PaddedText {
 public:
  explicit PaddedText(std::string text) : size_(text.size()), padded_(std::move(text)) {
    padded_.append(RecordBuffer::kBlock, '\0');
  }
  size_t size() const { return size_; }
  const char* data() const { return padded_.data(); }

 private:
  size_t size_;
  std::string padded_;
};

// A RecordBuffer with functions for JSON. These functions, too, store without checking the space.
class JsonBuffer : public RecordBuffer {
 public:
  using RecordBuffer::RecordBuffer;

  using RecordBuffer::put;
  void put(const PaddedText& text) {
    char* to = at();
    for (size_t done = 0; done < text.size(); done += kBlock)
      std::memcpy(to + done, text.data() + done, kBlock);
    advance(text.size());
  }
  static constexpr size_t kNumberRoom = 20;
  void put_number(int64_t value) {
    advance(static_cast<size_t>(std::to_chars(at(), at() + kNumberRoom, value).ptr - at()));
  }
  // Writes a string in quotes, text.size() + 2 characters. Returns false, and writes nothing, if
  // the string needs escapes.
  bool put_plain_string(std::string_view text) {
    char* to = at();
    *to++ = '"';
    if (!copy_plain_json(text, to)) return false;
    to[text.size()] = '"';
    advance(text.size() + 2);
    return true;
  }
};

}  // namespace engine
