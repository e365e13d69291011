#include "server/sql/write/written_rows.h"

#include <absl/strings/ascii.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

#include "engine/types/postgres_types.h"
#include "engine/types/text_number.h"

namespace server {

namespace {

using engine::TypeKind;
using engine::Value;

bool is_integral(TypeKind kind) { return kind == TypeKind::Integer || kind == TypeKind::Bigint; }

Error out_of_range(TypeKind kind) {
  return {ErrorCode::OutOfRange,
          kind == TypeKind::Integer ? "integer out of range" : "bigint out of range"};
}

// Rounds half away from zero, as PostgreSQL does.
engine::Int128 rounded(const engine::Decimal& decimal) {
  engine::Int128 divisor = 1;
  for (int i = 0; i < decimal.scale; ++i) divisor *= 10;
  const engine::Int128 half = divisor / 2;
  const engine::Int128 away = decimal.unscaled < 0 ? -half : half;
  return divisor == 1 ? decimal.unscaled : (decimal.unscaled + away) / divisor;
}

Result<Value> to_integral(engine::Int128 number, TypeKind kind) {
  if (kind == TypeKind::Integer) {
    if (number < INT32_MIN || number > INT32_MAX) return out_of_range(kind);
    return Value::integer(static_cast<int32_t>(number));
  }
  if (number < INT64_MIN || number > INT64_MAX) return out_of_range(kind);
  return Value::bigint(static_cast<int64_t>(number));
}

Result<Value> to_integral(const Value& value, TypeKind from, TypeKind to) {
  if (from == TypeKind::Bigint) return to_integral(engine::Int128{value.as_int64()}, to);
  if (from == TypeKind::Decimal) return to_integral(rounded(value.as_decimal()), to);
  const double number = std::nearbyint(value.as_double());
  constexpr double kBeyond = 9223372036854775808.0;
  if (!(number >= -kBeyond && number < kBeyond)) return out_of_range(to);
  return to_integral(engine::Int128{static_cast<int64_t>(number)}, to);
}

Result<Value> to_boolean(const std::string& text) {
  const std::string word = absl::AsciiStrToLower(absl::StripAsciiWhitespace(text));
  for (const std::string_view yes : {"t", "true", "y", "yes", "on", "1"})
    if (word == yes) return Value::boolean(true);
  for (const std::string_view no : {"f", "false", "n", "no", "off", "0"})
    if (word == no) return Value::boolean(false);
  return Error{ErrorCode::InvalidText,
               fmt::format("invalid input syntax for type boolean: \"{}\"", text)};
}

// Converts a value to the form that a column with this label stores: checks the range of smallint,
// rounds to the digits of real, brings texts to their normal form.
Result<Value> to_label(Value value, const engine::SqlType& type) {
  namespace label = engine::label;
  if (value.is_null()) return value;
  if (type.label() == label::kInt2 && value.as_int32() != static_cast<int16_t>(value.as_int32()))
    return Error{ErrorCode::OutOfRange, "smallint out of range"};
  if (type.label() == label::kFloat4) {
    const auto narrow = static_cast<float>(value.as_double());
    if (std::isinf(narrow) && !std::isinf(value.as_double()))
      return Error{ErrorCode::OutOfRange, "value out of range: overflow"};
    return Value::number(double{narrow});
  }
  if (engine::is_normalized(type))
    return Value::text(TRY(engine::normalized_text(type, value.as_string())));
  return value;
}

bool needs_label(const engine::SqlType& from, const engine::SqlType& to) {
  const bool is_labelled =
      !engine::without_narrow_label(to).is_identical(to) || engine::is_normalized(to);
  return is_labelled && !to.is_nested() && !from.is_identical(to);
}

}  // namespace

bool is_narrowed(const engine::SqlType& from, const engine::SqlType& to) {
  const TypeKind kind = from.kind();
  if (is_integral(to.kind()))
    return kind == TypeKind::Double || kind == TypeKind::Decimal ||
           (kind == TypeKind::Bigint && to.kind() == TypeKind::Integer);
  return kind == TypeKind::String && to.kind() == TypeKind::Boolean;
}

Result<std::vector<engine::ColumnPtr>> written_columns(const engine::Schema& schema,
                                                       std::span<const size_t> places,
                                                       std::span<const engine::ColumnPtr> columns,
                                                       size_t first_row, size_t end_row,
                                                       KeysOf keys) {
  std::vector<engine::ColumnPtr> written(schema.columns.size());
  for (size_t i = 0; i < columns.size(); ++i) {
    const engine::Column& given = *columns[i];
    const engine::SqlType& type = schema.columns[places[i]].type;
    auto part = std::make_shared<engine::Column>(type);
    const bool narrows = is_narrowed(given.type(), type);
    const bool is_labelled = needs_label(given.type(), type);
    const bool has_other_scale = type.kind() == TypeKind::Decimal &&
                                 given.type().kind() == TypeKind::Decimal &&
                                 type.scale() != given.type().scale();
    const bool is_number_key =
        keys == KeysOf::NewRows && schema.columns[places[i]].role == engine::ColumnRole::Key &&
        type.kind() == TypeKind::Double && given.type().kind() == TypeKind::Double;
    for (size_t row = first_row; row < end_row; ++row) {
      if (has_other_scale && !given.is_null(row)) {
        part->append(TRY(engine::rescale(given.value_at(row).as_decimal(), type.precision(),
                                         type.scale(), engine::Rounding::HalfUp)));
        continue;
      }
      if (is_labelled && !given.is_null(row)) {
        Value value = given.value_at(row);
        if (narrows) value = TRY(to_integral(value, given.type().kind(), type.kind()));
        part->append_value(TRY(to_label(std::move(value), type)));
        continue;
      }
      if (is_number_key && !given.is_null(row)) {
        part->append(given.data<double>()[row] + 0.0);
        continue;
      }
      if (!narrows || given.is_null(row)) {
        narrows ? part->append_null() : part->append_from(given, row);
        continue;
      }
      const Value value = given.value_at(row);
      part->append_value(type.kind() == TypeKind::Boolean
                             ? TRY(to_boolean(value.as_string()))
                             : TRY(to_integral(value, given.type().kind(), type.kind())));
    }
    written[places[i]] = std::move(part);
  }
  return written;
}

}  // namespace server
