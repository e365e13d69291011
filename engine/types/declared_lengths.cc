#include "engine/types/declared_lengths.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "engine/types/postgres_texts.h"
#include "engine/types/postgres_type_name.h"
#include "engine/types/postgres_types.h"

namespace engine {

namespace {

constexpr int kHeader = 4;  // added to the length in modifiers of varchar and bpchar

bool is_text(const SqlType& type) {
  return type.label() == label::kVarchar || type.label() == label::kBpchar;
}
bool is_bits(const SqlType& type) {
  return type.label() == label::kBit || type.label() == label::kVarbit;
}
// Returns whether values of the type are times that are kept as text. Such times have microseconds, other times have
// milliseconds.
bool is_time_text(const SqlType& type) {
  return type.label() == label::kInterval || type.label() == label::kTimetz ||
         (is_exact_time(type.label()) && type.label() != label::kExactDate);
}
bool is_time(const SqlType& type) {
  return type.kind() == TypeKind::Timestamp || type.kind() == TypeKind::Time;
}

// Returns 10^n if the modifier of the type cuts n of the `digits_kept` digits after the point; 1 if
// it cuts none.
int64_t unit_of(const SqlType& type, int digits_kept) {
  int64_t unit = 1;
  // The modifier of an interval has the number of digits in its lower half.
  for (int digits = type.modifier() & 0xffff; digits < digits_kept; ++digits) unit *= 10;
  return unit;
}

// Rounds to a multiple of the unit. Halves are rounded away from `zero`; for points in time that is the year 2000, as
// in PostgreSQL.
int64_t rounded(int64_t value, int64_t unit, int64_t zero = 0) {
  __int128 from_zero = static_cast<__int128>(value) - zero;
  const __int128 half = unit / 2;
  from_zero =
      from_zero < 0 ? -((half - from_zero) / unit * unit) : (from_zero + half) / unit * unit;
  const __int128 result = from_zero + zero;
  // The ends of the range of int64 are not changed, because some of them represent infinities.
  return result <= INT64_MIN || result >= INT64_MAX ? value : static_cast<int64_t>(result);
}
constexpr int64_t kZeroMs = 946'684'800'000;  // 2000-01-01, from which PostgreSQL counts and rounds

// Returns the end of the first `count` characters of a UTF-8 text; the size of a shorter text.
size_t end_of_letters(std::string_view text, size_t count) {
  if (text.size() <= count) return text.size();
  size_t at = 0;
  for (; at < text.size(); ++at) {
    const bool begins = (static_cast<unsigned char>(text[at]) & 0xc0) != 0x80;
    if (begins && count-- == 0) break;
  }
  return at;
}

Error too_long(const SqlType& type, std::string_view text) {
  if (type.label() == label::kBit)
    return {ErrorCode::TooLongText, fmt::format("bit string length {} does not match type bit({})",
                                                text.size(), type.modifier())};
  if (type.label() == label::kVarbit)
    return {ErrorCode::TooLongText,
            fmt::format("bit string too long for type bit varying({})", type.modifier())};
  return {ErrorCode::TooLongText, fmt::format("value too long for type {}({})",
                                              postgres_type_name(type), type.modifier() - kHeader)};
}

Result<std::string> fitting_text(const SqlType& type, std::string_view text, LengthRule rule) {
  const size_t end = end_of_letters(text, static_cast<size_t>(type.modifier() - kHeader));
  if (rule == LengthRule::Write && text.find_first_not_of(' ', end) != std::string_view::npos)
    return too_long(type, text);
  std::string_view kept = text.substr(0, end);
  // The padding is removed, because PostgreSQL pads the text to the length, but neither compares nor counts the
  // padding.
  if (type.label() == label::kBpchar) kept = kept.substr(0, kept.find_last_not_of(' ') + 1);
  return std::string(kept);
}

Result<std::string> fitting_bits(const SqlType& type, std::string_view bits, LengthRule rule) {
  const auto size = static_cast<size_t>(type.modifier());
  const bool is_fixed = type.label() == label::kBit;
  const bool fits = is_fixed ? bits.size() == size : bits.size() <= size;
  if (!fits && rule == LengthRule::Write) return too_long(type, bits);
  std::string kept(bits.substr(0, size));
  if (is_fixed) kept.resize(size, '0');
  return kept;
}

Result<std::string> rounded_text(const SqlType& type, std::string_view text) {
  constexpr int kDigits = 6;
  constexpr int64_t kZeroUs = kZeroMs * 1000;
  const int64_t unit = unit_of(type, kDigits);
  if (type.label() == label::kInterval) {
    Interval interval = TRY(parse_interval(text));
    interval.us = rounded(interval.us, unit);
    return interval_text(interval);
  }
  if (type.label() == label::kTimetz) {
    TimeWithZone time = TRY(parse_timetz(text));
    time.us = rounded(time.us, unit);
    return timetz_text(time);
  }
  if (type.label() == label::kExactTime)
    return time_us_text(rounded(TRY(parse_time_us(text)), unit));
  const int64_t us = TRY(parse_instant_us(text, Zones::Kept, "timestamp"));
  return instant_text(rounded(us, unit, kZeroUs), type.label() == label::kExactTimestamptz);
}

Result<std::string> fitting(const SqlType& type, std::string_view text, LengthRule rule) {
  if (is_text(type)) return fitting_text(type, text, rule);
  if (is_bits(type)) return fitting_bits(type, text, rule);
  return rounded_text(type, text);
}

Column fit_texts(const SqlType& type, const Column& values, LengthRule rule,
                 const RefusedRow& refused) {
  Column fitted(type);
  fitted.share_strings_of(values);
  const auto texts = values.data<std::string_view>();
  for (size_t row = 0; row < values.size(); ++row) {
    if (values.is_null(row)) {
      fitted.append_null();
      continue;
    }
    const auto kept = fitting(type, texts[row], rule);
    if (!kept) {
      refused(row, kept.error());
      fitted.append_null();
    } else {
      *kept == texts[row] ? fitted.append(texts[row]) : fitted.append_copy(*kept);
    }
  }
  return fitted;
}

template <class T>
Column round_times(const SqlType& type, const Column& values) {
  constexpr int kDigits = 3;
  const int64_t unit = unit_of(type, kDigits);
  const bool is_time_of_day = type.kind() == TypeKind::Time;
  Column fitted(type);
  for (size_t row = 0; row < values.size(); ++row) {
    if (values.is_null(row)) {
      fitted.append_null();
      continue;
    }
    const T value = values.data<T>()[row];
    auto whole = static_cast<T>(rounded(value, unit, is_time_of_day ? 0 : kZeroMs));
    // A time in milliseconds cannot be 24:00, so a time in the last half unit of a day is rounded
    // down.
    if (is_time_of_day && whole >= 86'400'000) whole = static_cast<T>(value - value % unit);
    fitted.append(whole);
  }
  return fitted;
}

// Fits each part of nested values. If a part is refused, its row is refused.
Column fit_parts(const SqlType& type, const Column& values, LengthRule rule,
                 const RefusedRow& refused) {
  Column fitted(type);
  fitted.resize(values.size());
  fitted.validity() = values.validity();
  const bool is_struct = type.kind() == TypeKind::Struct;
  if (!is_struct) std::ranges::copy(values.offsets(), fitted.data<uint32_t>().begin());
  for (size_t i = 0; i < values.child_count(); ++i) {
    const RefusedRow refuse_row = [&](size_t part, const Error& error) {
      if (is_struct) return refused(part, error);
      const auto ends = values.offsets();
      const auto behind = std::ranges::upper_bound(ends, static_cast<uint32_t>(part));
      refused(static_cast<size_t>(behind - ends.begin()) - 1, error);
    };
    fitted.child(i) = fit_declared(fitted.child(i).type(), values.child(i), rule, refuse_row);
  }
  return fitted;
}

bool has_own_length(const SqlType& type) {
  return type.modifier() >= 0 &&
         (is_text(type) || is_bits(type) || is_time(type) || is_time_text(type));
}

SqlType map_parts(const SqlType& type, const SqlType& other, const auto& map) {
  switch (type.kind()) {
    case TypeKind::Array:
      return SqlType::array(map(type.element(), other.element())).labelled(type.label());
    case TypeKind::Map:
      return SqlType::map(map(type.key(), other.key()), map(type.value(), other.value()));
    case TypeKind::Struct: {
      std::vector<Field> fields = type.fields();
      for (size_t i = 0; i < fields.size(); ++i)
        fields[i].type = map(fields[i].type, other.fields()[i].type);
      if (!type.name().empty())
        return SqlType::named(TypeKind::Struct, type.label(), type.name(), std::move(fields));
      return SqlType::structure(std::move(fields)).labelled(type.label());
    }
    default:
      return type;
  }
}

}  // namespace

bool has_declared_length(const SqlType& type) {
  switch (type.kind()) {
    case TypeKind::Array:
      return has_declared_length(type.element());
    case TypeKind::Map:
      return has_declared_length(type.key()) || has_declared_length(type.value());
    case TypeKind::Struct:
      return std::ranges::any_of(type.fields(), has_declared_length, &Field::type);
    default:
      return has_own_length(type);
  }
}

SqlType without_declared_lengths(const SqlType& type) {
  if (!has_declared_length(type)) return type;
  if (!type.is_nested()) return type.with_modifier(-1);
  return map_parts(type, type, [](const SqlType& part, const SqlType&) {
    return without_declared_lengths(part);
  });
}

SqlType with_declared_lengths(const SqlType& type, const SqlType& declared) {
  if (!has_declared_length(declared)) return type;
  if (!type.is_nested()) return type.with_modifier(declared.modifier());
  return map_parts(type, declared, with_declared_lengths);
}

Column fit_declared(const SqlType& type, const Column& values, LengthRule rule,
                    const RefusedRow& refused) {
  if (!has_declared_length(type)) return values.clone();
  if (type.is_nested()) return fit_parts(type, values, rule, refused);
  if (type.kind() == TypeKind::Timestamp) return round_times<int64_t>(type, values);
  if (type.kind() == TypeKind::Time) return round_times<int32_t>(type, values);
  return fit_texts(type, values, rule, refused);
}

}  // namespace engine
