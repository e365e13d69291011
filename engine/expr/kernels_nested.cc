// The kernels of subscripts and constructors.
#include <algorithm>

#include "engine/expr/kernels.h"
#include "engine/expr/validity.h"
#include "engine/types/row_size.h"

namespace engine {

namespace {

constexpr uint32_t kNoRow = ~uint32_t{0};

// Sets out[i] to from[rows[i]], or to null for kNoRow.
void pick_rows(KernelCall& call, const Column& from, std::span<const uint32_t> rows) {
  Column& out = call.out;
  if (from.type().is_nested()) {
    for (size_t i = 0; i < rows.size(); ++i)
      rows[i] == kNoRow ? out.append_null() : append_copy(call, i, from, rows[i]);
    return;
  }
  out.resize(rows.size());
  with_layout(from.type().kind(), [&]<class T>() {
    const auto source = from.data<T>();
    const auto target = out.data<T>();
    for (size_t i = 0; i < rows.size(); ++i) {
      if (rows[i] == kNoRow || from.is_null(rows[i])) continue;
      target[i] = source[rows[i]];
      out.validity().set(i);
    }
  });
  out.share_strings_of(from);
}

// Reserves memory for copies of all arguments of the row. If that fails, the row becomes null, with an error.
bool take_arguments(KernelCall& call, size_t row) {
  size_t bytes = 0;
  for (const Argument& arg : call.args) bytes += copied_bytes(*arg.column, arg.index(row));
  if (call.context.take_bytes(bytes, row, call.errors)) return true;
  call.out.append_null();
  return false;
}

}  // namespace

void array_element_kernel(KernelCall& call) {
  const Column& arrays = *call.args[0].column;
  const auto ends = arrays.offsets();
  std::vector<uint32_t> rows(call.rows, kNoRow);
  for (size_t row = 0; row < call.rows; ++row) {
    if (call.args[0].is_null(row) || call.args[1].is_null(row)) continue;
    const size_t at = call.args[0].index(row);
    const int64_t size = ends[at + 1] - ends[at];
    int64_t position = call.args[1].get<int32_t>(row);
    if (position < 0) position += size + 1;  // -1 is the last element
    if (position >= 1 && position <= size)
      rows[row] = ends[at] + static_cast<uint32_t>(position - 1);
  }
  pick_rows(call, arrays.child(0), rows);
}

void map_value_kernel(KernelCall& call) {
  const Column& maps = *call.args[0].column;
  const auto ends = maps.offsets();
  std::vector<uint32_t> rows(call.rows, kNoRow);
  for (size_t row = 0; row < call.rows; ++row) {
    if (call.args[0].is_null(row) || call.args[1].is_null(row)) continue;
    const size_t at = call.args[0].index(row);
    for (uint32_t i = ends[at]; i < ends[at + 1]; ++i)
      if (maps.child(0).same(i, *call.args[1].column, call.args[1].index(row))) rows[row] = i;
  }
  pick_rows(call, maps.child(1), rows);
}

void array_kernel(KernelCall& call) {
  for (size_t row = 0; row < call.rows; ++row) {
    if (!take_arguments(call, row)) continue;
    for (const Argument& arg : call.args)
      call.out.child(0).append_from(*arg.column, arg.index(row));
    call.out.close_list();
  }
}

void map_kernel(KernelCall& call) {
  const size_t entries = call.args.size() / 2;
  const auto same_key = [&](size_t a, size_t b, size_t row) {
    const Argument &left = call.args[a * 2], &right = call.args[b * 2];
    return left.column->same(left.index(row), *right.column, right.index(row));
  };
  for (size_t row = 0; row < call.rows; ++row) {
    if (!take_arguments(call, row)) continue;
    for (size_t i = 0; i < entries; ++i) {
      bool comes_again = false;
      for (size_t later = i + 1; later < entries; ++later) comes_again |= same_key(i, later, row);
      if (comes_again) continue;
      for (const size_t part : {0, 1}) {
        const Argument& arg = call.args[i * 2 + part];
        call.out.child(part).append_from(*arg.column, arg.index(row));
      }
    }
    call.out.close_list();
  }
}

void struct_kernel(KernelCall& call) {
  for (size_t row = 0; row < call.rows; ++row) {
    if (!take_arguments(call, row)) continue;
    for (size_t i = 0; i < call.args.size(); ++i)
      call.out.child(i).append_from(*call.args[i].column, call.args[i].index(row));
    call.out.close_struct();
  }
}

void clear_rows(Column& column, const Bitmap& rows) {
  Bitmap& validity = column.validity();
  for (size_t word = 0; word < validity.words().size(); ++word)
    validity.words()[word] &= ~rows.words()[word];
  if (column.type().kind() == TypeKind::Struct) {
    for (size_t i = 0; i < column.child_count(); ++i) clear_rows(column.child(i), rows);
  } else if (!column.type().is_nested()) {
    with_layout(column.type().kind(), [&]<class T>() { zero_nulls(column.data<T>(), validity); });
  }
}

}  // namespace engine
