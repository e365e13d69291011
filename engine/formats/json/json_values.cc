#include "engine/formats/json/json_values.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <unordered_map>

#include "engine/types/ascii.h"
#include "engine/types/text_bytes.h"
#include "engine/types/text_json.h"
#include "engine/types/text_number.h"
#include "engine/types/text_time.h"

namespace engine {

namespace {

// Parses a whole number of up to 18 digits, which is the fast path. Returns false if the general
// parser is needed.
bool parse_small_whole(std::string_view token, int64_t& value) {
  const bool negative = token.front() == '-';
  const size_t begin = negative ? 1 : 0, digits = token.size() - begin;
  if (digits == 0 || digits > 18 || (token[begin] == '0' && digits > 1)) return false;
  int64_t sum = 0;
  for (size_t at = begin; at < token.size(); ++at) {
    const auto digit = static_cast<unsigned>(token[at] - '0');
    if (digit > 9) return false;
    sum = sum * 10 + static_cast<int64_t>(digit);
  }
  value = negative ? -sum : sum;
  return true;
}

// Converts any JSON number to a whole number; fractions are truncated.
bool parse_truncated(std::string_view token, int64_t& value) {
  if (const auto exact = parse_bigint(token)) {
    value = *exact;
    return true;
  }
  const auto number = parse_double(token);
  // 2^63 does not fit, but the largest double below it does.
  constexpr double kLimit = 9223372036854775808.0;
  if (!number || !(*number >= -kLimit && *number < kLimit)) return false;
  value = static_cast<int64_t>(*number);
  return true;
}

// Converts a JSON number to a whole number without loss: 5.0 and 5e2, but not 5.5. Doubles would round 2^53 + 1.
bool parse_exact(std::string_view token, int64_t& value) {
  const auto number = parse_decimal(token, kMaxDecimalPrecision, 0, Rounding::Exact);
  if (!number || *number < std::numeric_limits<int64_t>::min() ||
      *number > std::numeric_limits<int64_t>::max())
    return false;
  value = static_cast<int64_t>(*number);
  return true;
}

bool is_whole_kind(TypeKind kind) {
  return kind == TypeKind::Integer || kind == TypeKind::Bigint || kind == TypeKind::Date ||
         kind == TypeKind::Time || kind == TypeKind::Timestamp;
}

bool put_whole(TypeKind kind, int64_t value, ColumnSlot& slot) {
  if (kind == TypeKind::Bigint || kind == TypeKind::Timestamp) {
    slot.put(value);
    return true;
  }
  if (value < std::numeric_limits<int32_t>::min() || value > std::numeric_limits<int32_t>::max())
    return false;
  if (kind == TypeKind::Time && (value < 0 || value >= kMsPerDay)) return false;
  slot.put(static_cast<int32_t>(value));
  return true;
}

// Returns the bytes that identify a key of a map, for texts and numbers; empty for nested types, which are not
// compared.
std::string_view key_bytes(const Column& keys, uint32_t row) {
  const TypeKind kind = keys.type().kind();
  if (kind == TypeKind::String || kind == TypeKind::Bytes)
    return keys.data<std::string_view>()[row];
  const size_t width = element_size(kind);
  return {const_cast<Column&>(keys).raw_data() + row * width, width};
}

// The prefix of Connect's JsonSchemaConverter for the members of a union.
bool is_union_field(std::string_view name) {
  constexpr std::string_view kUnionPrefix = "connect_union_field_";
  return lower_case(name).starts_with(kUnionPrefix);
}

}  // namespace

void ColumnSlot::put_null() {
  if (data == nullptr) return column->append_null();
  const size_t width = element_size(column->type().kind());
  std::memset(data + row * width, 0, width);
  validity[row >> 6] &= ~(uint64_t{1} << (row & 63));
}

void truncate(Column& column, size_t size) {
  if (column.size() > size) column.resize(size);
  switch (column.type().kind()) {
    case TypeKind::Array:
    case TypeKind::Map:
      for (size_t i = 0; i < column.child_count(); ++i)
        truncate(column.child(i), column.offsets()[size]);
      break;
    case TypeKind::Struct:
      for (size_t i = 0; i < column.child_count(); ++i) truncate(column.child(i), size);
      break;
    default:
      break;
  }
}

void drop_duplicate_keys(Column& map, uint32_t first) {
  if (map.type().key().is_nested()) return;
  Column& keys = map.child(0);
  Column& values = map.child(1);
  const auto end = static_cast<uint32_t>(keys.size());
  if (end - first < 2) return;
  std::unordered_map<std::string_view, uint32_t> places;  // index in `kept` of each key
  std::vector<uint32_t> kept_keys, kept_values;
  for (uint32_t i = first; i < end; ++i) {
    const auto [place, is_new] =
        places.emplace(key_bytes(keys, i), static_cast<uint32_t>(kept_keys.size()));
    if (is_new) {
      kept_keys.push_back(i);
      kept_values.push_back(i);
    } else {
      kept_values[place->second] = i;
    }
  }
  if (kept_keys.size() == end - first) return;
  const Column new_keys = keys.gather(kept_keys), new_values = values.gather(kept_values);
  keys.resize(first);
  values.resize(first);
  for (size_t i = 0; i < kept_keys.size(); ++i) {
    keys.append_from(new_keys, i);
    values.append_from(new_values, i);
  }
}

JsonValueReader::JsonValueReader(const SqlType& type, std::string path, JsonTimes times,
                                 JsonStrings strings)
    : type_(type),
      path_(std::move(path)),
      times_(times),
      strings_(strings),
      error_(std::make_shared<std::string>()) {
  switch (type_.kind()) {
    case TypeKind::Array:
      parts_.emplace_back(type_.element(), path_ + "[]", times_, strings_);
      break;
    case TypeKind::Map:
      parts_.emplace_back(type_.value(), path_ + "{}", times_, strings_);
      break;
    case TypeKind::Struct: {
      std::vector<std::string> names;
      for (const Field& field : type_.fields()) {
        parts_.emplace_back(field.type, path_ + "." + field.name, times_, strings_);
        names.push_back(field.name);
      }
      is_union_ = !names.empty() && std::ranges::all_of(names, is_union_field);
      fields_ = std::make_unique<JsonFields>(std::move(names));
      exact_in_.resize(parts_.size());
      break;
    }
    default:
      break;
  }
  const auto share = [&](auto& self, JsonValueReader& reader) -> void {
    reader.error_ = error_;
    for (JsonValueReader& part : reader.parts_) self(self, part);
  };
  for (JsonValueReader& part : parts_) share(share, part);
}

bool JsonValueReader::mismatch(std::string_view token) {
  constexpr size_t kShown = 60;
  *error_ = "column " + path_ + ": expected " + type_.to_string() + ", got " +
            std::string(token.substr(0, kShown));
  if (token.size() > kShown) *error_ += "...";
  // Producers often write ISO 8601, which ksqlDB does not read into these types. The message names a function that
  // reads such texts.
  if (type_.kind() == TypeKind::Timestamp)
    *error_ +=
        " (a TIMESTAMP is a number of milliseconds since 1970; a VARCHAR column with "
        "TIMESTAMP_FORMAT reads texts)";
  else if (type_.kind() == TypeKind::Date)
    *error_ += " (a DATE is a number of days since 1970)";
  else if (type_.kind() == TypeKind::Time)
    *error_ += " (a TIME is a number of milliseconds since midnight)";
  return false;
}

bool JsonValueReader::read(JsonCursor& cursor, ColumnSlot& slot) {
  switch (type_.kind()) {
    case TypeKind::Array:
      return read_array(cursor, slot);
    case TypeKind::Map:
      return read_map(cursor, slot);
    case TypeKind::Struct:
      return read_struct(cursor, slot);
    case TypeKind::String:
      return read_string_column(cursor, slot);
    default:
      return read_scalar(cursor, slot);
  }
}

bool JsonValueReader::read_scalar(JsonCursor& cursor, ColumnSlot& slot) {
  const char first = cursor.peek();
  if (first == '{' || first == '[') return mismatch(first == '{' ? "an object" : "an array");
  if (cursor.at_end()) return cursor.fail("the text ends too early");
  if (first == '"') {
    std::string_view raw;
    if (!cursor.take_raw_string(raw)) return false;
    if (!has_escapes(raw)) return read_text(raw, slot);
    std::string text;
    if (!append_unescaped(text, raw)) return cursor.fail("unknown escape in a string");
    return read_text(text, slot);
  }
  const std::string_view token = cursor.take_scalar();
  int64_t whole;
  if (is_whole_kind(type_.kind()) && parse_small_whole(token, whole))
    return put_whole(type_.kind(), whole, slot) || mismatch(token);
  if (token == "null") {
    slot.put_null();
    return true;
  }
  const bool is_true = token == "true";
  if (is_true || token == "false") {
    if (type_.kind() != TypeKind::Boolean) return mismatch(token);
    slot.put(static_cast<uint8_t>(is_true));
    return true;
  }
  if (!is_json_number(token)) return cursor.fail("a value was expected");
  return read_number(token, slot, false);
}

bool JsonValueReader::read_number(std::string_view token, ColumnSlot& slot, bool from_string) {
  switch (type_.kind()) {
    case TypeKind::Double: {
      const auto number = from_string ? parse_double_or_special(token) : parse_double(token);
      if (!number || (is_exact() && !from_string && std::isinf(*number))) return mismatch(token);
      slot.put(*number);
      return true;
    }
    case TypeKind::Decimal: {
      const auto unscaled = parse_decimal(token, type_.precision(), type_.scale(), Rounding::Exact);
      if (!unscaled) return mismatch(token);
      slot.put(*unscaled);
      return true;
    }
    case TypeKind::Boolean:
    case TypeKind::Bytes:
      return mismatch(token);
    default: {
      if (from_string) {
        const auto number = parse_bigint(token);
        return (number && put_whole(type_.kind(), *number, slot)) || mismatch(token);
      }
      int64_t number;
      const bool is_read = is_exact() ? parse_exact(token, number) : parse_truncated(token, number);
      return (is_read && put_whole(type_.kind(), number, slot)) || mismatch(token);
    }
  }
}

bool JsonValueReader::read_text(std::string_view text, ColumnSlot& slot) {
  if (type_.kind() == TypeKind::Boolean) return mismatch(text);
  if (type_.kind() == TypeKind::Bytes) {
    char* to = slot.column->heap().allocate(base64_decoded_room(text.size()));
    const auto size = decode_base64(text, to);
    if (!size) return mismatch(text);
    slot.put(std::string_view(to, *size));
    return true;
  }
  // Digits in a string are seconds for some producers and milliseconds for others, so they are an error, as in ksqlDB.
  if (type_.is_time_like())
    return (times_ == JsonTimes::Iso && read_iso_time(text, slot)) || mismatch(text);
  if (strings_ == JsonStrings::AreTexts && type_.kind() != TypeKind::Decimal &&
      parse_double(text)) {
    mismatch(text);
    *error_ += " in quotes (write the number without quotes)";
    return false;
  }
  return read_number(text, slot, true);
}

bool JsonValueReader::read_iso_time(std::string_view text, ColumnSlot& slot) {
  if (type_.kind() == TypeKind::Timestamp) {
    const auto ms = parse_timestamp(text);
    if (ms) slot.put(*ms);
    return ms.has_value();
  }
  const auto value = type_.kind() == TypeKind::Date ? parse_date(text) : parse_time(text);
  if (value) slot.put(*value);
  return value.has_value();
}

bool JsonValueReader::read_string_column(JsonCursor& cursor, ColumnSlot& slot) {
  const char first = cursor.peek();
  if (first == '"') {
    std::string_view raw;
    if (!cursor.take_raw_string(raw)) return false;
    if (!has_escapes(raw)) {
      slot.put(raw);
      return true;
    }
    char* to = slot.column->heap().allocate(raw.size());
    size_t size = 0;
    if (!unescape_json(raw, to, size)) return cursor.fail("unknown escape in a string");
    slot.put(std::string_view(to, size));
    return true;
  }
  if (first == '{' || first == '[') {
    std::string text;
    if (!cursor.append_as_text(text)) return false;
    slot.put(slot.column->heap().add(text));
    return true;
  }
  if (cursor.at_end()) return cursor.fail("the text ends too early");
  const std::string_view token = cursor.take_scalar();
  if (token == "null") {
    slot.put_null();
    return true;
  }
  if (token != "true" && token != "false" && !is_json_number(token))
    return cursor.fail("a value was expected");
  slot.put(token);
  return true;
}

bool JsonValueReader::read_array(JsonCursor& cursor, ColumnSlot& slot) {
  if (cursor.peek() != '[') {
    const char first = cursor.peek();
    if (first == '{') return mismatch("an object");
    if (cursor.at_end()) return cursor.fail("the text ends too early");
    const std::string_view token = cursor.take_scalar();
    if (token != "null") return mismatch(token);
    slot.put_null();
    return true;
  }
  cursor.take('[');
  ColumnSlot element{&slot.column->child(0)};
  if (!cursor.take(']')) {
    do {
      if (!parts_[0].read(cursor, element)) return false;
    } while (cursor.take(','));
    if (!cursor.expect(']')) return false;
  }
  slot.column->close_list();
  return true;
}

bool JsonValueReader::append_key(JsonCursor& cursor, Column& keys, std::string_view raw) {
  if (!has_escapes(raw)) {
    keys.append(raw);
    return true;
  }
  char* to = keys.heap().allocate(raw.size());
  size_t size = 0;
  if (!unescape_json(raw, to, size)) return cursor.fail("unknown escape in a string");
  keys.append(std::string_view(to, size));
  return true;
}

bool JsonValueReader::read_map(JsonCursor& cursor, ColumnSlot& slot) {
  if (cursor.peek() != '{') {
    if (cursor.peek() == '[') return mismatch("an array");
    if (cursor.at_end()) return cursor.fail("the text ends too early");
    const std::string_view token = cursor.take_scalar();
    if (token != "null") return mismatch(token);
    slot.put_null();
    return true;
  }
  cursor.take('{');
  Column& map = *slot.column;
  const auto first = static_cast<uint32_t>(map.child(0).size());
  ColumnSlot value{&map.child(1)};
  if (!cursor.take('}')) {
    do {
      std::string_view key;
      if (!cursor.take_raw_string(key) || !append_key(cursor, map.child(0), key) ||
          !cursor.expect(':') || !parts_[0].read(cursor, value))
        return false;
    } while (cursor.take(','));
    if (!cursor.expect('}')) return false;
  }
  drop_duplicate_keys(map, first);
  map.close_list();
  return true;
}

bool JsonValueReader::read_field(JsonCursor& cursor, Column& parent, JsonFields::Match match) {
  const size_t field = match.index();
  const size_t row = parent.size();
  if (match.is_exact())
    exact_in_[field] = objects_;
  else if (exact_in_[field] == objects_)
    return cursor.skip_value();  // a field with the exact name has occurred already
  Column& column = parent.child(field);
  // if two members have the same name, the last one counts: removes the value of the first
  if (column.size() > row) truncate(column, row);
  ColumnSlot slot{&column};
  return parts_[field].read(cursor, slot);
}

// Millrace writes a union as an object with the fields of the STRUCT; an empty object has none of them.
bool JsonValueReader::begins_with_field(JsonCursor& cursor) {
  if (cursor.peek() != '{') return false;
  const size_t begin = cursor.position();
  std::string_view key;
  cursor.take('{');
  const bool is_field =
      cursor.peek() == '}' ||
      (cursor.peek() == '"' && cursor.take_raw_string(key) && is_union_field(key));
  cursor.rewind(begin);
  return is_field;
}

std::optional<size_t> JsonValueReader::member_for(JsonCursor& cursor) const {
  using enum TypeKind;
  const auto first_of = [&](std::initializer_list<TypeKind> kinds) -> std::optional<size_t> {
    for (const TypeKind kind : kinds)
      for (size_t i = 0; i < parts_.size(); ++i)
        if (parts_[i].type_.kind() == kind) return i;
    return std::nullopt;
  };
  switch (cursor.peek()) {
    case '"':
      return first_of({String, Bytes});
    case 't':
    case 'f':
      return first_of({Boolean});
    case '[':
      return first_of({Array});
    case '{':
      return first_of({Struct, Map});
    default: {
      const size_t begin = cursor.position();
      const bool is_whole = cursor.take_scalar().find_first_of(".eE") == std::string_view::npos;
      cursor.rewind(begin);
      return is_whole ? first_of({Bigint, Integer, Double, Decimal}) : first_of({Double, Decimal});
    }
  }
}

bool JsonValueReader::read_union(JsonCursor& cursor, ColumnSlot& slot) {
  const auto member = member_for(cursor);
  if (!member) {
    if (cursor.peek() == '{') return mismatch("an object");
    return mismatch(cursor.peek() == '[' ? "an array" : cursor.take_scalar());
  }
  Column& column = *slot.column;
  for (size_t i = 0; i < parts_.size(); ++i) {
    ColumnSlot field{&column.child(i)};
    if (i != *member)
      field.put_null();
    else if (!parts_[i].read(cursor, field))
      return false;
  }
  column.close_struct();
  return true;
}

bool JsonValueReader::read_struct(JsonCursor& cursor, ColumnSlot& slot) {
  if (is_union_ && !cursor.at_end() && cursor.peek() != 'n' && !begins_with_field(cursor))
    return read_union(cursor, slot);
  if (cursor.peek() != '{') {
    if (cursor.peek() == '[') return mismatch("an array");
    if (cursor.at_end()) return cursor.fail("the text ends too early");
    const std::string_view token = cursor.take_scalar();
    if (token != "null") return mismatch(token);
    slot.put_null();
    return true;
  }
  cursor.take('{');
  Column& column = *slot.column;
  ++objects_;
  fields_->begin();
  if (!cursor.take('}')) {
    do {
      std::string_view key;
      if (!cursor.take_raw_string(key)) return false;
      const auto match = fields_->find(key);
      if (match.is_bad_escape()) return cursor.fail("unknown escape in a string");
      if (!cursor.expect(':')) return false;
      const bool ok = match.is_field() ? read_field(cursor, column, match) : cursor.skip_value();
      if (!ok) return false;
    } while (cursor.take(','));
    if (!cursor.expect('}')) return false;
  }
  for (size_t i = 0; i < parts_.size(); ++i)
    if (column.child(i).size() == column.size()) column.child(i).append_null();
  column.close_struct();
  return true;
}

}  // namespace engine
