#include "engine/formats/text_value.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "engine/formats/json/json_values.h"
#include "engine/formats/written_number.h"
#include "engine/types/blanks.h"
#include "engine/types/numeric_alone.h"
#include "engine/types/plain_days.h"
#include "engine/types/postgres_texts.h"
#include "engine/types/postgres_types.h"
#include "engine/types/text_bytes.h"
#include "engine/types/text_number.h"
#include "engine/types/text_postgres.h"
#include "engine/types/text_time.h"
#include "engine/types/zoned_texts.h"

namespace engine {

namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  return result;
}

std::optional<double> parse_float(std::string_view text) {
  if (const auto number = parse_double(text)) return number;
  const std::string word = lower(text);
  if (word == "nan") return std::nan("");
  if (word == "infinity" || word == "+infinity" || word == "inf") return HUGE_VAL;
  if (word == "-infinity" || word == "-inf") return -HUGE_VAL;
  return std::nullopt;
}

// Return whether the value is in the range of the type with this label, which is smaller than the
// range of the column's type. PostgreSQL's int2, oid and float4 refuse values that do not fit their
// binary forms.
bool has_whole_number(PostgresLabel label, int64_t value) {
  if (label == label::kInt2) return value == static_cast<int16_t>(value);
  if (label == label::kOid) return value == static_cast<uint32_t>(value);
  return true;
}
bool has_number(PostgresLabel label, double value) {
  if (label != label::kFloat4) return true;
  const auto narrow = static_cast<float>(value);
  return std::isinf(narrow) == std::isinf(value) && (narrow == 0) == (value == 0);
}

// Parses "\x00ff", or a text in which \\ is a backslash and \ooo a byte.
std::optional<std::string> parse_bytes(std::string_view text) {
  if (text.starts_with("\\x")) return decode_hex(text.substr(2));
  std::string bytes;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\') {
      bytes += text[at];
      continue;
    }
    if (text.substr(at + 1).starts_with('\\')) {
      bytes += '\\';
      ++at;
      continue;
    }
    if (at + 3 >= text.size() || text[at + 1] > '3') return std::nullopt;
    int value = 0;
    for (size_t i = at + 1; i <= at + 3; ++i) {
      if (text[i] < '0' || text[i] > '7') return std::nullopt;
      value = value * 8 + (text[i] - '0');
    }
    bytes += static_cast<char>(value);
    at += 3;
  }
  return bytes;
}

// Parses ISO text. A blank may replace the T and precede the zone, and UTC is accepted as a zone. Also accepts the
// notation for years BC.
std::optional<int64_t> parse_instant(std::string_view text) {
  if (text.ends_with(" BC")) {
    const auto us = parse_instant_us(text, Zones::Kept, "timestamp");
    return us && !is_infinite_instant(*us) ? std::optional(ms_of_us(*us)) : std::nullopt;
  }
  std::string iso(text);
  const size_t blank = iso.find(' ');
  if (blank != std::string::npos && blank + 1 < iso.size() && iso[blank + 1] >= '0' &&
      iso[blank + 1] <= '9')
    iso[blank] = 'T';
  std::erase(iso, ' ');
  if (iso.ends_with("UTC") || iso.ends_with("GMT")) iso.replace(iso.size() - 3, 3, "Z");
  return parse_timestamp(iso);
}
std::optional<int64_t> parse_instant_in(const ZoneClock* zone, std::string_view text) {
  const auto ms = parse_instant(text);
  return ms && !says_zone(text) ? std::optional(instant_of_clock(zone, *ms)) : ms;
}

}  // namespace

struct TextValueReader::Json {
  Json(const SqlType& type, std::string path) : values(type, std::move(path), JsonTimes::Iso) {}
  JsonTokenizer tokenizer;
  JsonValueReader values;
};

TextValueReader::TextValueReader(SqlType type, std::string what, TextForms forms)
    : type_(std::move(type)), what_(std::move(what)), forms_(std::move(forms)) {
  if (type_.kind() == TypeKind::Array)
    element_ = std::make_unique<TextValueReader>(type_.element(), what_, forms_);
  if (type_.label() == label::kComposite)
    for (const Field& field : type_.fields()) fields_.emplace_back(field.type, what_, forms_);
}
TextValueReader::~TextValueReader() = default;
TextValueReader::TextValueReader(TextValueReader&&) noexcept = default;

