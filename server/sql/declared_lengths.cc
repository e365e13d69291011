#include "server/sql/declared_lengths.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "engine/types/postgres_type_name.h"
#include "engine/types/postgres_types.h"

namespace server {

namespace {

namespace label = engine::label;
using engine::SqlType;
using engine::TypeKind;

constexpr int kHeader = 4;  // of the modifiers of varchar and bpchar

bool is_text(const SqlType& type) {
  return type.label() == label::kVarchar || type.label() == label::kBpchar;
}
bool is_bits(const SqlType& type) {
  return type.label() == label::kBit || type.label() == label::kVarbit;
}
bool is_time(const SqlType& type) {
  return type.kind() == TypeKind::Timestamp || type.kind() == TypeKind::Time;
}

// Where the letter behind the first `count` begins, of UTF-8; the text's end where there are no more.
size_t end_of_letters(std::string_view text, size_t count) {
  if (text.size() <= count) return text.size();
  size_t at = 0;
  for (; at < text.size(); ++at) {
    const bool begins = (static_cast<unsigned char>(text[at]) & 0xc0) != 0x80;
    if (begins && count-- == 0) break;
  }
  return at;
}

// What is kept of the text; nothing where it does not fit.
std::optional<std::string_view> fitting(const SqlType& type, std::string_view text) {
  const auto number = static_cast<size_t>(type.modifier());
  if (type.label() == label::kBit)
    return text.size() == number ? std::optional(text) : std::nullopt;
  if (type.label() == label::kVarbit)
    return text.size() <= number ? std::optional(text) : std::nullopt;
  const size_t end = end_of_letters(text, number - kHeader);
  if (text.find_first_not_of(' ', end) != std::string_view::npos) return std::nullopt;
  return text.substr(0, end);
}

Error too_long(const SqlType& type, std::string_view text) {
  const std::string name = engine::postgres_type_name(type);
  if (type.label() == label::kBit)
    return {ErrorCode::TooLongText, fmt::format("bit string length {} does not match type bit({})",
                                                text.size(), type.modifier())};
  if (type.label() == label::kVarbit)
    return {ErrorCode::TooLongText,
            fmt::format("bit string too long for type bit varying({})", type.modifier())};
  return {ErrorCode::TooLongText,
          fmt::format("value too long for type {}({})", name, type.modifier() - kHeader)};
}

Result<engine::ColumnPtr> fit_texts(const SqlType& type, engine::ColumnPtr values, size_t rows,
                                    size_t& row) {
  const auto texts = values->data<std::string_view>();
  bool is_cut = false;
  for (row = 0; row < rows; ++row) {
    if (values->is_null(row)) continue;
    const auto kept = fitting(type, texts[row]);
    if (!kept) return too_long(type, texts[row]);
    is_cut = is_cut || kept->size() != texts[row].size();
  }
  if (!is_cut) return values;
  auto cut = std::make_shared<engine::Column>(values->type());
  cut->share_strings_of(*values);
  for (size_t i = 0; i < rows; ++i)
    values->is_null(i) ? cut->append_null() : cut->append(*fitting(type, texts[i]));
  return engine::ColumnPtr(std::move(cut));
}

// To whole units of so many milliseconds; a time of the last half of a day's last unit stays on its day.
template <class T>
engine::ColumnPtr round_times(const engine::Column& values, size_t rows, T unit) {
  constexpr T kLastOfDay = 86'399'999;
  auto rounded = std::make_shared<engine::Column>(values.type());
  const bool is_time_of_day = values.type().kind() == TypeKind::Time;
  for (size_t row = 0; row < rows; ++row) {
    if (values.is_null(row)) {
      rounded->append_null();
      continue;
    }
    const T value = values.data<T>()[row];
    T rest = value % unit;
    if (rest < 0) rest += unit;
    T whole = value - rest;
    const bool is_up = rest >= unit - rest;
    if (is_up && !(is_time_of_day && whole > kLastOfDay - unit)) whole += unit;
    rounded->append(whole);
  }
  return rounded;
}

}  // namespace

bool has_declared_length(const SqlType& type) {
  return type.modifier() >= 0 && (is_text(type) || is_bits(type) || is_time(type));
}

Result<engine::ColumnPtr> fit_declared(const SqlType& type, engine::ColumnPtr values, size_t rows,
                                       size_t& row) {
  if (!is_time(type)) return fit_texts(type, std::move(values), rows, row);
  constexpr int64_t kUnits[] = {1000, 100, 10};  // by digits; values have milliseconds
  const auto digits = static_cast<size_t>(type.modifier());
  if (digits >= std::size(kUnits)) return values;
  if (type.kind() == TypeKind::Time)
    return round_times<int32_t>(*values, rows, static_cast<int32_t>(kUnits[digits]));
  return round_times<int64_t>(*values, rows, kUnits[digits]);
}

}  // namespace server
