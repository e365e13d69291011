#include "server/pg/binary_labels.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <vector>

#include "engine/types/ascii.h"
#include "engine/types/postgres_texts.h"
#include "engine/types/text_bytes.h"
#include "engine/types/text_number.h"
#include "server/pg/binary.h"
#include "server/pg/client_encoding.h"
#include "server/pg/wire_types.h"

namespace server::pg {

namespace label = engine::label;
using engine::PostgresLabel;
using engine::PostgresLabelRow;

namespace {

// PostgreSQL counts dates and times from 2000-01-01.
constexpr int32_t kLabelEpochDays = 10957;
constexpr int64_t kEpochUs = 946'684'800'000'000;

// Flags in the first byte of a range.
constexpr uint8_t kEmpty = 1, kLowerIn = 2, kUpperIn = 4, kNoLower = 8, kNoUpper = 16;

void append_hex_bytes(std::string& out, std::string_view text) {
  std::string digits;
  for (const char c : text)
    if (c != '-' && c != ':') digits += c;
  if (const auto bytes = engine::decode_hex(digits)) out += *bytes;
}

void append_interval(std::string& out, std::string_view text) {
  const auto interval = engine::parse_interval(text);
  append_be(out, interval ? interval->us : 0);
  append_be(out, interval ? interval->days : 0);
  append_be(out, interval ? interval->months : 0);
}

void append_timetz(std::string& out, std::string_view text) {
  const auto time = engine::parse_timetz(text);
  append_be(out, time ? time->us : 0);
  append_be(out, time ? -time->east_s : 0);  // PostgreSQL stores time zones as seconds west of UTC
}

void append_address(std::string& out, std::string_view text, bool is_cidr) {
  constexpr uint8_t kIpv4 = 2, kIpv6 = 3;  // PostgreSQL's numbers, not the system's
  const size_t slash = std::min(text.find('/'), text.size());
  const std::string host(text.substr(0, slash));
  const bool is_v6 = host.find(':') != std::string::npos;
  unsigned char bytes[16] = {};
  inet_pton(is_v6 ? AF_INET6 : AF_INET, host.c_str(), bytes);
  const uint8_t size = is_v6 ? 16 : 4;
  uint8_t bits = static_cast<uint8_t>(size * 8);
  if (slash < text.size())
    std::from_chars(text.data() + slash + 1, text.data() + text.size(), bits);
  append_be(out, is_v6 ? kIpv6 : kIpv4);
  append_be(out, bits);
  append_be(out, static_cast<uint8_t>(is_cidr));
  append_be(out, size);
  out.append(reinterpret_cast<const char*>(bytes), size);
}

void append_bits(std::string& out, std::string_view bits) {
  append_be(out, static_cast<int32_t>(bits.size()));
  for (size_t at = 0; at < bits.size(); at += 8) {
    unsigned byte = 0;
    for (size_t i = at; i < at + 8; ++i)
      byte = byte << 1 | (i < bits.size() && bits[i] == '1' ? 1 : 0);
    out += static_cast<char>(byte);
  }
}

int64_t wire_instant(int64_t us) { return engine::is_infinite_instant(us) ? us : us - kEpochUs; }
int32_t wire_days(int32_t days) {
  return days == engine::kInfinityDays || days == engine::kMinusInfinityDays
             ? days
             : days - kLabelEpochDays;
}

void append_bound(std::string& out, PostgresLabel range, const std::string& text) {
  if (range == label::kInt4Range)
    append_be(out, static_cast<int32_t>(engine::parse_bigint(text).value_or(0)));
  else if (range == label::kInt8Range)
    append_be(out, engine::parse_bigint(text).value_or(0));
  else if (range == label::kNumRange)
    append_numeric_text(out, text);
  else if (range == label::kDateRange)
    append_be(out, wire_days(engine::parse_days(text).value_or(0)));
  else
    append_be(
        out,
        wire_instant(engine::parse_instant_us(text, engine::Zones::Kept, "timestamp").value_or(0)));
}

void append_range(std::string& out, PostgresLabel of, const engine::Range& range) {
  if (range.is_empty) return append_be(out, kEmpty);
  append_be(out, static_cast<uint8_t>(
                     (range.lower_in ? kLowerIn : 0) | (range.upper_in ? kUpperIn : 0) |
                     (range.has_lower ? 0 : kNoLower) | (range.has_upper ? 0 : kNoUpper)));
  if (range.has_lower) append_sized(out, [&] { append_bound(out, of, range.lower); });
  if (range.has_upper) append_sized(out, [&] { append_bound(out, of, range.upper); });
}

// Appends a multirange in binary form. The text is in normal form, without blanks between the
// ranges.
void append_multirange(std::string& out, PostgresLabel of, std::string_view text) {
  const size_t count_at = out.size();
  append_be<int32_t>(out, 0);
  int32_t count = 0;
  for (size_t at = 1; at + 1 < text.size(); ++at) {
    size_t size = 0;
    const auto range = engine::parse_range(text.substr(at), &size, "range");
    if (!range) break;
    append_sized(out, [&] { append_range(out, of, *range); });
    ++count;
    at += size;
  }
  store_be(out.data() + count_at, count);
}

// ---- From clients

std::string dashed(std::string_view bytes, std::initializer_list<size_t> places, char dash) {
  std::string text;
  if (bytes.empty()) return text;  // too few bytes: the reader reports the error
  engine::append_hex(text, bytes, engine::HexCase::Lower);
  for (const size_t at : places) text.insert(at, 1, dash);
  return text;
}

Result<std::string> address_text(ByteReader& reader) {
  const auto family = reader.be<uint8_t>(), bits = reader.be<uint8_t>();
  reader.be<uint8_t>();  // whether the value is a cidr; ignored, because the type shows it, too
  const auto size = reader.be<uint8_t>();
  const bool is_v6 = family == 3;
  if (reader.ok() && size != (is_v6 ? 16 : 4))
    return Error{ErrorCode::BadBinary, "invalid length in external \"inet\" value"};
  const std::string_view bytes = reader.bytes(size);
  if (!reader.ok()) return Error{ErrorCode::ProtocolViolation, "insufficient data left in message"};
  char buffer[INET6_ADDRSTRLEN];
  inet_ntop(is_v6 ? AF_INET6 : AF_INET, bytes.data(), buffer, sizeof buffer);
  return fmt::format("{}/{}", buffer, bits);
}

Result<std::string> bits_text(ByteReader& reader) {
  const auto count = reader.be<int32_t>();
  const std::string_view bytes = reader.bytes(reader.rest().size());
  if (count < 0 || bytes.size() != (static_cast<size_t>(count) + 7) / 8)
    return Error{ErrorCode::BadBinary, "invalid length in external bit string"};
  std::string bits;
  for (int32_t i = 0; i < count; ++i)
    bits += (static_cast<unsigned char>(bytes[static_cast<size_t>(i / 8)]) >> (7 - i % 8)) & 1
                ? '1'
                : '0';
  return bits;
}

Result<std::string> bound_text(PostgresLabel range, ByteReader& reader) {
  const auto size = reader.be<int32_t>();
  if (size < 0) return Error{ErrorCode::ProtocolViolation, "a range's bound has no length"};
  ByteReader bound(reader.bytes(static_cast<size_t>(size)));
  if (!reader.ok()) return std::string();  // too few bytes: the caller reports it
  std::string text;
  if (range == label::kDateRange) {
    const auto days = bound.be<int32_t>();
    text =
        engine::days_text(days == INT32_MAX || days == INT32_MIN ? days : days + kLabelEpochDays);
  } else if (range == label::kTsRange || range == label::kTstzRange) {
    const auto us = bound.be<int64_t>();
    int64_t since_1970 = us;
    if (us != INT64_MAX && us != INT64_MIN && __builtin_add_overflow(us, kEpochUs, &since_1970))
      return Error{ErrorCode::InvalidDatetime, "timestamp out of range"};
    text = engine::instant_text(since_1970, range == label::kTstzRange);
  } else {
    const uint32_t element = range == label::kInt4Range   ? oid::kInt4
                             : range == label::kInt8Range ? oid::kInt8
                                                          : oid::kNumeric;
    text = TRY(text_of_binary(element, bound.bytes(bound.rest().size())));
  }
  return "\"" + text + "\"";
}

Result<std::string> range_of_binary(PostgresLabel of, ByteReader& reader) {
  const auto flags = reader.be<uint8_t>();
  if ((flags & kEmpty) != 0) return std::string("empty");
  std::string text = (flags & kLowerIn) != 0 ? "[" : "(";
  if ((flags & kNoLower) == 0) text += TRY(bound_text(of, reader));
  text += ',';
  if ((flags & kNoUpper) == 0) text += TRY(bound_text(of, reader));
  return text + ((flags & kUpperIn) != 0 ? "]" : ")");
}

Result<std::string> multirange_of_binary(PostgresLabel of, ByteReader& reader) {
  const auto count = reader.be<int32_t>();
  std::string text = "{";
  for (int32_t i = 0; i < count && reader.ok(); ++i) {
    const auto size = reader.be<int32_t>();
    if (size < 0) return Error{ErrorCode::ProtocolViolation, "a range has no length"};
    ByteReader range(reader.bytes(static_cast<size_t>(size)));
    if (i > 0) text += ',';
    text += TRY(range_of_binary(of, range));
    if (!range.ok())
      return Error{ErrorCode::ProtocolViolation, "insufficient data left in message"};
  }
  return text + "}";
}

const PostgresLabelRow* row_of_oid(uint32_t number) {
  const auto rows = engine::postgres_labels();
  const auto row = std::ranges::find(rows, number, &PostgresLabelRow::oid);
  return row == rows.end() ? nullptr : &*row;
}

}  // namespace

// Appends groups of four decimal digits on both sides of the point: 12345.67 is 1 | 2345 . 6700.
void append_numeric_text(std::string& out, std::string_view text) {
  constexpr uint16_t kNegative = 0x4000, kNan = 0xC000, kInfinity = 0xD000, kMinusInfinity = 0xF000;
  const auto special = [&](uint16_t sign) {
    for (const uint16_t word : {uint16_t{0}, uint16_t{0}, sign, uint16_t{0}}) append_be(out, word);
  };
  if (text == "NaN") return special(kNan);
  if (text == "Infinity") return special(kInfinity);
  if (text == "-Infinity") return special(kMinusInfinity);
  const bool is_negative = text.starts_with('-');
  if (is_negative) text.remove_prefix(1);
  const size_t point = std::min(text.find('.'), text.size());
  std::string whole(text.substr(0, point));
  std::string fraction(text.substr(std::min(point + 1, text.size())));
  const auto scale = static_cast<uint16_t>(fraction.size());
  whole.insert(0, (4 - whole.size() % 4) % 4, '0');
  fraction.append((4 - fraction.size() % 4) % 4, '0');
  const std::string digits = whole + fraction;
  std::vector<int16_t> groups;
  for (size_t at = 0; at < digits.size(); at += 4)
    groups.push_back(static_cast<int16_t>(std::stoi(digits.substr(at, 4))));
  auto weight = static_cast<int>(whole.size() / 4) - 1;
  auto first = groups.begin();
  for (; first != groups.end() && *first == 0; ++first) --weight;
  while (groups.end() != first && groups.back() == 0) groups.pop_back();
  const bool is_zero = first == groups.end();
  append_be(out, static_cast<int16_t>(groups.end() - first));
  append_be(out, static_cast<int16_t>(is_zero ? 0 : weight));
  append_be(out, is_negative ? kNegative : uint16_t{0});
  append_be(out, scale);
  for (; first != groups.end(); ++first) append_be(out, *first);
}

namespace {

// Appends a date, time or timestamp. The text was formatted by its type, so parsing it again
// succeeds.
void append_exact_time(std::string& out, PostgresLabel of, std::string_view text) {
  if (of == label::kExactDate) {
    const int32_t days = engine::parse_days(text).value_or(0);
    const bool is_infinite = days == engine::kInfinityDays || days == engine::kMinusInfinityDays;
    return append_be(out, is_infinite ? days : days - kLabelEpochDays);
  }
  if (of == label::kExactTime) return append_be(out, engine::parse_time_us(text).value_or(0));
  const int64_t us = engine::parse_instant_us(text, engine::Zones::Kept, "").value_or(0);
  int64_t since_2000 = us;
  if (!engine::is_infinite_instant(us) && __builtin_sub_overflow(us, kEpochUs, &since_2000))
    since_2000 = INT64_MIN;
  append_be(out, since_2000);
}

}  // namespace

void append_label_binary(std::string& out, PostgresLabel of, std::string_view text,
                         ClientEncoding* to) {
  if (of == label::kUuid || of == label::kMacaddr) return append_hex_bytes(out, text);
  if (of == label::kInterval) return append_interval(out, text);
  if (of == label::kTimetz) return append_timetz(out, text);
  if (of == label::kInet || of == label::kCidr)
    return append_address(out, text, of == label::kCidr);
  if (of == label::kBit || of == label::kVarbit) return append_bits(out, text);
  if (of == label::kNumeric) return append_numeric_text(out, text);
  if (engine::is_exact_time(of)) return append_exact_time(out, of, text);
  if (engine::is_multirange(of))
    return append_multirange(out, engine::find_label(of)->element, text);
  if (engine::is_range(of)) {
    if (const auto range = engine::parse_range(text, nullptr, "range"))
      append_range(out, of, *range);
    return;
  }
  if (of == label::kJsonb) out += '\1';  // version of the format
  const size_t begin = out.size();
  out += text;
  if (to != nullptr) to->convert_end(out, begin);
}

std::optional<Result<std::string>> label_text(uint32_t type_oid, ByteReader& reader) {
  // Types of catalog names (regclass, ...) have no row in this table, because their values are
  // numbers.
  for (const PostgresLabel each :
       {label::kRegclass, label::kRegtype, label::kRegnamespace, label::kRegproc})
    if (engine::find_label(each)->oid == type_oid) return std::to_string(reader.be<uint32_t>());
  const PostgresLabelRow* row = row_of_oid(type_oid);
  if (row == nullptr) return std::nullopt;
  const PostgresLabel of = row->label;
  if (of == label::kUuid) return dashed(reader.bytes(16), {20, 16, 12, 8}, '-');
  if (of == label::kMacaddr) return dashed(reader.bytes(6), {10, 8, 6, 4, 2}, ':');
  if (of == label::kInterval) {
    engine::Interval interval;
    interval.us = reader.be<int64_t>();
    interval.days = reader.be<int32_t>();
    interval.months = reader.be<int32_t>();
    return engine::interval_text(interval);
  }
  if (of == label::kTimetz) {
    engine::TimeWithZone time;
    time.us = reader.be<int64_t>();
    const int32_t west_s = reader.be<int32_t>();
    if (time.us < 0 || time.us > int64_t{86'400} * 1'000'000)
      return Error{ErrorCode::InvalidDatetime, "time out of range"};
    // The limit of PostgreSQL's TZDISP_LIMIT.
    constexpr int32_t kEndOfZones_s = 16 * 3'600;
    if (west_s <= -kEndOfZones_s || west_s >= kEndOfZones_s)
      return Error{ErrorCode::InvalidDatetime, "time zone displacement out of range"};
    time.east_s = -west_s;
    return engine::timetz_text(time);
  }
  if (of == label::kInet || of == label::kCidr) return address_text(reader);
  if (of == label::kBit || of == label::kVarbit) return bits_text(reader);
  if (engine::is_multirange(of)) return multirange_of_binary(row->element, reader);
  if (engine::is_range(of)) return range_of_binary(of, reader);
  return std::nullopt;
}

}  // namespace server::pg
