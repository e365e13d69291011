// COALESCE, IFNULL, NULLIF and AS_VALUE.
#include <algorithm>

#include "engine/functions/adapters.h"
#include "engine/functions/families.h"
#include "engine/functions/lists.h"

namespace engine {

namespace {

void coalesce(KernelCall& call) {
  call.out.reserve(call.rows);
  for (size_t row = 0; row < call.rows; ++row) {
    const auto given = std::ranges::find_if(
        call.args, [row](const Argument& argument) { return !argument.is_null(row); });
    if (given == call.args.end())
      call.out.append_null();
    else
      append_copy(call, row, *given->column, given->index(row));
  }
}

void nullif(KernelCall& call) {
  const Argument &value = call.args[0], &unwanted = call.args[1];
  for (size_t row = 0; row < call.rows; ++row) {
    if (value.column->same(value.index(row), *unwanted.column, unwanted.index(row)))
      call.out.append_null();
    else
      append_copy(call, row, *value.column, value.index(row));
  }
}

void as_value(KernelCall& call) { call.out = expanded(call.args[0], call.rows); }

constexpr FunctionDef kFunctions[] = {
    {.name = "COALESCE",
     .signature = "(T first, T... others) -> T",
     .doc = "The first argument that is not null.",
     .example = "COALESCE(NULL, 2, 3) = 2",
     .kernel = coalesce},
    {.name = "IFNULL",
     .signature = "(T expression, T alt_value) -> T",
     .doc = "The first argument, or the second where that is null.",
     .example = "IFNULL(NULL, 'none') = 'none'",
     .kernel = coalesce},
    {.name = "NULLIF",
     .signature = "(T expression1, T expression2) -> T",
     .doc = "The first argument, or null where it equals the second.",
     .example = "COALESCE(NULLIF(3, 3), 0) = 0",
     .kernel = nullif},
    {.name = "AS_VALUE",
     .signature = "(T key_column) -> T",
     .doc = "A copy of a key column among the values.",
     .example = "AS_VALUE(1) = 1",
     .kernel = as_value},
};

}  // namespace

const FunctionFamily kConditionalFunctions{"CONDITIONAL", kFunctions};

}  // namespace engine
