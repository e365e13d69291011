// Prints values as JSON text, for JSON topics, the text form of nested values, and PostgreSQL's
// jsonb.
#pragma once
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "engine/types/column.h"

namespace engine {

// Appends the text in quotes. Control characters, quotes and backslashes are escaped as in Jackson;
// other characters are unchanged.
void append_json_string(std::string& out, std::string_view text);

// Returns whether any of eight characters must be escaped in JSON.
inline bool any_needs_escape(uint64_t characters) {
  // Each test sets the top bit of a byte that needs an escape. `& ~word` and `& ~characters` clear this bit in bytes
  // above 0x7f, which never need one.
  constexpr uint64_t kOnes = 0x0101010101010101u, kTops = 0x8080808080808080u;
  const auto zero_bytes = [](uint64_t word) { return (word - kOnes) & ~word & kTops; };
  const uint64_t control = (characters - kOnes * 0x20) & ~characters & kTops;
  return (control | zero_bytes(characters ^ (kOnes * '"')) |
          zero_bytes(characters ^ (kOnes * '\\'))) != 0;
}
inline bool needs_escape(char c) { return static_cast<uint8_t>(c) < 0x20 || c == '"' || c == '\\'; }

// Copies a text to `to`. Returns false if the text needs escapes; the contents of `to` are then
// undefined.
inline bool copy_plain_json(std::string_view text, char* to) {
  constexpr size_t kWord = sizeof(uint64_t);
  const auto copy_word = [&](size_t at) {
    uint64_t word;
    std::memcpy(&word, text.data() + at, kWord);
    std::memcpy(to + at, &word, kWord);
    return !any_needs_escape(word);
  };
  if (text.size() < kWord) {
    for (size_t at = 0; at < text.size(); ++at) {
      if (needs_escape(text[at])) return false;
      to[at] = text[at];
    }
    return true;
  }
  for (size_t at = 0; at + kWord <= text.size(); at += kWord)
    if (!copy_word(at)) return false;
  return copy_word(text.size() - kWord);  // copies the last word, which overlaps the word before it
}

// Returns whether the token is -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)? and nothing else.
bool is_json_number(std::string_view token);

// The form of DATE, TIME and TIMESTAMP inside JSON.
enum class JsonTimes : uint8_t {
  Numbers,  // for topics: days, ms of the day, ms since 1970
  Iso,      // text, for people and PostgreSQL clients
};

// The form of numbers inside JSON.
enum class JsonNumbers : uint8_t {
  Plain,
  // DECIMAL, and BIGINT beyond 2^53 in either direction, are strings: readers that keep numbers as
  // IEEE doubles, as browsers do, would round them.
  Exact,
};

// Appends the value of one row, including nested values. STRUCT and MAP are objects with explicit
// nulls, DECIMAL is a number in plain notation, DOUBLE has Java's notation with NaN and infinities
// as strings, and BYTES is base64.
void append_json_value(std::string& out, const Column& column, size_t row,
                       JsonTimes times = JsonTimes::Numbers,
                       JsonNumbers numbers = JsonNumbers::Plain);

}  // namespace engine
