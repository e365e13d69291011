// Implements ARRAY_* and SLICE, and functions that return parts, sets and orders of arrays.
#include <absl/container/flat_hash_set.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/functions/adapters.h"
#include "engine/functions/cells.h"
#include "engine/functions/families.h"
#include "engine/functions/lists.h"
#include "engine/functions/ordering.h"
#include "engine/types/ascii.h"
#include "engine/types/row_size.h"
#include "engine/types/text_number.h"

namespace engine {

namespace {

using KeySet = absl::flat_hash_set<std::string>;

const Column& elements(const Argument& argument) { return argument.column->child(0); }

// Appends an element of the argument to the current result row.
void take(KernelCall& call, const Argument& from, uint32_t item) {
  call.out.child(0).append_from(elements(from), item);
}

// Calls `act(item, key)` for each element of a row; equal elements have equal keys.
template <class Act>
void for_each_key(const Argument& argument, size_t row, Act act) {
  const ItemRange items = items_of(argument, row);
  for (uint32_t item = items.begin; item < items.end; ++item)
    act(item, canonical_cell(elements(argument), item));
}

KeySet keys_of(const Argument& argument, size_t row) {
  KeySet keys;
  for_each_key(argument, row, [&](uint32_t, std::string key) { keys.insert(std::move(key)); });
  return keys;
}

// Takes memory from the budget for the elements that this row copies. A constant array is stored
// only once, but each row copies it. If the copies would be too large or the budget is used up,
// adds an error to the row and returns false.
bool has_room(KernelCall& call, size_t row, std::span<const Argument> arrays) {
  size_t bytes = 0;
  for (const Argument& array : arrays)
    if (!array.is_null(row)) bytes += copied_bytes(*array.column, array.index(row));
  return call.context.take_bytes(bytes, row, call.errors);
}

// Calls `body(row)` for rows without null arguments. The body appends at most the elements of the first `copied`
// arguments to one array, which this function closes.
template <class Body>
void for_each_row(KernelCall& call, size_t copied, Body body) {
  for (size_t row = 0; row < call.rows; ++row) {
    const bool is_valid =
        std::ranges::none_of(call.args,
                             [row](const Argument& argument) { return argument.is_null(row); }) &&
        has_room(call, row, call.args.first(copied));
    if (is_valid) body(row);
    call.out.close_list(is_valid);
  }
}

// ---- Sets ----

void array_distinct(KernelCall& call) {
  for_each_row(call, 1, [&](size_t row) {
    KeySet seen;
    for_each_key(call.args[0], row, [&](uint32_t item, std::string key) {
      if (seen.insert(std::move(key)).second) take(call, call.args[0], item);
    });
  });
}

void array_union(KernelCall& call) {
  for_each_row(call, call.args.size(), [&](size_t row) {
    KeySet seen;
    for (const Argument& argument : call.args)
      for_each_key(argument, row, [&](uint32_t item, std::string key) {
        if (seen.insert(std::move(key)).second) take(call, argument, item);
      });
  });
}

// Returns the distinct elements of the first array that are (or are not) in the second one.
template <bool in_second>
void array_compare(KernelCall& call) {
  for_each_row(call, 1, [&](size_t row) {
    const KeySet second = keys_of(call.args[1], row);
    KeySet seen;
    for_each_key(call.args[0], row, [&](uint32_t item, std::string key) {
      if (second.contains(key) == in_second && seen.insert(std::move(key)).second)
        take(call, call.args[0], item);
    });
  });
}

void array_concat(KernelCall& call) {
  for (size_t row = 0; row < call.rows; ++row) {
    bool any = false;
    if (!has_room(call, row, call.args)) {
      call.out.close_list(false);
      continue;
    }
    for (const Argument& argument : call.args) {
      if (argument.is_null(row)) continue;
      any = true;
      const ItemRange items = items_of(argument, row);
      for (uint32_t item = items.begin; item < items.end; ++item) take(call, argument, item);
    }
    call.out.close_list(any);
  }
}

void array_remove(KernelCall& call) {
  for (size_t row = 0; row < call.rows; ++row) {
    const bool is_valid = !call.args[0].is_null(row) && has_room(call, row, call.args.first(1));
    if (is_valid) {
      const std::string removed = canonical_cell(*call.args[1].column, call.args[1].index(row));
      for_each_key(call.args[0], row, [&](uint32_t item, const std::string& key) {
        if (key != removed) take(call, call.args[0], item);
      });
    }
    call.out.close_list(is_valid);
  }
}

void array_contains(KernelCall& call) {
  for (size_t row = 0; row < call.rows; ++row) {
    bool found = false;
    if (!call.args[0].is_null(row)) {
      const std::string wanted = canonical_cell(*call.args[1].column, call.args[1].index(row));
      for_each_key(call.args[0], row,
                   [&](uint32_t, const std::string& key) { found |= key == wanted; });
    }
    call.out.append<uint8_t>(found);
  }
}

// Computes x = ANY(array). If no element is equal and a null is compared, the result is unknown (null).
void equal_any(KernelCall& call) {
  const Argument &array = call.args[0], &value = call.args[1];
  for (size_t row = 0; row < call.rows; ++row) {
    const ItemRange items = array.is_null(row) ? ItemRange{} : items_of(array, row);
    bool is_found = false, has_null = array.is_null(row);
    if (value.is_null(row)) {
      has_null |= items.begin < items.end;
    } else if (!array.is_null(row)) {
      const std::string wanted = canonical_cell(*value.column, value.index(row));
      for (uint32_t item = items.begin; item < items.end && !is_found; ++item) {
        const bool is_null = elements(array).is_null(item);
        has_null |= is_null;
        is_found = !is_null && canonical_cell(elements(array), item) == wanted;
      }
    }
    if (!is_found && has_null && call.knows_unknown)
      call.out.append_null();
    else
      call.out.append<uint8_t>(is_found);
  }
}

// Computes PostgreSQL's array_position, which counts from 1, returns null if the value is missing, and finds NULL, too.
void array_position(KernelCall& call) {
  for (size_t row = 0; row < call.rows; ++row) {
    int32_t place = 0, at = 0;
    if (!call.args[0].is_null(row)) {
      const std::string wanted = canonical_cell(*call.args[1].column, call.args[1].index(row));
      for_each_key(call.args[0], row, [&](uint32_t, const std::string& key) {
        ++at;
        if (place == 0 && key == wanted) place = at;
      });
    }
    if (place > 0)
      call.out.append(place);
    else
      call.out.append_null();
  }
}

// ---- Order and size ----

void array_length(KernelCall& call) {
  for (size_t row = 0; row < call.rows; ++row) {
    if (call.args[0].is_null(row))
      call.out.append_null();
    else
      call.out.append(static_cast<int32_t>(items_of(call.args[0], row).size()));
  }
}

enum class ArrayEnd : uint8_t { Smallest, Largest };

template <ArrayEnd end>
void array_extreme(KernelCall& call) {
  const Column& items = elements(call.args[0]);
  for (size_t row = 0; row < call.rows; ++row) {
    const ItemRange range =
        call.args[0].is_null(row) ? ItemRange{0, 0} : items_of(call.args[0], row);
    std::optional<uint32_t> best;
    for (uint32_t item = range.begin; item < range.end; ++item) {
      if (items.is_null(item)) continue;
      const bool is_better =
          !best || (end == ArrayEnd::Smallest ? compare_rows(items, item, items, *best) < 0
                                              : compare_rows(items, item, items, *best) > 0);
      if (is_better) best = item;
    }
    best ? call.out.append_from(items, *best) : call.out.append_null();
  }
}

// Returns the indexes of the items in sorted order. Nulls are last in both directions.
std::vector<uint32_t> sorted(const Column& items, ItemRange range, bool descending) {
  std::vector<uint32_t> order(range.size());
  std::iota(order.begin(), order.end(), range.begin);
  std::ranges::stable_sort(order, [&](uint32_t a, uint32_t b) {
    if (items.is_null(a) || items.is_null(b)) return !items.is_null(a) && items.is_null(b);
    return descending ? compare_rows(items, b, items, a) < 0 : compare_rows(items, a, items, b) < 0;
  });
  return order;
}

void append_sorted(KernelCall& call, size_t row, bool descending) {
  const Argument& array = call.args[0];
  for (const uint32_t item : sorted(elements(array), items_of(array, row), descending))
    take(call, array, item);
}

void array_sort(KernelCall& call) {
  for_each_row(call, 1, [&](size_t row) { append_sorted(call, row, false); });
}

std::optional<bool> is_descending(std::string_view direction) {
  for (const char* word : {"ASC", "ASCENDING"})
    if (equals_ignoring_case(direction, word)) return false;
  for (const char* word : {"DESC", "DESCENDING"})
    if (equals_ignoring_case(direction, word)) return true;
  return std::nullopt;
}

void array_sort_by(KernelCall& call) {
  for (size_t row = 0; row < call.rows; ++row) {
    std::optional<bool> descending;
    if (!call.args[0].is_null(row) && !call.args[1].is_null(row))
      descending = is_descending(call.args[1].get<std::string_view>(row));
    const bool is_valid = descending && has_room(call, row, call.args.first(1));
    if (is_valid) append_sorted(call, row, *descending);
    call.out.close_list(is_valid);
  }
}

void sliced_array(KernelCall& call) {
  for (size_t row = 0; row < call.rows; ++row) {
    const auto bound = [&](size_t arg, int64_t otherwise) {
      return call.args[arg].is_null(row) ? otherwise : call.args[arg].get<int32_t>(row);
    };
    bool is_valid = !call.args[0].is_null(row);
    if (is_valid) {
      const ItemRange items = items_of(call.args[0], row);
      const int64_t from = bound(1, 1), to = bound(2, items.size());
      is_valid = from >= 1 && to <= items.size() && from <= to + 1;
      size_t bytes = 0;
      for (int64_t item = from; is_valid && item <= to; ++item)
        bytes +=
            copied_bytes(elements(call.args[0]), items.begin + static_cast<uint32_t>(item - 1));
      is_valid = is_valid && call.context.take_bytes(bytes, row, call.errors);
      for (int64_t item = from; is_valid && item <= to; ++item)
        take(call, call.args[0], items.begin + static_cast<uint32_t>(item - 1));
    }
    call.out.close_list(is_valid);
  }
}

// ---- Text ----

Status append_text(std::string& out, const Column& items, uint32_t item) {
  if (items.is_null(item)) {
    out += "null";
    return {};
  }
  switch (items.type().kind()) {
    case TypeKind::Boolean:
      out += items.data<uint8_t>()[item] != 0 ? "true" : "false";
      return {};
    case TypeKind::Integer:
      append_bigint(out, items.data<int32_t>()[item]);
      return {};
    case TypeKind::Bigint:
      append_bigint(out, items.data<int64_t>()[item]);
      return {};
    case TypeKind::Double:
      append_double(out, items.data<double>()[item]);
      return {};
    case TypeKind::Decimal:
      append_decimal(out, items.data<Int128>()[item], items.type().scale());
      return {};
    case TypeKind::String:
      out += items.data<std::string_view>()[item];
      return {};
    default:
      return Error{ErrorCode::TypeMismatch,
                   "Unsupported element type in array: " + items.type().to_string()};
  }
}

Status append_joined(const EvalContext& context, std::string& out, const Column& items,
                     ItemRange range, std::string_view delimiter) {
  for (uint32_t item = range.begin; item < range.end; ++item) {
    if (item > range.begin) out += delimiter;
    TRY(append_text(out, items, item));
    if (!context.has_bytes(out.size())) return context.too_large(out.size());
  }
  return {};
}

void array_join(KernelCall& call) {
  std::string text;
  for (size_t row = 0; row < call.rows; ++row) {
    if (call.args[0].is_null(row)) {
      call.out.append_null();
      continue;
    }
    std::string_view delimiter = ",";
    if (call.args.size() > 1)
      delimiter = call.args[1].is_null(row) ? "" : call.args[1].get<std::string_view>(row);
    text.clear();
    const Status joined = append_joined(call.context, text, elements(call.args[0]),
                                        items_of(call.args[0], row), delimiter);
    if (joined) {
      call.out.append_copy(text);
    } else {
      call.errors.add(row, joined.error());
      call.out.append_null();
    }
  }
}

// Joins the elements. Nulls are omitted, or shown as the third argument.
void array_to_string(KernelCall& call) {
  std::string text;
  for (size_t row = 0; row < call.rows; ++row) {
    if (call.args[0].is_null(row) || call.args[1].is_null(row)) {
      call.out.append_null();
      continue;
    }
    const auto delimiter = call.args[1].get<std::string_view>(row);
    const bool shows_nulls = call.args.size() > 2 && !call.args[2].is_null(row);
    const Column& items = elements(call.args[0]);
    const ItemRange range = items_of(call.args[0], row);
    text.clear();
    bool has_any = false;
    Status joined;
    for (uint32_t item = range.begin; joined && item < range.end; ++item) {
      if (items.is_null(item) && !shows_nulls) continue;
      if (std::exchange(has_any, true)) text += delimiter;
      if (items.is_null(item))
        text += call.args[2].get<std::string_view>(row);
      else if (items.type().kind() == TypeKind::Boolean)
        text += items.data<uint8_t>()[item] != 0 ? 't' : 'f';
      else
        joined = append_text(text, items, item);
      if (joined && !call.context.has_bytes(text.size()))
        joined = call.context.too_large(text.size());
    }
    if (joined) {
      call.out.append_copy(text);
    } else {
      call.errors.add(row, joined.error());
      call.out.append_null();
    }
  }
}

constexpr FunctionDef kArrayDefs[] = {
    {.name = "array_position",
     .signature = "(ARRAY<T> array, T val) -> INT",
     .doc = "The position of the first element that equals the value, counted from 1; null if no "
            "element equals it.",
     .example = "ARRAY_POSITION(ARRAY['a', 'b'], 'b') = 2",
     .kernel = array_position},
    {.name = "array_contains",
     .signature = "(ARRAY<T> array, T val) -> BOOLEAN",
     .doc = "Whether an array has an element; false for a null array.",
     .example = "ARRAY_CONTAINS(ARRAY[1, 2], 2)",
     .kernel = array_contains},
    {.name = "pg_catalog.equal_any",
     .signature = "(ARRAY<T> array, T val) -> BOOLEAN",
     .doc = "Computes val = ANY(array). If the result is unknown: null over tables, as in "
            "PostgreSQL, and false in continuous queries.",
     .example = "2 = ANY(SLICE(ARRAY[1, 2, 3], 1, 2))",
     .kernel = equal_any},
    {.name = "array_concat",
     .signature = "(ARRAY<T> left, ARRAY<T> right) -> ARRAY<T>",
     .doc = "The elements of both arrays; a null array counts as an empty one.",
     .example = "ARRAY_CONCAT(ARRAY[1, 2], ARRAY[2]) = ARRAY[1, 2, 2]",
     .kernel = array_concat},
    {.name = "array_distinct",
     .signature = "(ARRAY<T> array) -> ARRAY<T>",
     .doc = "The array without repeated elements.",
     .example = "ARRAY_DISTINCT(ARRAY[1, 2, 1]) = ARRAY[1, 2]",
     .kernel = array_distinct},
    {.name = "array_except",
     .signature = "(ARRAY<T> left, ARRAY<T> right) -> ARRAY<T>",
     .doc = "The different elements of the first array that are not in the second.",
     .example = "ARRAY_EXCEPT(ARRAY[1, 2, 3], ARRAY[2]) = ARRAY[1, 3]",
     .kernel = array_compare<false>},
    {.name = "array_intersect",
     .signature = "(ARRAY<T> left, ARRAY<T> right) -> ARRAY<T>",
     .doc = "The different elements that both arrays have, in the order of the first.",
     .example = "ARRAY_INTERSECT(ARRAY[3, 1, 2], ARRAY[2, 3]) = ARRAY[3, 2]",
     .kernel = array_compare<true>},
    {.name = "array_union",
     .signature = "(ARRAY<T> left, ARRAY<T> right) -> ARRAY<T>",
     .doc = "The different elements of both arrays.",
     .example = "ARRAY_UNION(ARRAY[1, 2], ARRAY[2, 3]) = ARRAY[1, 2, 3]",
     .kernel = array_union},
    {.name = "array_join",
     .signature = "(ARRAY<T> array) -> STRING",
     .doc = "The elements as one text, separated by commas or by the delimiter.",
     .example = "ARRAY_JOIN(ARRAY[1, NULL, 2]) = '1,null,2'",
     .kernel = array_join},
    {.name = "array_join",
     .signature = "(ARRAY<T> array, STRING delimiter) -> STRING",
     .doc = "The elements as one text, with a delimiter between them.",
     .example = "ARRAY_JOIN(ARRAY[1, 2], '; ') = '1; 2'",
     .kernel = array_join},
    {.name = "array_to_string",
     .signature = "(ARRAY<T> array, STRING delimiter) -> STRING",
     .doc = "The elements as one text, without nulls, as in PostgreSQL.",
     .example = "ARRAY_TO_STRING(ARRAY[1, NULL, 2], ',') = '1,2'",
     .kernel = array_to_string},
    {.name = "array_to_string",
     .signature = "(ARRAY<T> array, STRING delimiter, STRING null) -> STRING",
     .doc = "The elements as one text; the third argument replaces each null.",
     .example = "ARRAY_TO_STRING(ARRAY[1, NULL, 2], ',', '*') = '1,*,2'",
     .kernel = array_to_string},
    {.name = "array_length",
     .signature = "(ARRAY<T> array) -> INT",
     .doc = "The number of elements of an array.",
     .example = "ARRAY_LENGTH(ARRAY[1, 2]) = 2",
     .kernel = array_length},
    {.name = "array_max",
     .signature = "(ARRAY<COMPARABLE> input) -> COMPARABLE",
     .doc = "The largest element; nulls are skipped.",
     .example = "ARRAY_MAX(ARRAY[1, 3, 2]) = 3",
     .kernel = array_extreme<ArrayEnd::Largest>},
    {.name = "array_min",
     .signature = "(ARRAY<COMPARABLE> input) -> COMPARABLE",
     .doc = "The smallest element; nulls are skipped.",
     .example = "ARRAY_MIN(ARRAY[2, 1, 3]) = 1",
     .kernel = array_extreme<ArrayEnd::Smallest>},
    {.name = "array_remove",
     .signature = "(ARRAY<T> array, T element) -> ARRAY<T>",
     .doc = "The array without all elements that equal a value.",
     .example = "ARRAY_REMOVE(ARRAY[1, 2, 1], 1) = ARRAY[2]",
     .kernel = array_remove},
    {.name = "array_sort",
     .signature = "(ARRAY<COMPARABLE> input) -> ARRAY<COMPARABLE>",
     .doc = "The elements in ascending order, nulls last.",
     .example = "ARRAY_SORT(ARRAY[2, 1, 3]) = ARRAY[1, 2, 3]",
     .kernel = array_sort},
    {.name = "array_sort",
     .signature = "(ARRAY<COMPARABLE> input, STRING direction) -> ARRAY<COMPARABLE>",
     .doc = "The elements in order, 'ASC' or 'DESC', nulls last.",
     .example = "ARRAY_SORT(ARRAY[2, 1, 3], 'DESC') = ARRAY[3, 2, 1]",
     .kernel = array_sort_by},
    {.name = "slice",
     .signature = "(ARRAY<T> in, INT from, INT to) -> ARRAY<T>",
     .doc = "The elements from one position to another, both included and counted from 1; NULL "
            "means the first or the last position.",
     .example = "SLICE(ARRAY[1, 2, 3, 4], 2, 3) = ARRAY[2, 3]",
     .kernel = sliced_array},
};

}  // namespace

const FunctionFamily kArrayFunctions{"ARRAY", kArrayDefs};

}  // namespace engine
