#include "engine/formats/json/json_tokens.h"

#include <simdjson.h>

#include <algorithm>
#include <bit>

#include "engine/types/ascii.h"
#include "engine/types/text_json.h"

namespace engine {

namespace {

int hex_digit(char c) {
  if (is_ascii_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Returns the value of the four hexadecimal digits at `at`, or -1.
int32_t code_unit(std::string_view raw, size_t at) {
  if (at + 4 > raw.size()) return -1;
  int32_t unit = 0;
  for (size_t i = at; i < at + 4; ++i) {
    const int digit = hex_digit(raw[i]);
    if (digit < 0) return -1;
    unit = unit << 4 | digit;
  }
  return unit;
}

char* put_utf8(char* to, uint32_t code) {
  const auto byte = [](uint32_t value) { return static_cast<char>(value); };
  if (code < 0x80) {
    *to++ = byte(code);
  } else if (code < 0x800) {
    *to++ = byte(0xc0 | code >> 6);
    *to++ = byte(0x80 | (code & 63));
  } else if (code < 0x10000) {
    *to++ = byte(0xe0 | code >> 12);
    *to++ = byte(0x80 | (code >> 6 & 63));
    *to++ = byte(0x80 | (code & 63));
  } else {
    *to++ = byte(0xf0 | code >> 18);
    *to++ = byte(0x80 | (code >> 12 & 63));
    *to++ = byte(0x80 | (code >> 6 & 63));
    *to++ = byte(0x80 | (code & 63));
  }
  return to;
}

// Reads the character of \uXXXX, or of a pair of them, whose digits begin at `at`. Moves `at`
// past them.
bool take_unicode(std::string_view raw, size_t& at, uint32_t& code) {
  constexpr int32_t kReplacement = 0xfffd;
  const int32_t first = code_unit(raw, at);
  if (first < 0) return false;
  at += 4;
  code = static_cast<uint32_t>(first);
  if (first < 0xd800 || first > 0xdfff) return true;
  code = kReplacement;
  if (first > 0xdbff || at + 6 > raw.size() || raw[at] != '\\' || raw[at + 1] != 'u') return true;
  const int32_t second = code_unit(raw, at + 2);
  if (second < 0xdc00 || second > 0xdfff) return true;
  at += 6;
  code = 0x10000 + (static_cast<uint32_t>(first - 0xd800) << 10) +
         static_cast<uint32_t>(second - 0xdc00);
  return true;
}

// Returns the character for which a one-letter escape stands, or 0.
char simple_escape(char letter) {
  switch (letter) {
    case '"':
    case '\\':
    case '/':
      return letter;
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return '\0';
  }
}

}  // namespace

struct JsonTokenizer::Stage {
  std::unique_ptr<simdjson::internal::dom_parser_implementation> parser;
};

JsonTokenizer::JsonTokenizer() : stage_(std::make_unique<Stage>()) {}
JsonTokenizer::~JsonTokenizer() = default;

const char* JsonTokenizer::tokenize(std::string_view text, JsonTokens& tokens) {
  // The capacity is a power of two, so that most longer texts need no new allocation.
  constexpr size_t kSmallest = 4096, kLargest = size_t{1} << 30;
  constexpr size_t kStageTwoDepth = 1;  // the smallest value, since the second stage never runs
  if (text.size() > kLargest) return "the text is longer than 1 GiB";
  auto& parser = stage_->parser;
  if (!parser || parser->capacity() < text.size()) {
    const size_t capacity = std::max(kSmallest, std::bit_ceil(text.size()));
    const auto& machine = simdjson::get_active_implementation();
    if (machine->create_dom_parser_implementation(capacity, kStageTwoDepth, parser))
      return "out of memory";
  }
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  const auto error = parser->stage1(bytes, text.size(), simdjson::stage1_mode::regular);
  switch (error) {
    case simdjson::SUCCESS:
      break;
    case simdjson::EMPTY:
      return "the text is empty";
    case simdjson::UTF8_ERROR:
      return "the text is not UTF-8";
    case simdjson::UNCLOSED_STRING:
      return "unclosed string";
    case simdjson::UNESCAPED_CHARS:
      return "control character in a string";
    default:
      return simdjson::error_message(error);
  }
  tokens.text = text;
  tokens.starts = parser->structural_indexes.get();
  tokens.count = parser->n_structural_indexes;
  parser->structural_indexes[tokens.count] = static_cast<uint32_t>(text.size());
  return nullptr;
}

bool JsonCursor::fail(const char* what) {
  if (what_ == nullptr) what_ = what;
  return false;
}

bool JsonCursor::fail_expected(char c) {
  if (what_ == nullptr) {
    what_ = "missing character";
    expected_ = c;
  }
  return false;
}

std::string JsonCursor::error() const {
  std::string message = "not valid JSON: ";
  if (expected_ != '\0')
    message += std::string("expected '") + expected_ + "'";
  else
    message += what_ == nullptr ? "unexpected token" : what_;
  const size_t where = at_ < tokens_.count ? tokens_.starts[at_] : tokens_.text.size();
  return message + " at byte " + std::to_string(where);
}

bool JsonCursor::check_scalar(std::string_view token) {
  switch (token.empty() ? '\0' : token.front()) {
    case '"': {
      if (token.size() < 2 || token.back() != '"') return fail("unclosed string");
      const std::string_view raw = token.substr(1, token.size() - 2);
      if (!has_escapes(raw)) return true;
      std::string ignored;
      return append_unescaped(ignored, raw) || fail("unknown escape in a string");
    }
    case 't':
      return token == "true" || fail("unknown literal");
    case 'f':
      return token == "false" || fail("unknown literal");
    case 'n':
      return token == "null" || fail("unknown literal");
    default:
      return is_json_number(token) || fail("a value was expected");
  }
}

template <class OnKey, class OnValue>
bool JsonCursor::walk_object(OnKey on_key, OnValue on_value) {
  if (!expect('{')) return false;
  if (take('}')) return true;
  do {
    std::string_view key;
    if (!take_raw_string(key) || !on_key(key) || !expect(':') || !on_value()) return false;
  } while (take(','));
  return expect('}');
}

template <class OnValue>
bool JsonCursor::walk_array(OnValue on_value) {
  if (!expect('[')) return false;
  if (take(']')) return true;
  do {
    if (!on_value()) return false;
  } while (take(','));
  return expect(']');
}

bool JsonCursor::skip_value(int depth) {
  if (depth > kMaxDepth) return fail("nested too deeply");
  switch (peek()) {
    case '{':
      return walk_object(
          [&](std::string_view key) {
            std::string ignored;
            return !has_escapes(key) || append_unescaped(ignored, key) ||
                   fail("unknown escape in a string");
          },
          [&] { return skip_value(depth + 1); });
    case '[':
      return walk_array([&] { return skip_value(depth + 1); });
    case '\0':
      return fail("the text ends too early");
    default:
      return check_scalar(take_scalar());
  }
}

bool JsonCursor::append_compact(std::string& out, int depth) {
  if (depth > kMaxDepth) return fail("nested too deeply");
  const auto append_string = [&](std::string_view raw) {
    if (!has_escapes(raw)) {
      out += '"';
      out += raw;
      out += '"';
      return true;
    }
    std::string text;
    if (!append_unescaped(text, raw)) return fail("unknown escape in a string");
    append_json_string(out, text);
    return true;
  };
  bool first = true;
  const auto separate = [&] {
    if (!first) out += ',';
    first = false;
  };
  switch (peek()) {
    case '{':
      out += '{';
      if (!walk_object(
              [&](std::string_view key) {
                separate();
                if (!append_string(key)) return false;
                out += ':';
                return true;
              },
              [&] { return append_compact(out, depth + 1); }))
        return false;
      out += '}';
      return true;
    case '[':
      out += '[';
      if (!walk_array([&] {
            separate();
            return append_compact(out, depth + 1);
          }))
        return false;
      out += ']';
      return true;
    case '"': {
      std::string_view raw;
      return take_raw_string(raw) && append_string(raw);
    }
    case '\0':
      return fail("the text ends too early");
    default: {
      const std::string_view token = take_scalar();
      out += token;
      return check_scalar(token);
    }
  }
}

bool JsonCursor::append_as_text(std::string& out, int depth) {
  if (depth > kMaxDepth) return fail("nested too deeply");
  if (peek() == '"') {
    std::string_view raw;
    if (!take_raw_string(raw)) return false;
    return append_unescaped(out, raw) || fail("unknown escape in a string");
  }
  if (peek() != '[') return append_compact(out, depth);
  out += '[';
  bool first = true;
  if (!walk_array([&] {
        if (!first) out += ", ";
        first = false;
        return append_as_text(out, depth + 1);
      }))
    return false;
  out += ']';
  return true;
}

bool unescape_json(std::string_view raw, char* to, size_t& size) {
  char* const begin = to;
  for (size_t at = 0; at < raw.size();) {
    if (raw[at] != '\\') {
      *to++ = raw[at++];
      continue;
    }
    if (++at == raw.size()) return false;
    const char letter = raw[at++];
    if (letter == 'u') {
      uint32_t code = 0;
      if (!take_unicode(raw, at, code)) return false;
      to = put_utf8(to, code);
    } else {
      const char c = simple_escape(letter);
      if (c == '\0') return false;
      *to++ = c;
    }
  }
  size = static_cast<size_t>(to - begin);
  return true;
}

bool append_unescaped(std::string& out, std::string_view raw) {
  const size_t begin = out.size();
  out.resize(begin + raw.size());
  size_t size = 0;
  const bool ok = unescape_json(raw, out.data() + begin, size);
  out.resize(begin + (ok ? size : 0));
  return ok;
}

}  // namespace engine
