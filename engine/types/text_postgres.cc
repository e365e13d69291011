#include "engine/types/text_postgres.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <optional>

#include "engine/types/postgres_types.h"
#include "engine/types/styled_texts.h"
#include "engine/types/text_bytes.h"
#include "engine/types/text_json.h"
#include "engine/types/text_number.h"
#include "engine/types/text_time.h"
#include "engine/types/zoned_texts.h"

namespace engine {

namespace {

// Appends a time of day without trailing zeros in the fraction.
void append_clock(std::string& out, int64_t ms_of_day) {
  append_time_full(out, ms_of_day);
  if (ms_of_day % kMsPerSecond != 0) out.resize(out.find_last_not_of('0') + 1);
}

// Appends a date without a sign of the year. append_era() marks years before 1.
void append_signless_date(std::string& out, const CivilDate& date) {
  const int64_t year = date.year < 1 ? 1 - date.year : date.year;
  fmt::format_to(std::back_inserter(out), "{:04}-{:02}-{:02}", year, date.month, date.day);
}
void append_era(std::string& out, const CivilDate& date) {
  if (date.year < 1) out += " BC";
}
bool has_iso_year(const CivilDate& date) { return date.year >= 1 && date.year <= 9999; }

void append_iso_date(std::string& out, int32_t days) {
  const CivilDate date = civil_from_days(days);
  if (has_iso_year(date)) return append_date(out, days);
  append_signless_date(out, date);
  append_era(out, date);
}
// Appends a timestamp in ISO style. `east_ms` is the offset of the zone to show.
void append_iso_timestamp(std::string& out, int64_t clock_ms, std::optional<int64_t> east_ms) {
  const auto [days, ms_of_day] = split_timestamp(clock_ms);
  const CivilDate date = civil_from_days(days);
  if (has_iso_year(date))
    append_date(out, days);
  else
    append_signless_date(out, date);
  out += ' ';
  append_clock(out, ms_of_day);
  if (east_ms) append_zone_offset(out, *east_ms);
  append_era(out, date);
}

void append_postgres_date(std::string& out, int32_t days, const TextForms& forms) {
  if (forms.date_style == DateStyle::Iso) return append_iso_date(out, days);
  std::string iso;
  append_iso_date(iso, days);
  out += in_date_style(forms, iso);
}
void append_postgres_timestamp(std::string& out, int64_t clock_ms, const TextForms& forms) {
  if (forms.date_style == DateStyle::Iso) return append_iso_timestamp(out, clock_ms, std::nullopt);
  std::string iso;
  append_iso_timestamp(iso, clock_ms, std::nullopt);
  out += in_date_style(forms, iso);
}
void append_postgres_timestamptz(std::string& out, int64_t ms, const TextForms& forms) {
  const ZoneClock* const zone = forms.zone.get();
  const int64_t east_ms = zone ? zone->east_ms(ms) : 0;
  if (forms.date_style == DateStyle::Iso) return append_iso_timestamp(out, ms + east_ms, east_ms);
  std::string iso;
  append_iso_timestamp(iso, ms + east_ms, east_ms);
  out += in_date_style(forms, iso, zone_name_at(zone, ms));
}

void append_jsonb(std::string& out, const Column& column, size_t row) {
  append_json_value(out, column, row, JsonTimes::Iso);
}

// Appends the digits that a float needs to be read back. Numbers from a million on and below a ten-thousandth get an
// exponent.
void append_float(std::string& out, double value) {
  if (!std::isfinite(value)) return append_double_postgres(out, value);
  constexpr double kEnd = 1e6, kLeast = 1e-4;
  const double size = std::abs(value);
  const bool is_plain = size == 0 || (size >= static_cast<float>(kLeast) && size < kEnd);
  char digits[64];
  const auto end =
      std::to_chars(digits, digits + sizeof digits, static_cast<float>(value),
                    is_plain ? std::chars_format::fixed : std::chars_format::scientific)
          .ptr;
  out.append(digits, end);
}

bool equals_null(std::string_view text) {
  if (text.size() != 4) return false;
  for (size_t i = 0; i < 4; ++i)
    if ((text[i] | 0x20) != "null"[i]) return false;
  return true;
}

bool needs_quotes(std::string_view text) {
  return text.empty() || equals_null(text) ||
         text.find_first_of("{},\"\\ \t\n\r\v\f") != std::string_view::npos;
}

// Appends a value within another value, with the escape before each quote and backslash. Returns false if the text is
// too long and was cut.
bool append_inner(std::string& out, std::string_view text, bool is_quoted, char (*escape)(char)) {
  if (!is_quoted) {
    out += text;
    return out.size() <= kMostNestedTextBytes;
  }
  out += '"';
  while (out.size() <= kMostNestedTextBytes) {
    const size_t plain = std::min(text.find_first_of("\"\\"), text.size());
    out += text.substr(0, plain);
    if (plain == text.size()) {
      out += '"';
      return true;
    }
    out += escape(text[plain]);
    out += text[plain];
    text.remove_prefix(plain + 1);
  }
  return false;
}
char escaped_in_array(char) { return '\\'; }
char doubled_in_record(char c) { return c; }

void append_array(std::string& out, const SqlType& type, const Column& column, size_t row,
                  const TextForms& forms) {
  const Column& elements = column.child(0);
  const uint32_t begin = column.offsets()[row], end = column.offsets()[row + 1];
  if (is_vector(type.label())) {  // shown as `1 2`; elements are never null
    for (uint32_t i = begin; i < end; ++i) {
      if (i != begin) out += ' ';
      append_postgres_text(out, type.element(), elements, i, forms);
    }
    return;
  }
  std::string text;
  out += '{';
  for (uint32_t i = begin; i < end; ++i) {
    if (i != begin) out += ',';
    if (elements.is_null(i)) {
      out += "NULL";
      continue;
    }
    text.clear();
    append_postgres_text(text, type.element(), elements, i, forms);
    if (!append_inner(out, text, needs_quotes(text), escaped_in_array)) return;
  }
  out += '}';
}

// Appends a row such as (1,"a b",); a null is an empty field.
void append_record(std::string& out, const SqlType& type, const Column& column, size_t row,
                   const TextForms& forms) {
  std::string text;
  out += '(';
  for (size_t i = 0; i < type.fields().size(); ++i) {
    if (i > 0) out += ',';
    const Column& field = column.child(i);
    if (field.is_null(row)) continue;
    text.clear();
    append_postgres_text(text, type.fields()[i].type, field, row, forms);
    const bool is_plain =
        !text.empty() && text.find_first_of("(),\"\\ \t\n\r\v\f") == std::string::npos;
    if (!append_inner(out, text, !is_plain, doubled_in_record)) return;
  }
  out += ')';
}

}  // namespace

void append_postgres_text(std::string& out, const Column& column, size_t row) {
  append_postgres_text(out, column.type(), column, row, {});
}

void append_postgres_text(std::string& out, const SqlType& type, const Column& column, size_t row,
                          const TextForms& forms) {
  switch (type.kind()) {
    case TypeKind::Null:
      return;
    case TypeKind::Boolean:
      out += column.data<uint8_t>()[row] != 0 ? 't' : 'f';
      return;
    case TypeKind::Integer:
      return append_bigint(out, column.data<int32_t>()[row]);
    case TypeKind::Bigint:
      return append_bigint(out, column.data<int64_t>()[row]);
    case TypeKind::Double:
      if (type.label() == label::kFloat4) return append_float(out, column.data<double>()[row]);
      return append_double_postgres(out, column.data<double>()[row]);
    case TypeKind::Decimal:
      return append_decimal(out, column.data<Int128>()[row], type.scale());
    case TypeKind::String:
      if (has_forms(type))
        out += shown_text_in(forms, type, column.data<std::string_view>()[row]);
      else
        out += column.data<std::string_view>()[row];
      return;
    case TypeKind::Bytes:
      out += "\\x";
      return append_hex(out, column.data<std::string_view>()[row], HexCase::Lower);
    case TypeKind::Date:
      return append_postgres_date(out, column.data<int32_t>()[row], forms);
    case TypeKind::Time:
      return append_clock(out, column.data<int32_t>()[row]);
    case TypeKind::Timestamp:
      if (type.label() != label::kTimestamp)
        return append_postgres_timestamptz(out, column.data<int64_t>()[row], forms);
      return append_postgres_timestamp(out, column.data<int64_t>()[row], forms);
    case TypeKind::Array:
      if (type.element().kind() == TypeKind::Array) return append_jsonb(out, column, row);
      return append_array(out, type, column, row, forms);
    case TypeKind::Struct:
      if (type.label() != label::kNone) return append_record(out, type, column, row, forms);
      return append_jsonb(out, column, row);
    case TypeKind::Map:
      return append_jsonb(out, column, row);
  }
}

}  // namespace engine
