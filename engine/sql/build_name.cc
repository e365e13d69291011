#include <absl/strings/numbers.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "engine/sql/build.h"
#include "engine/types/text_bytes.h"

namespace engine {
namespace {

// Returns the text between the quotes, with a single quote for each doubled one.
std::string unquote(std::string_view text) {
  const char quote = text.front();
  std::string inside;
  for (size_t i = 1; i + 1 < text.size(); ++i) {
    inside += text[i];
    if (text[i] == quote) ++i;
  }
  return inside;
}

void append_utf8(std::string& text, uint32_t code_point) {
  const auto add = [&](uint32_t byte) { text += static_cast<char>(byte); };
  if (code_point < 0x80) {
    add(code_point);
  } else if (code_point < 0x800) {
    add(0xC0 | code_point >> 6), add(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    add(0xE0 | code_point >> 12), add(0x80 | (code_point >> 6 & 0x3F)),
        add(0x80 | (code_point & 0x3F));
  } else {
    add(0xF0 | code_point >> 18), add(0x80 | (code_point >> 12 & 0x3F));
    add(0x80 | (code_point >> 6 & 0x3F)), add(0x80 | (code_point & 0x3F));
  }
}

// Reads up to `most` digits at `at`, and moves `at` past them.
uint32_t take_digits(std::string_view text, size_t& at, size_t most, int base) {
  const size_t end = std::min(at + most, text.size());
  uint32_t value = 0;
  const auto read = std::from_chars(text.data() + at, text.data() + end, value, base);
  at = static_cast<size_t>(read.ptr - text.data());
  return value;
}

// Returns the text of E'...', with PostgreSQL's backslash escapes.
std::string unescape(std::string_view text) {
  text.remove_prefix(2);
  text.remove_suffix(1);
  std::string value;
  for (size_t i = 0; i < text.size();) {
    const char c = text[i++];
    if (c == '\'') ++i;  // skips the second of two quotes
    if (c != '\\') {
      value += c;
      continue;
    }
    const char escaped = text[i++];  // the lexer never ends a string with a lone backslash
    switch (escaped) {
      case 'b':
        value += '\b';
        break;
      case 'f':
        value += '\f';
        break;
      case 'n':
        value += '\n';
        break;
      case 'r':
        value += '\r';
        break;
      case 't':
        value += '\t';
        break;
      case 'x':
        value += static_cast<char>(take_digits(text, i, 2, 16));
        break;
      case 'u':
        append_utf8(value, take_digits(text, i, 4, 16));
        break;
      case 'U':
        append_utf8(value, take_digits(text, i, 8, 16));
        break;
      default:
        if (escaped >= '0' && escaped <= '7') {
          --i;
          value += static_cast<char>(take_digits(text, i, 3, 8));
        } else {
          value += escaped;
        }
    }
  }
  return value;
}

bool is_source_name_character(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

Name name_of(const antlr4::Token& word) {
  const std::string text = word.getText();
  switch (word.getType()) {
    case P::QUOTED_IDENTIFIER:
      return {unquote(text), Quoting::Double};
    case P::BACKQUOTED_IDENTIFIER:
      return {unquote(text), Quoting::Back};
    default:
      return {to_upper(text), Quoting::None};
  }
}

}  // namespace

std::string to_upper(std::string text) {
  for (char& c : text)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return text;
}

std::string to_lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

TextPosition position_of(const antlr4::ParserRuleContext& context) {
  return position_of(*context.start);
}

std::string text_of(const antlr4::ParserRuleContext& context) {
  if (context.stop->getStopIndex() + 1 <= context.start->getStartIndex()) return "";
  return context.start->getInputStream()->getText(
      antlr4::misc::Interval(context.start->getStartIndex(), context.stop->getStopIndex()));
}

Name build_name(P::IdentifierContext& context) { return name_of(*context.start); }
Name build_name(P::BareAliasContext& context) { return name_of(*context.start); }

std::vector<Name> build_names(P::NamesContext* context) {
  std::vector<Name> names;
  if (!context) return names;
  for (P::IdentifierContext* identifier : context->identifier())
    names.push_back(build_name(*identifier));
  return names;
}

Result<Name> build_source_name(P::IdentifierContext& context) {
  Name name = build_name(context);
  if (!name.empty() && std::ranges::all_of(name.text, is_source_name_character)) return name;
  const TextPosition at = position_of(context);
  return Error{.code = ErrorCode::SyntaxError,
               .message = "Source names may only contain alphanumeric values, '_' or '-'",
               .position = at,
               .ksqldb = "Illegal argument at Line: " + std::to_string(at.line) +
                         ", Col: " + std::to_string(at.column) +
                         ". Source names may only contain alphanumeric values, '_' or '-'."};
}

Result<std::string> build_string(P::StringContext& context) {
  const std::string text = context.start->getText();
  if (context.STRING_VALUE()) return unquote(text);
  std::string value = unescape(text);
  if (!is_utf8(value) || value.find('\0') != std::string::npos)
    return Error{ErrorCode::InvalidEncoding, "the escapes of this string do not give valid UTF-8"}
        .at(position_of(context));
  return value;
}

Result<int64_t> build_integer(const antlr4::Token& token, bool negative) {
  const std::string text = (negative ? "-" : "") + token.getText();
  int64_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc()) return statement_error(token, "Invalid numeric literal: " + text);
  return value;
}

Result<ExpressionPtr> build_number(const antlr4::Token& digits, const std::string& sign,
                                   TextPosition position) {
  const std::string text = (sign == "-" ? "-" : "") + digits.getText();
  switch (digits.getType()) {
    case P::INTEGER_VALUE: {
      const int64_t value = TRY(build_integer(digits, sign == "-"));
      if (std::in_range<int32_t>(value))
        return make_expression(IntegerLiteral{static_cast<int32_t>(value)}, position);
      return make_expression(BigintLiteral{value}, position);
    }
    case P::DECIMAL_VALUE: {
      const size_t point = text.find('.');
      const bool starts_with_point = point == 0 || text[point - 1] == '-';
      return make_expression(
          DecimalLiteral{starts_with_point ? text.substr(0, point) + "0" + text.substr(point)
                                           : text},
          position);
    }
    default: {
      double value = 0;
      if (!absl::SimpleAtod(text, &value) || std::isinf(value))
        return statement_error(digits, "Number overflows DOUBLE: " + text);
      return make_expression(DoubleLiteral{value, to_upper(text)}, position);
    }
  }
}

}  // namespace engine
