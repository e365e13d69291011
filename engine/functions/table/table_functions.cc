// Implements EXPLODE and CUBE_EXPLODE, which make many rows from one.
#include <fmt/format.h>

#include "engine/functions/adapters.h"
#include "engine/functions/families.h"
#include "engine/functions/lists.h"
#include "engine/types/row_size.h"

namespace engine {

namespace {

void explode(KernelCall& call) { call.out = expanded(call.args[0], call.rows); }

constexpr uint32_t kMostCubeColumns = 20;  // 20 columns give a million rows

// Appends the rows of a cube, in which each element is kept or replaced by null, in the order of
// binary counting with the last column as the lowest bit. A null element has only one form.
void append_cube(KernelCall& call, ItemRange items) {
  const Column& from = call.args[0].column->child(0);
  Column& rows = call.out.child(0);
  std::vector<uint32_t> present;  // elements that are not null
  for (uint32_t item = items.begin; item < items.end; ++item)
    if (!from.is_null(item)) present.push_back(item);
  for (uint64_t kept = 0; kept < uint64_t{1} << present.size(); ++kept) {
    size_t nth = 0;
    for (uint32_t item = items.begin; item < items.end; ++item) {
      const bool is_present = nth < present.size() && present[nth] == item;
      const bool is_kept = is_present && ((kept >> (present.size() - 1 - nth)) & 1) != 0;
      is_kept ? rows.child(0).append_from(from, item) : rows.child(0).append_null();
      nth += is_present ? 1 : 0;
    }
    rows.close_list();
  }
}

// Returns whether the number of elements is within the limit, and the budget allows all rows;
// otherwise the row of the call gets an error.
bool may_cube(KernelCall& call, size_t row, ItemRange items) {
  if (items.size() > kMostCubeColumns) {
    call.errors.add(
        row, fmt::format("Cube Explode does not support more than {} columns", kMostCubeColumns));
    return false;
  }
  const Column& from = call.args[0].column->child(0);
  size_t bytes = 0, rows = 1;
  for (uint32_t item = items.begin; item < items.end; ++item) {
    bytes += copied_bytes(from, item);
    if (!from.is_null(item)) rows *= 2;
  }
  // The cube has `rows` rows, and each element (together `bytes`) is in half of them.
  if (call.context.take_working_bytes(rows / 2 * bytes)) return true;
  call.errors.add(row, call.context.budget->status().error());
  return false;
}

void cube_explode(KernelCall& call) {
  for (size_t row = 0; row < call.rows; ++row) {
    const bool is_valid =
        !call.args[0].is_null(row) && may_cube(call, row, items_of(call.args[0], row));
    if (is_valid) append_cube(call, items_of(call.args[0], row));
    call.out.close_list(is_valid);
  }
}

constexpr FunctionDef kTableDefs[] = {
    {.name = "explode",
     .signature = "(ARRAY<DECIMAL> input) -> DECIMAL",
     .doc = "A row for each element.",
     .example = "",
     .kernel = explode,
     .kind = FunctionKind::Table},
    {.name = "explode",
     .signature = "(ARRAY<T> list) -> T",
     .doc = "A row for each element.",
     .example = "",
     .kernel = explode,
     .kind = FunctionKind::Table},
    {.name = "cube_explode",
     .signature = "(ARRAY<T> columns) -> ARRAY<T>",
     .doc = "A row for each combination of elements that are kept; the other elements are null.",
     .example = "",
     .kernel = cube_explode,
     .kind = FunctionKind::Table},
};

}  // namespace

const FunctionFamily kTableFunctions{"TABLE", kTableDefs};

}  // namespace engine
