// Implements COALESCE, IFNULL, NULLIF and AS_VALUE, and GREATEST and LEAST as in PostgreSQL.
#include <algorithm>

#include "engine/functions/adapters.h"
#include "engine/functions/families.h"
#include "engine/functions/lists.h"
#include "engine/functions/ordering.h"

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

// Returns whether two values are equal. With PostgreSQL's rules, they are compared as the operator
// = does.
bool are_equal(const KernelCall& call, const Argument& a, const Argument& b, size_t row) {
  if (!call.knows_unknown || a.is_null(row) || b.is_null(row))
    return a.column->same(a.index(row), *b.column, b.index(row));
  return compare_as_postgres(*a.column, a.index(row), *b.column, b.index(row)) == 0;
}

void nullif(KernelCall& call) {
  const Argument &value = call.args[0], &unwanted = call.args[1];
  for (size_t row = 0; row < call.rows; ++row) {
    if (are_equal(call, value, unwanted, row))
      call.out.append_null();
    else
      append_copy(call, row, *value.column, value.index(row));
  }
}

enum class ChosenEnd : uint8_t { Least, Greatest };

template <ChosenEnd end>
void extreme(KernelCall& call) {
  for (size_t row = 0; row < call.rows; ++row) {
    const Argument* best = nullptr;
    for (const Argument& argument : call.args) {
      if (argument.is_null(row)) continue;
      const auto order = best ? compare_as_postgres(*argument.column, argument.index(row),
                                                    *best->column, best->index(row))
                              : std::strong_ordering::equal;
      if (!best || (end == ChosenEnd::Least ? order < 0 : order > 0)) best = &argument;
    }
    if (best)
      append_copy(call, row, *best->column, best->index(row));
    else
      call.out.append_null();
  }
}

void as_value(KernelCall& call) { call.out = expanded(call.args[0], call.rows); }

constexpr FunctionDef kConditionalDefs[] = {
    {.name = "COALESCE",
     .signature = "(T first, T... others) -> T",
     .doc = "The first argument that is not null.",
     .example = "COALESCE(NULL, 2, 3) = 2",
     .kernel = coalesce,
     .takes_first_given = true},
    {.name = "IFNULL",
     .signature = "(T expression, T alt_value) -> T",
     .doc = "The first argument, or the second if the first is null.",
     .example = "IFNULL(NULL, 'none') = 'none'",
     .kernel = coalesce,
     .takes_first_given = true},
    {.name = "NULLIF",
     .signature = "(T expression1, T expression2) -> T",
     .doc = "The first argument, or null if it equals the second.",
     .example = "COALESCE(NULLIF(3, 3), 0) = 0",
     .kernel = nullif},
    {.name = "pg_catalog.greatest",
     .signature = "(T val, T... vals) -> T",
     .doc = "Over tables: the greatest value that is not null, of any type that has an order.",
     .example = "GREATEST(1, 3, NULL) = 3",
     .kernel = extreme<ChosenEnd::Greatest>},
    {.name = "pg_catalog.least",
     .signature = "(T val, T... vals) -> T",
     .doc = "Over tables: the least value that is not null, of any type that has an order.",
     .example = "LEAST(2, 1, NULL) = 1",
     .kernel = extreme<ChosenEnd::Least>},
    {.name = "AS_VALUE",
     .signature = "(T key_column) -> T",
     .doc = "A copy of a key column as a value column.",
     .example = "AS_VALUE(1) = 1",
     .kernel = as_value},
};

}  // namespace

const FunctionFamily kConditionalFunctions{"CONDITIONAL", kConditionalDefs};

}  // namespace engine
