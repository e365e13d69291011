// Casts arrays, maps and structs part by part, or to Java's text form.
#include <algorithm>

#include "engine/expr/cast_kernels.h"
#include "engine/expr/kernels.h"
#include "engine/expr/validity.h"
#include "engine/functions/session_zone.h"
#include "engine/types/text_bytes.h"
#include "engine/types/text_number.h"
#include "engine/types/text_postgres.h"
#include "engine/types/text_time.h"

namespace engine {

namespace {

Column cast_column(const Column& from, const SqlType& to, const KernelCall& whole,
                   RowErrors& errors) {
  Column out(to);
  const Argument argument{&from};
  KernelCall call{std::span(&argument, 1), from.size(), out, errors, whole.context};
  call.knows_unknown = whole.knows_unknown;
  call.checks_range = whole.checks_range;
  cast_kernel(call);
  return out;
}

// Adds the errors of parts to the rows that have these parts. A part that cannot be cast makes its
// whole row an error.
void add_errors_of_parts(KernelCall& call, const RowErrors& part_errors) {
  if (!part_errors.any()) return;
  const auto ends = call.args[0].column->offsets();
  const RowErrors::Message& message = part_errors.messages().front();
  Bitmap failed(call.rows, false);
  for (size_t row = 0; row < call.rows; ++row) {
    for (uint32_t i = ends[row]; i < ends[row + 1]; ++i) {
      if (!part_errors.has(i)) continue;
      call.errors.add(row, message.text, message.code);
      failed.set(row);
      break;
    }
  }
  clear_rows(call.out, failed);
}

// Casts an ARRAY or a MAP. The result has the rows of the argument, with each part cast.
void cast_list(KernelCall& call, std::span<const SqlType> part_types) {
  const Column& from = *call.args[0].column;
  assert(from.size() == call.rows);
  call.out.resize(call.rows);
  std::ranges::copy(from.offsets(), call.out.data<uint32_t>().begin());
  call.out.validity() = from.validity();
  for (size_t part = 0; part < part_types.size(); ++part) {
    RowErrors errors(from.child(part).size());
    call.out.child(part) = cast_column(from.child(part), part_types[part], call, errors);
    add_errors_of_parts(call, errors);
  }
}

void append_list(std::string& out, const Column& column, size_t row) {
  out += '[';
  const auto ends = column.offsets();
  for (uint32_t i = ends[row]; i < ends[row + 1]; ++i) {
    if (i != ends[row]) out += ", ";
    append_text(out, column.child(0), i);
  }
  out += ']';
}

void append_map(std::string& out, const Column& column, size_t row) {
  out += '{';
  const auto ends = column.offsets();
  for (uint32_t i = ends[row]; i < ends[row + 1]; ++i) {
    if (i != ends[row]) out += ", ";
    append_text(out, column.child(0), i);
    out += '=';
    append_text(out, column.child(1), i);
  }
  out += '}';
}

void append_struct(std::string& out, const Column& column, size_t row) {
  out += "Struct{";
  bool is_first = true;
  for (size_t i = 0; i < column.child_count(); ++i) {
    if (column.child(i).is_null(row)) continue;
    if (!is_first) out += ',';
    is_first = false;
    out += column.type().fields()[i].name;
    out += '=';
    append_text(out, column.child(i), row);
  }
  out += '}';
}

}  // namespace

void append_text(std::string& out, const Column& column, size_t row) {
  if (column.is_null(row)) {
    out += "null";
    return;
  }
  switch (column.type().kind()) {
    case TypeKind::Null:
      break;
    case TypeKind::Boolean:
      out += column.data<uint8_t>()[row] ? "true" : "false";
      break;
    case TypeKind::Integer:
      append_bigint(out, column.data<int32_t>()[row]);
      break;
    case TypeKind::Bigint:
      append_bigint(out, column.data<int64_t>()[row]);
      break;
    case TypeKind::Double:
      append_double(out, column.data<double>()[row]);
      break;
    case TypeKind::Decimal:
      append_decimal(out, column.data<Int128>()[row], column.type().scale());
      break;
    case TypeKind::String:
      out += column.data<std::string_view>()[row];
      break;
    case TypeKind::Bytes:
      append_base64(out, column.data<std::string_view>()[row]);
      break;
    case TypeKind::Date:
      append_date(out, column.data<int32_t>()[row]);
      break;
    case TypeKind::Time:
      append_time(out, column.data<int32_t>()[row]);
      break;
    case TypeKind::Timestamp:
      append_timestamp(out, column.data<int64_t>()[row]);
      break;
    case TypeKind::Array:
      append_list(out, column, row);
      break;
    case TypeKind::Map:
      append_map(out, column, row);
      break;
    case TypeKind::Struct:
      append_struct(out, column, row);
      break;
  }
}

void output_text_kernel(KernelCall& call) {
  const Argument& from = call.args[0];
  const TextForms forms = session_forms(call.context);
  std::string text;
  for (size_t row = 0; row < call.rows; ++row) {
    text.clear();
    if (!from.is_null(row))
      append_postgres_text(text, from.type(), *from.column, from.index(row), forms);
    if (from.is_null(row) || !call.context.take_bytes(text.size(), row, call.errors))
      call.out.append_null();
    else
      call.out.append_copy(text);
  }
}

void cast_nested_to_text(KernelCall& call) {
  if (call.knows_unknown) return output_text_kernel(call);
  const Argument& from = call.args[0];
  std::string text;
  for (size_t row = 0; row < call.rows; ++row) {
    if (from.is_null(row)) {
      call.out.append_null();
      continue;
    }
    text.clear();
    append_text(text, *from.column, from.index(row));
    call.out.append_copy(text);
  }
}

void cast_array(KernelCall& call) {
  const SqlType parts[] = {call.out.type().element()};
  cast_list(call, parts);
}

void cast_map(KernelCall& call) {
  const SqlType parts[] = {call.out.type().key(), call.out.type().value()};
  cast_list(call, parts);
}

// Casts a STRUCT. Fields that only the source has are dropped; fields that only the target has are
// null.
void cast_struct(KernelCall& call) {
  const Column& from = *call.args[0].column;
  assert(from.size() == call.rows);
  call.out.resize(call.rows);
  call.out.validity() = from.validity();
  RowErrors errors(call.rows);
  const auto& fields = call.out.type().fields();
  for (size_t i = 0; i < fields.size(); ++i) {
    const int at = from.type().field_index(fields[i].name);
    if (at < 0) continue;
    call.out.child(i) =
        cast_column(from.child(static_cast<size_t>(at)), fields[i].type, call, errors);
  }
  if (!errors.any()) return;
  clear_rows(call.out, errors.failed());
  call.errors.add_all(errors);
}

}  // namespace engine