Error TextValueReader::refused(ErrorCode code, std::string_view text) const {
  constexpr size_t kShown = 200;
  const char* begin =
      code == ErrorCode::OutOfRange ? "value out of range for " : "invalid input for ";
  const std::string type = type_.label() == label::kInt2 ? "SMALLINT" : type_.to_string();
  Error error{code, begin + what_ + " (" + type + "): \"" + std::string(text.substr(0, kShown)) +
                        (text.size() > kShown ? "..." : "") + "\""};
  if (type_.is_numeric() && code == ErrorCode::InvalidText)
    error.hint = hint_for_written_number(text);
  return error;
}

Status TextValueReader::append(std::string_view text, Column& column) {
  const std::string_view word = without_blanks(text);
  // Stores the parsed value, or reports the failure.
  const auto store = [&](const auto& value, ErrorCode code = ErrorCode::InvalidText) -> Status {
    if (!value) return refused(code, text);
    column.append(*value);
    return {};
  };
  switch (type_.kind()) {
    case TypeKind::Null:
      column.append_null();
      return {};
    case TypeKind::Boolean: {
      const auto value = parse_boolean_of_postgres(word);
      return store(value ? std::optional<uint8_t>(*value) : std::nullopt);
    }
    case TypeKind::Integer: {
      const auto value = parse_integer(word);
      const bool is_too_large = !value && parse_decimal(word) && word.find('.') == word.npos;
      if (value && !has_whole_number(type_.label(), *value))
        return refused(ErrorCode::OutOfRange, text);
      return store(value, is_too_large ? ErrorCode::OutOfRange : ErrorCode::InvalidText);
    }
    case TypeKind::Bigint: {
      const auto value = parse_bigint(word);
      const bool is_too_large = !value && parse_decimal(word) && word.find('.') == word.npos;
      if (value && !has_whole_number(type_.label(), *value))
        return refused(ErrorCode::OutOfRange, text);
      return store(value, is_too_large ? ErrorCode::OutOfRange : ErrorCode::InvalidText);
    }
    case TypeKind::Double: {
      auto value = parse_float(word);
      if (value && !has_number(type_.label(), *value)) return refused(ErrorCode::OutOfRange, text);
      if (value && type_.label() == label::kFloat4) value = static_cast<float>(*value);
      return store(value);
    }
    case TypeKind::Decimal: {
      if (is_numeric_alone(type_)) {
        const auto whole = numeric_alone(word);
        if (!whole && whole.error().code == ErrorCode::OutOfRange) return whole.error();
        return store(whole);
      }
      const auto value = parse_decimal(word, type_.precision(), type_.scale(), Rounding::HalfUp);
      return store(value, value ? ErrorCode::InvalidText : value.error().code);
    }
    case TypeKind::String:
      if (!is_utf8(text)) return refused(ErrorCode::InvalidEncoding, repaired_utf8(text));
      if (is_normalized(type_)) {
        column.append_copy(TRY(normalized_text_in(forms_, type_, text)));
        return {};
      }
      column.append_copy(text);
      return {};
    case TypeKind::Bytes: {
      const auto bytes = parse_bytes(text);
      if (!bytes) return refused(ErrorCode::InvalidText, text);
      column.append_copy(*bytes);
      return {};
    }
    case TypeKind::Date: {
      std::string buffer;
      const std::string_view iso = TRY(iso_text(word, forms_.date_order, buffer));
      return store(parse_plain_days(iso), ErrorCode::InvalidDatetime);
    }
    case TypeKind::Time:
      return store(parse_time(without_zone(word)), ErrorCode::InvalidDatetime);
    case TypeKind::Timestamp: {
      std::string buffer;
      const std::string_view iso = TRY(iso_text(word, forms_.date_order, buffer));
      return store(type_.label() == label::kTimestamp ? parse_instant(without_zone(iso))
                                                      : parse_instant_in(forms_.zone.get(), iso),
                   ErrorCode::InvalidDatetime);
    }
    case TypeKind::Array:
      if (word.starts_with('{')) return append_array(word, column);
      return append_json(word, column);
    case TypeKind::Struct:
      if (!fields_.empty()) return append_record(word, column);
      return append_json(word, column);
    case TypeKind::Map:
      return append_json(word, column);
  }
  return {};
}

