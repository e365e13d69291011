#include "engine/expr/labels.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/expr/binder.h"
#include "engine/expr/validity.h"
#include "engine/formats/text_value.h"
#include "engine/functions/session_zone.h"
#include "engine/sql/rewrite.h"
#include "engine/types/ascii.h"
#include "engine/types/declared_lengths.h"
#include "engine/types/postgres_type_name.h"
#include "engine/types/postgres_types.h"
#include "engine/types/text_postgres.h"
#include "engine/types/zoned_texts.h"

namespace engine {

namespace {

bool is_same_label(const SqlType& a, const SqlType& b) {
  return a.label() == b.label() && a.name() == b.name();
}

bool is_narrow(const SqlType& type) { return !without_narrow_label(type).is_identical(type); }

template <class T>
void check_range(KernelCall& call, T least, T most, std::string_view type) {
  for (size_t row = 0; row < call.rows; ++row) {
    if (call.out.is_null(row)) continue;
    const T value = call.out.data<T>()[row];
    if (value >= least && value <= most) continue;
    call.errors.add(row, fmt::format("{} out of range", type), ErrorCode::OutOfRange);
    call.out.validity().clear(row);
  }
}

void round_to_float(KernelCall& call) {
  const bool is_computed = call.args[0].type().kind() == TypeKind::Double;
  for (size_t row = 0; row < call.rows; ++row) {
    if (call.out.is_null(row)) continue;
    double& value = call.out.data<double>()[row];
    const auto rounded = static_cast<double>(static_cast<float>(value));
    const bool is_over = std::isinf(rounded) && !std::isinf(value);
    if (is_over || (rounded == 0 && value != 0)) {
      call.errors.add(
          row,
          is_computed ? fmt::format("value out of range: {}", is_over ? "overflow" : "underflow")
                      : fmt::format("\"{}\" is out of range for type real", value),
          ErrorCode::OutOfRange);
      call.out.validity().clear(row);
    } else {
      value = rounded;
    }
  }
}

void normalize_rows(KernelCall& call) {
  const SqlType& type = call.out.type();
  const TextForms forms = session_forms(call.context);
  // A point in time that becomes a timestamp, a date or a time is converted to local time.
  const bool is_by_clocks = forms.zone && call.args[0].type().label() == label::kExactTimestamptz &&
                            is_exact_time(type.label()) && !is_kept_in_utc(type);
  for (size_t row = 0; row < call.rows; ++row) {
    if (call.out.is_null(row)) continue;
    std::string_view& text = call.out.data<std::string_view>()[row];
    auto normal = is_by_clocks
                      ? normalized_text(type, clock_text_of_instant(forms.zone.get(), text))
                      : normalized_text_in(forms, type, text);
    if (normal && call.context.take_bytes(normal->size(), row, call.errors)) {
      text = call.out.heap().add(*normal);
      continue;
    }
    if (!normal) call.errors.add(row, normal.error().message, normal.error().code);
    call.out.validity().clear(row);
  }
}

void apply_length(KernelCall& call, LengthRule rule) {
  const Argument& given = call.args[0];
  Column repeated(given.type());
  if (given.is_constant && call.rows != 1)
    for (size_t row = 0; row < call.rows; ++row) repeated.append_from(*given.column, 0);
  const Column& values = given.is_constant && call.rows != 1 ? repeated : *given.column;
  call.out = fit_declared(call.out.type(), values, rule, [&](size_t row, const Error& error) {
    call.errors.add(row, error.message, error.code);
  });
  if (call.errors.any()) clear_rows(call.out, call.errors.failed());
}

struct LabelPair {
  PostgresLabel a, b;
};
constexpr LabelPair kRelated[] = {
    {label::kJson, label::kJsonb}, {label::kInet, label::kCidr}, {label::kBit, label::kVarbit}};

}  // namespace

bool needs_label_work(const SqlType& from, const SqlType& to) {
  if (from.kind() != to.kind()) return is_normalized(to) || is_narrow(to);
  switch (to.kind()) {
    case TypeKind::Array:
      return needs_label_work(from.element(), to.element());
    case TypeKind::Map:
      return needs_label_work(from.key(), to.key()) || needs_label_work(from.value(), to.value());
    case TypeKind::Struct:
      return !std::ranges::equal(from.fields(), to.fields(), [](const Field& a, const Field& b) {
        return !needs_label_work(a.type, b.type);
      });
    default:
      return (is_normalized(to) || is_narrow(to)) && !is_same_label(from, to);
  }
}

void apply_label(KernelCall& call) {
  const SqlType& type = call.out.type();
  if (type.label() == label::kInt2)
    check_range<int32_t>(call, INT16_MIN, INT16_MAX, "smallint");
  else if (type.label() == label::kOid)
    check_range<int64_t>(call, 0, UINT32_MAX, "OID");
  else if (type.label() == label::kFloat4)
    round_to_float(call);
  else if (is_normalized(type))
    normalize_rows(call);
}

void cut_kernel(KernelCall& call) { apply_length(call, LengthRule::Cast); }
void fit_kernel(KernelCall& call) { apply_length(call, LengthRule::Write); }

void comparable_kernel(KernelCall& call) {
  call.out.resize(call.rows);
  for (size_t row = 0; row < call.rows; ++row) {
    if (call.args[0].is_null(row)) continue;
    const std::string text =
        comparable_text(call.out.type(), call.args[0].get<std::string_view>(row));
    if (!call.context.take_bytes(text.size(), row, call.errors)) continue;
    call.out.data<std::string_view>()[row] = call.out.heap().add(text);
    call.out.validity().set(row);
  }
}

void text_to_nested_kernel(KernelCall& call) {
  TextValueReader reader(call.out.type(), "the value", session_forms(call.context));
  for (size_t row = 0; row < call.rows; ++row) {
    if (call.args[0].is_null(row)) {
      call.out.append_null();
      continue;
    }
    const std::string_view text = call.args[0].get<std::string_view>(row);
    if (!call.context.take_bytes(text.size(), row, call.errors)) {
      call.out.append_null();
    } else if (const Status status = reader.append(text, call.out); !status) {
      call.errors.add(row, status.error().message, status.error().code);
      call.out.append_null();
    }
  }
}

void numeric_of_double_kernel(KernelCall& call) {
  const Argument& number = call.args[0];
  const int digits = number.type().label() == label::kFloat4 ? 6 : 15;
  call.out.resize(call.rows);
  for (size_t row = 0; row < call.rows; ++row) {
    if (number.is_null(row)) continue;
    const auto value = number.get<double>(row);
    const std::string text = std::isnan(value)   ? "NaN"
                             : std::isinf(value) ? (value < 0 ? "-Infinity" : "Infinity")
                                                 : fmt::format("{:.{}g}", value, digits);
    const auto normal = normalized_text(call.out.type(), text);
    if (!normal) {
      call.errors.add(row, normal.error().message, normal.error().code);
      continue;
    }
    if (!call.context.take_bytes(normal->size(), row, call.errors)) continue;
    call.out.data<std::string_view>()[row] = call.out.heap().add(*normal);
    call.out.validity().set(row);
  }
}

void array_to_text_kernel(KernelCall& call) {
  call.out.resize(call.rows);
  const Argument& array = call.args[0];
  const TextForms forms = session_forms(call.context);
  for (size_t row = 0; row < call.rows; ++row) {
    if (array.is_null(row)) continue;
    std::string text;
    append_postgres_text(text, array.type(), *array.column, array.index(row), forms);
    if (!call.context.take_bytes(text.size(), row, call.errors)) continue;
    call.out.data<std::string_view>()[row] = call.out.heap().add(text);
    call.out.validity().set(row);
  }
}

bool is_label_castable(const SqlType& from, const SqlType& to) {
  if (from.is_null()) return true;
  const bool to_normal = is_normalized(to), from_normal = is_normalized(from);
  if (to_normal && from_normal) {
    if (is_same_label(from, to)) return true;
    if (is_exact_time(from.label()) && is_exact_time(to.label()))
      return (from.label() == label::kExactTime) <= (to.label() == label::kExactTime);
    return std::ranges::any_of(kRelated, [&](const LabelPair& pair) {
      return (pair.a == from.label() && pair.b == to.label()) ||
             (pair.b == from.label() && pair.a == to.label());
    });
  }
  if (to_normal)
    return from.kind() == TypeKind::String ||
           (to.label() == label::kNumeric && from.is_numeric()) ||
           (is_exact_time(to.label()) && from.is_time_like());
  if (!from_normal || to.kind() == TypeKind::String) return true;
  if (is_exact_time(from.label())) return to.is_time_like();
  const bool is_value = from.label() == label::kNumeric || from.label() == label::kJsonb;
  return is_value && (to.is_numeric() || to.kind() == TypeKind::Boolean);
}

SqlType open_type(const SqlType& hint) {
  if (!hint.is_null() || hint.label() == label::kNone) return TypeKind::String;
  if (hint.label() == label::kEnum)
    return SqlType::named(TypeKind::String, label::kEnum, hint.name(), hint.fields());
  const PostgresLabelRow* row = find_label(hint.label());
  return row == nullptr ? SqlType(TypeKind::String) : type_of(*row);
}

bool is_narrow_number(const SqlType& type) {
  return type.label() == label::kInt2 || type.label() == label::kFloat4;
}

bool keeps_values(std::string_view function) {
  constexpr std::string_view kKeeping[] = {"COALESCE", "IFNULL",       "NULLIF",      "GREATEST",
                                           "LEAST",    "COLLECT_LIST", "COLLECT_SET", "ARRAY_AGG",
                                           "MIN",      "MAX",          "UNNEST",      "EXPLODE"};
  return std::ranges::find(kKeeping, function) != std::end(kKeeping);
}

Status check_labels(const FunctionCall& call, const SqlType& argument, TextPosition position,
                    bool as_postgres) {
  const SqlType& type = argument.kind() == TypeKind::Array ? argument.element() : argument;
  if (is_range(type.label()) && (call.name == "LOWER" || call.name == "UPPER"))
    return Error{ErrorCode::NotSupported,
                 fmt::format("{} of a range is not supported yet", lower_case(call.name))}
        .at(position);
  const bool compares_as_text = order_of(type) == LabelOrder::Total && !has_comparable_form(type);
  if (compares_as_text) return {};
  const bool is_extreme = call.name == "MIN" || call.name == "MAX" || call.name == "GREATEST" ||
                          call.name == "LEAST" || call.name == "NULLIF";
  // As in PostgreSQL, jsonb values can be compared (GREATEST, LEAST, NULLIF), but the aggregates
  // MIN and MAX do not accept jsonb.
  const bool is_of_rows = call.name == "MIN" || call.name == "MAX";
  const bool has_extremes = type.label() != label::kJsonb || !is_of_rows;
  if (as_postgres && is_extreme && order_of(type) == LabelOrder::Total && has_extremes) return {};
  constexpr std::string_view kOrdering[] = {"MIN",        "MAX",       "GREATEST",
                                            "LEAST",      "ARRAY_MAX", "ARRAY_MIN",
                                            "ARRAY_SORT", "TOPK",      "TOPKDISTINCT"};
  constexpr std::string_view kEqualling[] = {kEqualAny,        "ARRAY_CONTAINS",  "ARRAY_DISTINCT",
                                             "ARRAY_EXCEPT",   "ARRAY_INTERSECT", "ARRAY_POSITION",
                                             "ARRAY_REMOVE",   "ARRAY_UNION",     "COLLECT_SET",
                                             "COUNT_DISTINCT", "HISTOGRAM",       "NULLIF"};
  const bool orders = std::ranges::find(kOrdering, call.name) != std::end(kOrdering);
  // Two values of an enumeration are equal if and only if their texts are equal.
  const bool equals = type.label() != label::kEnum &&
                      (has_comparable_form(type) || order_of(type) == LabelOrder::None) &&
                      std::ranges::find(kEqualling, call.name) != std::end(kEqualling);
  if (!orders && !equals) return {};
  return Error{ErrorCode::NotSupported, fmt::format("{} of values of type {} is not supported yet",
                                                    call.name, postgres_type_name(type))}
      .at(position);
}

}  // namespace engine
