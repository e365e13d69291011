#include "engine/types/text_bytes.h"

#include <simdjson.h>

#include <array>
#include <cstdint>
#include <cstring>

namespace engine {

namespace {

constexpr char kBase64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<int8_t, 256> kBase64Values = [] {
  std::array<int8_t, 256> values{};
  values.fill(-1);
  for (int i = 0; i < 64; ++i) values[static_cast<uint8_t>(kBase64[i])] = static_cast<int8_t>(i);
  return values;
}();

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

uint32_t byte_at(std::string_view bytes, size_t at) { return static_cast<uint8_t>(bytes[at]); }

// Returns the size of the UTF-8 character that begins at `at`; 0 if the character is not valid.
size_t valid_size(std::string_view text, size_t at) {
  const uint32_t first = byte_at(text, at);
  if (first < 0x80) return 1;
  const size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || at + size > text.size()) return 0;
  for (size_t i = 1; i < size; ++i)
    if ((byte_at(text, at + i) & 0xc0) != 0x80) return 0;
  const uint32_t second = byte_at(text, at + 1);
  const bool is_overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool is_surrogate = first == 0xed && second > 0x9f;
  const bool is_too_large = first == 0xf4 && second > 0x8f;
  return is_overlong || is_surrogate || is_too_large ? 0 : size;
}

bool is_ascii_text(std::string_view text) {
  constexpr size_t kWord = sizeof(uint64_t);
  constexpr uint64_t kHighBits = 0x8080808080808080;
  uint64_t all = 0;
  size_t at = 0;
  for (; at + kWord <= text.size(); at += kWord) {
    uint64_t word = 0;
    std::memcpy(&word, text.data() + at, kWord);
    all |= word;
  }
  for (; at < text.size(); ++at) all |= static_cast<uint8_t>(text[at]);
  return (all & kHighBits) == 0;
}

}  // namespace

void append_base64(std::string& out, std::string_view bytes) {
  size_t at = 0;
  for (; at + 3 <= bytes.size(); at += 3) {
    const uint32_t group =
        byte_at(bytes, at) << 16 | byte_at(bytes, at + 1) << 8 | byte_at(bytes, at + 2);
    const char text[] = {kBase64[group >> 18], kBase64[group >> 12 & 63], kBase64[group >> 6 & 63],
                         kBase64[group & 63]};
    out.append(text, 4);
  }
  const size_t left = bytes.size() - at;
  if (left == 0) return;
  const uint32_t group =
      byte_at(bytes, at) << 16 | (left == 2 ? byte_at(bytes, at + 1) << 8 : uint32_t{0});
  out += kBase64[group >> 18];
  out += kBase64[group >> 12 & 63];
  out += left == 2 ? kBase64[group >> 6 & 63] : '=';
  out += '=';
}

// Abseil's decoder is not used, because it skips blanks and accepts texts without padding or with
// stray bits at the end. Bytes may be keys, and a key must have only one text.
std::optional<size_t> decode_base64(std::string_view text, char* to) {
  if (text.size() % 4 != 0) return std::nullopt;
  size_t padding = 0;
  if (text.ends_with("=="))
    padding = 2;
  else if (text.ends_with("="))
    padding = 1;
  char* const begin = to;
  for (size_t at = 0; at < text.size(); at += 4) {
    const bool last = at + 4 == text.size();
    const size_t given = last ? 4 - padding : 4;
    uint32_t group = 0;
    for (size_t i = 0; i < 4; ++i) {
      const int value = i < given ? kBase64Values[byte_at(text, at + i)] : 0;
      if (value < 0) return std::nullopt;
      group = group << 6 | static_cast<uint32_t>(value);
    }
    // Bits that belong to no byte must be zero; otherwise two texts would mean the same bytes.
    if ((given == 2 && (group & 0xffff) != 0) || (given == 3 && (group & 0xff) != 0))
      return std::nullopt;
    *to++ = static_cast<char>(group >> 16);
    if (given > 2) *to++ = static_cast<char>(group >> 8);
    if (given > 3) *to++ = static_cast<char>(group);
  }
  return static_cast<size_t>(to - begin);
}

std::optional<std::string> decode_base64(std::string_view text) {
  std::string bytes(base64_decoded_room(text.size()), '\0');
  const auto size = decode_base64(text, bytes.data());
  if (!size) return std::nullopt;
  bytes.resize(*size);
  return bytes;
}

void append_hex(std::string& out, std::string_view bytes, HexCase letters) {
  const char* digits = letters == HexCase::Lower ? "0123456789abcdef" : "0123456789ABCDEF";
  for (const char c : bytes) {
    const auto byte = static_cast<uint8_t>(c);
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
}

// Abseil's decoder is not used, because it accepts any character as a digit.
std::optional<std::string> decode_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() / 2);
  for (size_t at = 0; at < text.size(); at += 2) {
    const int high = hex_value(text[at]), low = hex_value(text[at + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes += static_cast<char>(high << 4 | low);
  }
  return bytes;
}

// Checks short texts first, because most texts are short and ASCII, and simdjson's preparation takes longer than
// checking them.
bool is_utf8(std::string_view text) {
  constexpr size_t kShort = 64;
  return (text.size() <= kShort && is_ascii_text(text)) ||
         simdjson::validate_utf8(text.data(), text.size());
}

std::string repaired_utf8(std::string_view text) {
  constexpr std::string_view kReplacement = "\xef\xbf\xbd";
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t size = valid_size(text, at);
    out += size == 0 ? kReplacement : text.substr(at, size);
    at += size == 0 ? 1 : size;
  }
  return out;
}

}  // namespace engine