Status TextValueReader::append_array(std::string_view text, Column& column) {
  Column& elements = column.child(0);
  const size_t rows = column.size();
  const auto refuse = [&](Error error) -> Status {
    truncate(column, rows);
    return error;
  };
  size_t at = 1;
  const auto skip_blanks = [&] {
    while (at < text.size() && is_blank(text[at])) ++at;
  };
  std::string item;
  skip_blanks();
  const bool is_empty = at < text.size() && text[at] == '}';
  while (!is_empty) {
    skip_blanks();
    item.clear();
    bool is_quoted = false;
    int depth = 0;  // depth of nested braces, because an element may be an array itself
    size_t end_of_quoted = 0;
    for (bool in_quotes = false; at < text.size(); ++at) {
      const char c = text[at];
      if (!in_quotes && depth == 0 && (c == ',' || c == '}')) break;
      if (c == '\\' && at + 1 < text.size()) {
        if (depth > 0) item += c;
        item += text[++at];
        continue;
      }
      if (c == '"') {
        in_quotes = !in_quotes;
        is_quoted = true;
        if (depth > 0) item += c;
        end_of_quoted = item.size();
        continue;
      }
      if (!in_quotes && c == '{') ++depth;
      if (!in_quotes && c == '}') --depth;
      item += c;
    }
    if (at == text.size()) return refuse(refused(ErrorCode::InvalidText, text));
    while (item.size() > end_of_quoted && is_blank(item.back())) item.pop_back();
    if (!is_quoted && lower(item) == "null") {
      elements.append_null();
    } else if (!is_quoted && item.empty()) {
      return refuse(refused(ErrorCode::InvalidText, text));
    } else if (auto status = element_->append(item, elements); !status) {
      return refuse(std::move(status).error());
    }
    if (text[at] == '}') break;
    ++at;
  }
  if (at + 1 != text.size()) return refuse(refused(ErrorCode::InvalidText, text));
  column.close_list();
  return {};
}

// Appends a row such as (1,"a b",). An empty field is null.
Status TextValueReader::append_record(std::string_view text, Column& column) {
  std::vector<std::optional<std::string>> parts(1);
  if (text.size() < 2 || text.front() != '(' || text.back() != ')')
    return refused(ErrorCode::InvalidText, text);
  bool in_quotes = false;
  for (size_t at = 1; at + 1 < text.size(); ++at) {
    const char c = text[at];
    if (c == ',' && !in_quotes) {
      parts.emplace_back();
      continue;
    }
    std::string& part = parts.back() ? *parts.back() : parts.back().emplace();
    if (c == '\\' && at + 2 < text.size()) {
      part += text[++at];
    } else if (c != '"') {
      part += c;
    } else if (in_quotes && text[at + 1] == '"') {
      part += text[++at];
    } else {
      in_quotes = !in_quotes;
    }
  }
  if (in_quotes || parts.size() != fields_.size()) return refused(ErrorCode::InvalidText, text);
  Column row(type_);
  for (size_t i = 0; i < fields_.size(); ++i) {
    if (parts[i])
      TRY(fields_[i].append(*parts[i], row.child(i)));
    else
      row.child(i).append_null();
  }
  row.close_struct();
  column.append_from(row, 0);
  return {};
}

Status TextValueReader::append_json(std::string_view text, Column& column) {
  if (!json_) json_ = std::make_unique<Json>(type_, what_);
  JsonTokens tokens;
  if (const char* wrong = json_->tokenizer.tokenize(text, tokens)) {
    Error error = refused(ErrorCode::InvalidText, repaired_utf8(text));
    error.detail = std::string("Not valid JSON: ") + wrong + ".";
    return error;
  }
  JsonCursor cursor(tokens);
  Column parsed(type_);  // the column's strings point into `text`
  ColumnSlot slot{&parsed};
  const bool is_read = json_->values.read(cursor, slot);
  if (is_read && cursor.at_end()) {
    if (element_ && type_.element().label() != label::kNone) {
      // The JSON reader does not check elements of such types, so the array is parsed again from its PostgreSQL text.
      std::string elements;
      append_postgres_text(elements, parsed, 0);
      return append_array(elements, column);
    }
    column.append_from(parsed, 0);
    return {};
  }
  if (is_read) cursor.fail("more text after the value");
  Error error = refused(ErrorCode::InvalidText, text);
  error.detail = json_->values.take_error();
  if (error.detail.empty()) error.detail = cursor.error();
  return error;
}

Result<Value> parse_text_value(const SqlType& type, std::string_view text, std::string what,
                               TextForms forms) {
  TextValueReader reader(type, std::move(what), std::move(forms));
  Column column(type);
  TRY(reader.append(text, column));
  return column.value_at(0);
}

}  // namespace engine
