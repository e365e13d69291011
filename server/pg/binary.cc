#include "server/pg/binary.h"

#include <array>
#include <bit>
#include <vector>

#include "base/bytes.h"
#include "engine/types/catalog_labels.h"
#include "engine/types/postgres_texts.h"
#include "engine/types/text_bytes.h"
#include "engine/types/text_number.h"
#include "engine/types/text_postgres.h"
#include "engine/types/text_time.h"
#include "server/pg/binary_labels.h"
#include "server/pg/client_encoding.h"
#include "server/pg/wire_types.h"

namespace server::pg {

using engine::Column;
using engine::Int128;
using engine::TypeKind;

namespace {

// PostgreSQL counts dates and times from 2000-01-01.
constexpr int32_t kEpochDays = 10957;
constexpr int64_t kEpochMs = 946'684'800'000;

constexpr uint16_t kNumericPositive = 0, kNumericNegative = 0x4000, kNumericNan = 0xC000,
                   kNumericInfinity = 0xD000, kNumericMinusInfinity = 0xF000;
constexpr int kDigitsPerGroup = 4;
constexpr int kGroupBase = 10'000;
constexpr uint16_t kMostNumericScale = 0x3fff;

// Converts to PostgreSQL's microseconds. Times that do not fit become PostgreSQL's infinity.
int64_t timestamp_us(int64_t ms) {
  int64_t us = 0;
  if (__builtin_sub_overflow(ms, kEpochMs, &us) || __builtin_mul_overflow(us, int64_t{1000}, &us))
    return ms < 0 ? INT64_MIN : INT64_MAX;
  return us;
}

// Appends groups of four decimal digits, aligned at the decimal point, without leading and trailing
// zero groups.
//
//    12345.67      1 | 2345 | 6700       weight 1 (the first group counts 10000^1)
void append_numeric(std::string& out, Int128 unscaled, int scale) {
  const bool is_negative = unscaled < 0;
  auto rest = static_cast<unsigned __int128>(is_negative ? -unscaled : unscaled);
  const int fraction_groups = (scale + kDigitsPerGroup - 1) / kDigitsPerGroup;
  int padding = fraction_groups * kDigitsPerGroup - scale;  // zeros that complete the last group

  std::vector<int16_t> groups;  // the last group first
  if (padding > 0) {
    int divisor = kGroupBase, factor = 1;
    for (; padding > 0; --padding) divisor /= 10, factor *= 10;
    groups.push_back(static_cast<int16_t>(static_cast<int>(rest % divisor) * factor));
    rest /= divisor;
  }
  for (; rest > 0; rest /= kGroupBase) groups.push_back(static_cast<int16_t>(rest % kGroupBase));

  auto first_kept = groups.begin();
  while (first_kept != groups.end() && *first_kept == 0) ++first_kept;
  while (groups.end() != first_kept && groups.back() == 0) groups.pop_back();
  const int weight = static_cast<int>(groups.size()) - fraction_groups - 1;

  append_be(out, static_cast<int16_t>(groups.end() - first_kept));
  append_be(out, static_cast<int16_t>(groups.end() == first_kept ? 0 : weight));
  append_be(out, is_negative ? kNumericNegative : kNumericPositive);
  append_be(out, static_cast<uint16_t>(scale));
  for (auto group = groups.end(); group != first_kept;) append_be(out, *--group);
}

void append_jsonb(std::string& out, const Column& column, size_t row, ClientEncoding* to) {
  out += '\1';  // version of the format
  const size_t begin = out.size();
  engine::append_postgres_text(out, column, row);
  if (to != nullptr) to->convert_end(out, begin);
}

void append_array(std::string& out, const engine::SqlType& type, const Column& column, size_t row,
                  ClientEncoding* to) {
  const Column& elements = column.child(0);
  const size_t first = column.offsets()[row], end = column.offsets()[row + 1];
  bool has_nulls = false;
  for (size_t i = first; i < end; ++i) has_nulls = has_nulls || elements.is_null(i);
  // a vector has a dimension even if it has no element
  const bool is_vector = engine::is_vector(type.label());
  append_be<int32_t>(out, first == end && !is_vector ? 0 : 1);  // number of dimensions
  append_be<int32_t>(out, has_nulls);
  append_be(out, wire_type(type.element()).oid);
  if (first == end && !is_vector) return;
  append_be(out, static_cast<int32_t>(end - first));
  append_be<int32_t>(out, is_vector ? 0 : 1);  // index of the first element
  for (size_t i = first; i < end; ++i) {
    if (elements.is_null(i))
      append_be<int32_t>(out, -1);
    else
      append_sized(out, [&] { append_binary(out, type.element(), elements, i, to); });
  }
}

void append_record(std::string& out, const engine::SqlType& type, const Column& column, size_t row,
                   ClientEncoding* to) {
  append_be(out, static_cast<int32_t>(type.fields().size()));
  for (size_t i = 0; i < type.fields().size(); ++i) {
    const engine::SqlType& field = type.fields()[i].type;
    append_be(out, wire_type(field).oid);
    if (column.child(i).is_null(row))
      append_be<int32_t>(out, -1);
    else
      append_sized(out, [&] { append_binary(out, field, column.child(i), row, to); });
  }
}

// ---- From clients ----

Error bad_bytes() {
  return Error{ErrorCode::ProtocolViolation, "insufficient data left in message", "",
               "The binary value does not have the length of its type."};
}

Error bad_binary(std::string_view what) {
  return Error{ErrorCode::BadBinary, "incorrect binary data format", "",
               "The binary value has " + std::string(what) + "."};
}

Result<std::string> numeric_text(ByteReader& reader) {
  const auto group_count = reader.be<uint16_t>();
  const auto weight = reader.be<int16_t>();
  const auto sign = reader.be<uint16_t>();
  const auto scale = reader.be<uint16_t>();
  if (!reader.ok() || group_count > reader.rest().size() / sizeof(int16_t)) return bad_bytes();
  if (scale > kMostNumericScale) return bad_binary("an invalid scale of a numeric");
  std::vector<int16_t> groups(group_count);
  for (int16_t& group : groups) {
    group = reader.be<int16_t>();
    if (group < 0 || group >= kGroupBase) return bad_binary("an invalid digit of a numeric");
  }
  if (sign == kNumericNan) return std::string("NaN");
  if (sign == kNumericInfinity) return std::string("Infinity");
  if (sign == kNumericMinusInfinity) return std::string("-Infinity");
  if (sign != kNumericPositive && sign != kNumericNegative)
    return bad_binary("an invalid sign of a numeric");
  const auto append_group = [&](std::string& out, int index) {
    const bool is_there = index >= 0 && index < static_cast<int>(groups.size());
    const int value = is_there ? groups[static_cast<size_t>(index)] : 0;
    for (const int divisor : {1000, 100, 10, 1})
      out += static_cast<char>('0' + value / divisor % 10);
  };
  std::string whole, fraction;
  for (int index = 0; index <= weight; ++index) append_group(whole, index);
  for (int index = weight + 1; fraction.size() < scale; ++index) append_group(fraction, index);
  fraction.resize(scale);
  whole.erase(0, std::min(whole.find_first_not_of('0'), whole.size()));
  if (whole.empty()) whole = "0";
  return (sign == kNumericNegative ? "-" : "") + whole + (fraction.empty() ? "" : "." + fraction);
}

std::string double_text(double value) {
  std::string text;
  engine::append_double_postgres(text, value);
  return text;
}

Result<std::string> timestamp_text(int64_t us_since_2000, bool has_zone) {
  constexpr int64_t kEpochUs = kEpochMs * 1000;
  int64_t us = us_since_2000;
  if (!engine::is_infinite_instant(us) && __builtin_add_overflow(us, kEpochUs, &us))
    return Error{ErrorCode::InvalidTimestamp, "timestamp out of range"};
  return engine::instant_text(us, has_zone);
}
Result<std::string> date_text(int32_t days_since_2000) {
  int32_t days = days_since_2000;
  const bool is_infinite = days == engine::kInfinityDays || days == engine::kMinusInfinityDays;
  if (!is_infinite && __builtin_add_overflow(days, kEpochDays, &days))
    return Error{ErrorCode::InvalidTimestamp, "date out of range"};
  return engine::days_text(days);
}
Result<std::string> time_text(int64_t us_of_day) {
  constexpr int64_t kUsPerDay = 86'400'000'000;
  if (us_of_day < 0 || us_of_day > kUsPerDay)
    return Error{ErrorCode::InvalidTimestamp, "time out of range"};
  return engine::time_us_text(us_of_day);
}

std::string quoted_element(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

// Returns the text of a binary array. Supports one dimension; an array of arrays is jsonb in this
// server.
Result<std::string> array_text(uint32_t expected, ByteReader& reader, ClientEncoding* from) {
  const auto dimensions = reader.be<int32_t>();
  // Whether the array has nulls; ignored, because each element's length shows whether it is NULL.
  const auto flags = reader.be<int32_t>();
  const auto element = reader.be<uint32_t>();
  if (!reader.ok()) return bad_bytes();
  if (dimensions < 0) return bad_binary("an invalid number of dimensions of an array");
  if (flags != 0 && flags != 1) return bad_binary("invalid flags of an array");
  if (element != expected)
    return Error{ErrorCode::TypeMismatch, "binary data has array element type " +
                                              std::to_string(element) + " instead of expected " +
                                              std::to_string(expected)};
  if (dimensions == 0) return std::string("{}");
  if (dimensions != 1)
    return Error{ErrorCode::NotSupported, "arrays of several dimensions are not supported yet"};
  const auto count = reader.be<int32_t>();
  reader.be<int32_t>();  // index of the first element; not used
  // Each element takes at least the four bytes of its length, so a count that is too large for the
  // rest is an error.
  if (!reader.ok() || count < 0 ||
      static_cast<size_t>(count) > reader.rest().size() / sizeof(int32_t))
    return bad_bytes();
  std::string text = "{";
  for (int32_t i = 0; i < count; ++i) {
    const auto size = reader.be<int32_t>();
    if (!reader.ok() || size < -1) return bad_bytes();
    if (i > 0) text += ',';
    if (size == -1) {
      text += "NULL";
      continue;
    }
    const std::string_view bytes = reader.bytes(static_cast<size_t>(size));
    if (!reader.ok()) return bad_bytes();
    // The element of an array is never an array, so this recurses one level only.
    if (element_oid(element) != 0) return bad_bytes();
    text += quoted_element(TRY(text_of_binary(element, bytes, from)));
  }
  return text + "}";
}

// Returns the value of a type whose binary form is its text.
Result<std::string> plain_text(ByteReader& reader, ClientEncoding* from) {
  const std::string_view text = reader.bytes(reader.rest().size());
  return from == nullptr ? std::string(text) : from->from_client(text);
}

Result<std::string> read_text(uint32_t type_oid, ByteReader& reader, ClientEncoding* from) {
  switch (type_oid) {
    case oid::kBool:
      return std::string(reader.be<int8_t>() != 0 ? "t" : "f");
    case oid::kInt2:
      return std::to_string(reader.be<int16_t>());
    case oid::kInt4:
      return std::to_string(reader.be<int32_t>());
    case oid::kInt8:
      return std::to_string(reader.be<int64_t>());
    case oid::kOid:
      return std::to_string(reader.be<uint32_t>());
    case oid::kFloat4:
      return double_text(std::bit_cast<float>(reader.be<uint32_t>()));
    case oid::kFloat8:
      return double_text(std::bit_cast<double>(reader.be<uint64_t>()));
    case oid::kNumeric:
      return numeric_text(reader);
    case oid::kDate:
      return date_text(reader.be<int32_t>());
    case oid::kTime:
      return time_text(reader.be<int64_t>());
    case oid::kTimestamp:
    case oid::kTimestamptz:
      return timestamp_text(reader.be<int64_t>(), type_oid == oid::kTimestamptz);
    case oid::kBytea: {
      std::string text = "\\x";
      engine::append_hex(text, reader.bytes(reader.rest().size()), engine::HexCase::Lower);
      return text;
    }
    case oid::kJsonb:
      if (reader.be<uint8_t>() != 1) return bad_bytes();
      [[fallthrough]];
    case 0:
    case oid::kUnknown:
    case oid::kText:
    case oid::kVarchar:
    case oid::kBpchar:
    case oid::kName:
    case oid::kJson:
      return plain_text(reader, from);
    default:
      if (auto text = label_text(type_oid, reader)) return *std::move(text);
      if (const uint32_t element = element_oid(type_oid); element != 0)
        return array_text(element, reader, from);
      // A type made by CREATE TYPE: the bytes of an enumeration are its text.
      if (type_oid >= kFirstUserType) return plain_text(reader, from);
      return Error{
          ErrorCode::NotSupported,
          "binary parameters of type " + std::to_string(type_oid) + " are not supported yet"};
  }
}

}  // namespace

void append_binary(std::string& out, const Column& column, size_t row) {
  append_binary(out, column.type(), column, row);
}

void append_binary(std::string& out, const engine::SqlType& type, const Column& column, size_t row,
                   ClientEncoding* to) {
  namespace label = engine::label;
  switch (type.kind()) {
    case TypeKind::Null:
      return;
    case TypeKind::Boolean:
      out += static_cast<char>(column.data<uint8_t>()[row] != 0);
      return;
    case TypeKind::Integer:
      if (type.label() == label::kInt2)
        return append_be(out, static_cast<int16_t>(column.data<int32_t>()[row]));
      return append_be(out, column.data<int32_t>()[row]);
    case TypeKind::Bigint:
      if (type.label() == label::kOid || type.label() == label::kXid)
        return append_be(out, static_cast<uint32_t>(column.data<int64_t>()[row]));
      return append_be(out, column.data<int64_t>()[row]);
    case TypeKind::Double:
      if (type.label() == label::kFloat4)
        return append_be(out,
                         std::bit_cast<uint32_t>(static_cast<float>(column.data<double>()[row])));
      return append_be(out, std::bit_cast<uint64_t>(column.data<double>()[row]));
    case TypeKind::Decimal:
      return append_numeric(out, column.data<Int128>()[row], type.scale());
    case TypeKind::String:
      return append_label_binary(out, type.label(), column.data<std::string_view>()[row], to);
    case TypeKind::Bytes:
      out += column.data<std::string_view>()[row];
      return;
    case TypeKind::Date:
      return append_be(out, column.data<int32_t>()[row] - kEpochDays);
    case TypeKind::Time:
      return append_be(out, int64_t{column.data<int32_t>()[row]} * 1000);
    case TypeKind::Timestamp:
      return append_be(out, timestamp_us(column.data<int64_t>()[row]));
    case TypeKind::Array:
      if (type.element().kind() != TypeKind::Array) return append_array(out, type, column, row, to);
      return append_jsonb(out, column, row, to);
    case TypeKind::Struct:
      if (type.label() != label::kNone) return append_record(out, type, column, row, to);
      return append_jsonb(out, column, row, to);
    case TypeKind::Map:
      return append_jsonb(out, column, row, to);
  }
}

Result<std::string> text_of_binary(uint32_t type_oid, std::string_view bytes,
                                   ClientEncoding* from) {
  ByteReader reader(bytes);
  std::string text = TRY(read_text(type_oid, reader, from));
  if (!reader.ok() || !reader.at_end()) return bad_bytes();
  return text;
}

}  // namespace server::pg
