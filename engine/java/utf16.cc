#include "engine/java/utf16.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "engine/types/text_bytes.h"

namespace engine {

namespace {

constexpr uint64_t kHighBits = 0x8080808080808080;

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }
bool begins_pair(char c) { return static_cast<unsigned char>(c) >= 0xF0; }

// Maps the first byte of a UTF-8 character to its order in UTF-16. Characters above U+FFFF (0xF0 or
// more) come before U+E000..U+FFFF (0xEE and 0xEF) in UTF-16.
int utf16_rank(unsigned char lead) { return lead == 0xEE || lead == 0xEF ? lead + 0x100 : lead; }

}  // namespace

bool is_ascii(std::string_view text) {
  size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    uint64_t word;
    std::memcpy(&word, text.data() + i, sizeof word);
    if ((word & kHighBits) != 0) return false;
  }
  for (; i < text.size(); ++i)
    if ((static_cast<unsigned char>(text[i]) & 0x80) != 0) return false;
  return true;
}

size_t utf16_length(std::string_view text) {
  if (is_ascii(text)) return text.size();
  size_t units = 0;
  for (const char c : text) units += (begins_character(c) ? 1U : 0U) + (begins_pair(c) ? 1U : 0U);
  return units;
}

size_t utf16_offset(std::string_view text, size_t index) {
  size_t unit = 0, at = 0;
  while (at < text.size()) {
    const size_t next = unit + (begins_pair(text[at]) ? 2 : 1);
    if (index < next) return at;
    unit = next;
    at += character_size(text, at);
  }
  return text.size();
}

std::strong_ordering compare_utf16(std::string_view a, std::string_view b) {
  const auto [left, right] = std::ranges::mismatch(a, b);
  if (left == a.end() || right == b.end()) return a.size() <=> b.size();
  return utf16_rank(static_cast<unsigned char>(*left)) <=>
         utf16_rank(static_cast<unsigned char>(*right));
}

std::strong_ordering compare_signed_bytes(std::string_view a, std::string_view b) {
  const auto [left, right] = std::ranges::mismatch(a, b);
  if (left == a.end() || right == b.end()) return a.size() <=> b.size();
  return static_cast<int>(static_cast<signed char>(*left)) <=>
         static_cast<int>(static_cast<signed char>(*right));
}

std::string to_valid_utf8(std::string_view bytes) {
  if (is_utf8(bytes)) return std::string(bytes);
  std::string out;
  for (size_t at = 0; at < bytes.size();) {
    const size_t size = character_size(bytes, at);
    if (is_utf8(bytes.substr(at, size))) {
      out += bytes.substr(at, size);
      at += size;
    } else {
      append_utf8(out, U'\uFFFD');
      ++at;
    }
  }
  return out;
}

size_t character_size(std::string_view text, size_t at) {
  size_t end = at + 1;
  while (end < text.size() && end - at < 4 && !begins_character(text[end])) ++end;
  return end - at;
}

char32_t character_at(std::string_view text, size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  if (lead < 0x80) return lead;
  const size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  constexpr char32_t kReplacement = 0xFFFD;
  if (lead < 0xC2 || lead > 0xF4 || character_size(text, at) < size) return kReplacement;
  char32_t code_point = lead & (0x7FU >> size);
  for (size_t i = 1; i < size; ++i)
    code_point = code_point << 6 | (static_cast<unsigned char>(text[at + i]) & 0x3FU);
  return code_point;
}

void append_utf8(std::string& out, char32_t code_point) {
  const auto add = [&out](char32_t byte) { out += static_cast<char>(byte); };
  if (code_point < 0x80) return add(code_point);
  if (code_point < 0x800) {
    add(0xC0 | code_point >> 6);
  } else {
    if (code_point < 0x10000) {
      add(0xE0 | code_point >> 12);
    } else {
      add(0xF0 | code_point >> 18);
      add(0x80 | (code_point >> 12 & 0x3F));
    }
    add(0x80 | (code_point >> 6 & 0x3F));
  }
  add(0x80 | (code_point & 0x3F));
}

std::u16string to_utf16(std::string_view text) {
  if (is_ascii(text)) return {text.begin(), text.end()};
  std::u16string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size(); at += character_size(text, at)) {
    const char32_t code_point = character_at(text, at);
    if (code_point < 0x10000) {
      out += static_cast<char16_t>(code_point);
    } else {
      out += static_cast<char16_t>(0xD800 + ((code_point - 0x10000) >> 10));
      out += static_cast<char16_t>(0xDC00 + ((code_point - 0x10000) & 0x3FF));
    }
  }
  return out;
}

std::string to_utf8(std::u16string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const char16_t unit = text[i];
    if (unit < 0x80) {
      out += static_cast<char>(unit);
      continue;
    }
    const bool is_high = unit >= 0xD800 && unit < 0xDC00, is_low = unit >= 0xDC00 && unit < 0xE000;
    if (is_high && i + 1 < text.size() && text[i + 1] >= 0xDC00 && text[i + 1] < 0xE000) {
      append_utf8(out, 0x10000 + ((unit - 0xD800U) << 10) + (text[i + 1] - 0xDC00U));
      ++i;
    } else {
      append_utf8(out, is_high || is_low ? U'?' : unit);
    }
  }
  return out;
}

}  // namespace engine
