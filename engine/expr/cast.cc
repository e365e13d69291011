// Implements CAST: the supported pairs of types, and the choice of the kernel for a batch.
#include <algorithm>
#include <iterator>

#include "engine/expr/cast_kernels.h"
#include "engine/expr/kernels.h"
#include "engine/expr/labels.h"
#include "engine/expr/validity.h"
#include "engine/types/postgres_types.h"
#include "engine/types/zoned_texts.h"

namespace engine {

namespace {

constexpr CastRow kCasts[] = {
    // from              to                   kernel                      can fail
    {TypeKind::Boolean, TypeKind::String, cast_boolean_to_text, false},
    {TypeKind::Integer, TypeKind::Bigint, cast_integer_to_bigint, false},
    {TypeKind::Integer, TypeKind::Decimal, cast_integer_to_decimal, true},
    {TypeKind::Integer, TypeKind::Double, cast_integer_to_double, false},
    {TypeKind::Integer, TypeKind::String, cast_integer_to_text, false},
    {TypeKind::Bigint, TypeKind::Integer, cast_bigint_to_integer, false},
    {TypeKind::Bigint, TypeKind::Decimal, cast_bigint_to_decimal, true},
    {TypeKind::Bigint, TypeKind::Double, cast_bigint_to_double, false},
    {TypeKind::Bigint, TypeKind::String, cast_bigint_to_text, false},
    {TypeKind::Decimal, TypeKind::Integer, cast_decimal_to_integer, false},
    {TypeKind::Decimal, TypeKind::Bigint, cast_decimal_to_bigint, false},
    {TypeKind::Decimal, TypeKind::Decimal, cast_decimal_to_decimal, true},
    {TypeKind::Decimal, TypeKind::Double, cast_decimal_to_double, false},
    {TypeKind::Decimal, TypeKind::String, cast_decimal_to_text, false},
    {TypeKind::Double, TypeKind::Integer, cast_double_to_integer, false},
    {TypeKind::Double, TypeKind::Bigint, cast_double_to_bigint, false},
    {TypeKind::Double, TypeKind::Decimal, cast_double_to_decimal, true},
    {TypeKind::Double, TypeKind::String, cast_double_to_text, false},
    {TypeKind::String, TypeKind::Boolean, cast_text_to_boolean, false},
    {TypeKind::String, TypeKind::Integer, cast_text_to_integer, true},
    {TypeKind::String, TypeKind::Bigint, cast_text_to_bigint, true},
    {TypeKind::String, TypeKind::Decimal, cast_text_to_decimal, true},
    {TypeKind::String, TypeKind::Double, cast_text_to_double, true},
    {TypeKind::String, TypeKind::Bytes, cast_text_to_bytes, true},
    {TypeKind::String, TypeKind::Date, cast_text_to_date, true},
    {TypeKind::String, TypeKind::Time, cast_text_to_time, true},
    {TypeKind::String, TypeKind::Timestamp, cast_text_to_timestamp, true},
    {TypeKind::Date, TypeKind::String, cast_date_to_text, false},
    {TypeKind::Date, TypeKind::Timestamp, cast_date_to_timestamp, false},
    {TypeKind::Time, TypeKind::String, cast_time_to_text, false},
    {TypeKind::Timestamp, TypeKind::String, cast_timestamp_to_text, false},
    {TypeKind::Timestamp, TypeKind::Date, cast_timestamp_to_date, false},
    {TypeKind::Timestamp, TypeKind::Time, cast_timestamp_to_time, false},
    {TypeKind::Array, TypeKind::String, cast_nested_to_text, false},
    {TypeKind::Map, TypeKind::String, cast_nested_to_text, false},
    {TypeKind::Struct, TypeKind::String, cast_nested_to_text, false},
    {TypeKind::Array, TypeKind::Array, cast_array, true},
    {TypeKind::Map, TypeKind::Map, cast_map, true},
    {TypeKind::Struct, TypeKind::Struct, cast_struct, true},
};

const CastRow* find_cast(TypeKind from, TypeKind to) {
  const auto* row = std::ranges::find_if(
      kCasts, [&](const CastRow& cast) { return cast.from == from && cast.to == to; });
  return row == std::end(kCasts) ? nullptr : row;
}

bool structs_are_castable(const SqlType& from, const SqlType& to) {
  return std::ranges::all_of(to.fields(), [&](const Field& field) {
    const int at = from.field_index(field.name);
    return at < 0 || is_castable(from.fields()[static_cast<size_t>(at)].type, field.type);
  });
}

// Replaces nulls by the text "null" if ksql.cast.strings.preserve.nulls is false.
void spell_nulls(KernelCall& call) {
  if (call.context.property("ksql.cast.strings.preserve.nulls", "true") != "false") return;
  for (size_t row = 0; row < call.rows; ++row) {
    if (!call.out.is_null(row) || call.errors.has(row)) continue;
    call.out.data<std::string_view>()[row] = "null";
    call.out.validity().set(row);
  }
}

void copy_rows(KernelCall& call) {
  for (size_t row = 0; row < call.rows; ++row)
    append_copy(call, row, *call.args[0].column, call.args[0].index(row));
}

}  // namespace

bool is_castable(const SqlType& from, const SqlType& to) {
  if (!is_label_castable(from, to)) return false;
  if (from.is_null() || from == to) return true;
  if (find_cast(from.kind(), to.kind()) == nullptr) return false;
  if (from.kind() != to.kind()) return true;
  switch (from.kind()) {
    case TypeKind::Array:
      return is_castable(from.element(), to.element());
    case TypeKind::Map:
      return is_castable(from.key(), to.key()) && is_castable(from.value(), to.value());
    case TypeKind::Struct:
      return structs_are_castable(from, to);
    default:
      return true;
  }
}

bool cast_never_fails(const SqlType& from, const SqlType& to) {
  if (needs_label_work(from, to)) return from.is_null();
  if (from.is_null() || from == to) return true;
  const CastRow* row = find_cast(from.kind(), to.kind());
  return row != nullptr && !row->can_fail;
}

void cast_kernel(KernelCall& call) {
  const SqlType &from = call.args[0].type(), &to = call.out.type();
  if (from.is_null())
    call.out.resize(call.rows);
  else if (from == to && has_forms(from) && !is_normalized(to))
    output_text_kernel(call);
  else if (from == to && (!to.is_nested() || !needs_label_work(from, to)))
    copy_rows(call);
  else
    find_cast(from.kind(), to.kind())->kernel(call);
  if (!to.is_nested() && !from.is_null() && needs_label_work(from, to)) return apply_label(call);
  if (to.kind() == TypeKind::String) spell_nulls(call);
}

}  // namespace engine
