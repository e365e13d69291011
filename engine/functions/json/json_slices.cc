#include "engine/functions/json/json_slices.h"

#include <algorithm>
#include <charconv>

#include "engine/java/utf16.h"
#include "engine/types/postgres_texts.h"
#include "engine/types/postgres_types.h"

namespace engine::json {

namespace {

constexpr std::string_view kBlanks = " \t\r\n";

void skip_blanks(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
}

Error no_json(std::string_view text) { return invalid_text("json", text); }

// Returns the size of the string at the beginning of the text; nullopt if it does not end.
std::optional<size_t> string_size(std::string_view text) {
  for (size_t at = 1; (at = text.find_first_of("\"\\", at)) != std::string_view::npos; at += 2)
    if (text[at] == '"') return at + 1;
  return std::nullopt;
}

// Returns the size of the object or array at the beginning of the text; nullopt if it does not end.
// Counts brackets without distinguishing their kinds.
std::optional<size_t> container_size(std::string_view text) {
  size_t depth = 0;
  for (size_t at = 0; (at = text.find_first_of("\"{}[]", at)) != std::string_view::npos;) {
    const char c = text[at];
    if (c == '"') {
      const auto size = string_size(text.substr(at));
      if (!size) return std::nullopt;
      at += *size;
      continue;
    }
    ++at;
    if (c == '{' || c == '[')
      ++depth;
    else if (--depth == 0)
      return at;
  }
  return std::nullopt;
}

std::optional<size_t> value_size(std::string_view text) {
  if (text.empty()) return std::nullopt;
  if (text.front() == '"') return string_size(text);
  if (text.front() == '{' || text.front() == '[') return container_size(text);
  const size_t size = std::min(text.find_first_of(" \t\r\n,:]}"), text.size());
  return size == 0 ? std::nullopt : std::optional(size);
}

// Consumes \u and four digits at the beginning of the text; returns nullopt if they are missing.
std::optional<char32_t> take_unit(std::string_view& text) {
  constexpr size_t kPrefix = 2, kDigits = 4;
  if (!text.starts_with("\\u") || text.size() < kPrefix + kDigits) return std::nullopt;
  const char *begin = text.data() + kPrefix, *end = begin + kDigits;
  uint32_t unit = 0;
  if (std::from_chars(begin, end, unit, 16).ptr != end) return std::nullopt;
  text.remove_prefix(kPrefix + kDigits);
  return unit;
}

// Decodes the escape sequence at the beginning of the text. A surrogate pair gives one character.
void take_escape(std::string_view& text, std::string& out) {
  constexpr std::string_view kLetters = "\"\\/bfnrt", kMeant = "\"\\/\b\f\n\r\t";
  const size_t letter = text.size() < 2 ? std::string_view::npos : kLetters.find(text[1]);
  if (letter != std::string_view::npos) {
    out += kMeant[letter];
    return text.remove_prefix(2);
  }
  if (const auto unit = take_unit(text)) {
    constexpr char32_t kHighs = 0xD800, kLows = 0xDC00, kEnd = 0xE000, kNone = 0xFFFD;
    if (*unit < kHighs || *unit >= kEnd) return append_utf8(out, *unit);
    const auto low = *unit < kLows ? take_unit(text) : std::nullopt;
    const bool is_pair = low && *low >= kLows && *low < kEnd;
    return append_utf8(out, is_pair ? 0x10000 + ((*unit - kHighs) << 10) + (*low - kLows) : kNone);
  }
  out += text.front();
  text.remove_prefix(1);
}

}  // namespace

SliceKind kind_of(std::string_view slice) {
  switch (slice.front()) {
    case '{':
      return SliceKind::Object;
    case '[':
      return SliceKind::Array;
    case '"':
      return SliceKind::String;
    case 't':
    case 'f':
      return SliceKind::Boolean;
    case 'n':
      return SliceKind::Null;
    default:
      return SliceKind::Number;
  }
}

SqlType part_type(const SqlType& whole) {
  const bool is_jsonb = whole.label() == label::kJsonb;
  return SqlType(TypeKind::String).labelled(is_jsonb ? label::kJsonb : label::kJson);
}

Result<SqlType> type_of_part(std::span<const SqlType> arguments) { return part_type(arguments[0]); }

Error unfit(std::string message) { return Error{ErrorCode::InvalidParameter, std::move(message)}; }

Result<std::string_view> whole_slice(std::string_view text) {
  std::string_view rest = text;
  skip_blanks(rest);
  const auto size = value_size(rest);
  if (!size || rest.find_first_not_of(kBlanks, *size) != std::string_view::npos)
    return no_json(text);
  return rest.substr(0, *size);
}

MemberWalk::MemberWalk(std::string_view container)
    : rest_(container.substr(1)), end_(container.front() == '{' ? '}' : ']') {}

Result<std::string_view> MemberWalk::value() {
  skip_blanks(rest_);
  const auto size = value_size(rest_);
  if (!size) return no_json(rest_);
  const std::string_view found = rest_.substr(0, *size);
  rest_.remove_prefix(*size);
  skip_blanks(rest_);
  return found;
}

Result<std::optional<MemberSlice>> MemberWalk::next() {
  skip_blanks(rest_);
  if (rest_.starts_with(end_)) return std::optional<MemberSlice>();
  if (!is_first_) {
    if (!rest_.starts_with(',')) return no_json(rest_);
    rest_.remove_prefix(1);
  }
  is_first_ = false;
  MemberSlice member;
  if (end_ == '}') {
    member.name = TRY(value());
    if (!member.name.starts_with('"') || !rest_.starts_with(':')) return no_json(rest_);
    rest_.remove_prefix(1);
  }
  member.value = TRY(value());
  return std::optional(member);
}

Result<std::vector<MemberSlice>> members_of(std::string_view container) {
  std::vector<MemberSlice> members;
  MemberWalk walk(container);
  while (const auto member = TRY(walk.next())) members.push_back(*member);
  return members;
}

std::string unquoted(std::string_view string) {
  std::string_view rest = string.substr(1, string.size() - 2);
  std::string said;
  said.reserve(rest.size());
  while (!rest.empty()) {
    const size_t plain = std::min(rest.find('\\'), rest.size());
    said += rest.substr(0, plain);
    rest.remove_prefix(plain);
    if (!rest.empty()) take_escape(rest, said);
  }
  return said;
}

bool says(std::string_view string, std::string_view text) {
  const std::string_view inner = string.substr(1, string.size() - 2);
  if (inner.find('\\') == std::string_view::npos) return inner == text;
  return unquoted(string) == text;
}

std::optional<std::string> text_of(std::string_view slice) {
  switch (kind_of(slice)) {
    case SliceKind::Null:
      return std::nullopt;
    case SliceKind::String:
      return unquoted(slice);
    default:
      return std::string(slice);
  }
}

Result<std::optional<std::string_view>> member_named(std::string_view slice,
                                                     std::string_view name) {
  std::optional<std::string_view> found;
  if (kind_of(slice) != SliceKind::Object) return found;
  MemberWalk walk(slice);
  while (const auto member = TRY(walk.next()))
    if (says(member->name, name)) found = member->value;
  return found;
}

Result<std::optional<std::string_view>> element_at(std::string_view slice, int64_t place) {
  if (kind_of(slice) != SliceKind::Array) return std::optional<std::string_view>();
  if (place < 0) {
    const auto elements = TRY(members_of(slice));
    const auto size = static_cast<int64_t>(elements.size());
    if (size + place < 0) return std::optional<std::string_view>();
    return std::optional(elements[static_cast<size_t>(size + place)].value);
  }
  MemberWalk walk(slice);
  while (const auto element = TRY(walk.next()))
    if (place-- == 0) return std::optional(element->value);
  return std::optional<std::string_view>();
}

}  // namespace engine::json
