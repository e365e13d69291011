// PostgreSQL's array functions: bounds, sizes and contents. All arrays have one dimension and begin at 1.
#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "engine/functions/adapters.h"
#include "engine/functions/cells.h"
#include "engine/functions/families.h"
#include "engine/functions/lists.h"
#include "engine/types/row_size.h"

namespace engine {

namespace {

// Calls `tell(size, row)` for each row whose array has elements. If the call has a second argument,
// it is the dimension, and must be 1, since all arrays have one dimension. The result is null for
// all other rows.
template <class Tell>
void of_each_array(KernelCall& call, Tell tell) {
  const bool has_dimension = call.args.size() > 1;
  for (size_t row = 0; row < call.rows; ++row) {
    const bool is_first =
        !has_dimension || (!call.args[1].is_null(row) && call.args[1].get<int32_t>(row) == 1);
    const bool has_items =
        is_first && !call.args[0].is_null(row) && items_of(call.args[0], row).size() > 0;
    if (has_items)
      tell(static_cast<int32_t>(items_of(call.args[0], row).size()), row);
    else
      call.out.append_null();
  }
}

void first_place(KernelCall& call) {
  of_each_array(call, [&](int32_t, size_t) { call.out.append(int32_t{1}); });
}
void last_place(KernelCall& call) {
  of_each_array(call, [&](int32_t size, size_t) { call.out.append(size); });
}
void dimensions(KernelCall& call) {
  of_each_array(call, [&](int32_t size, size_t row) {
    const std::string text = "[1:" + std::to_string(size) + "]";
    if (call.context.take_bytes(text.size(), row, call.errors))
      call.out.append_copy(text);
    else
      call.out.append_null();
  });
}

void cardinality(KernelCall& call) {
  for (size_t row = 0; row < call.rows; ++row)
    if (call.args[0].is_null(row))
      call.out.append_null();
    else
      call.out.append(static_cast<int32_t>(items_of(call.args[0], row).size()));
}

// Returns the array with one more element at its begin or end; the element alone for a null array.
template <bool is_behind>
void with_element(KernelCall& call) {
  const Argument &array = call.args[is_behind ? 0 : 1], &element = call.args[is_behind ? 1 : 0];
  for (size_t row = 0; row < call.rows; ++row) {
    size_t bytes = copied_bytes(*element.column, element.index(row));
    if (!array.is_null(row)) bytes += copied_bytes(*array.column, array.index(row));
    if (!call.context.take_bytes(bytes, row, call.errors)) {
      call.out.close_list(false);
      continue;
    }
    Column& out = call.out.child(0);
    if constexpr (!is_behind) out.append_from(*element.column, element.index(row));
    if (!array.is_null(row)) {
      const ItemRange items = items_of(array, row);
      for (uint32_t item = items.begin; item < items.end; ++item)
        out.append_from(array.column->child(0), item);
    }
    if constexpr (is_behind) out.append_from(*element.column, element.index(row));
    call.out.close_list();
  }
}

// Returns the elements between two positions, as far as the array has them; an empty array if it has none of them.
void slice(KernelCall& call) {
  for (size_t row = 0; row < call.rows; ++row) {
    const Argument& array = call.args[0];
    if (array.is_null(row) || call.args[1].is_null(row) || call.args[2].is_null(row)) {
      call.out.append_null();
      continue;
    }
    const ItemRange items = items_of(array, row);
    const auto first = std::max<int64_t>(call.args[1].get<int32_t>(row), 1) - 1;
    const auto end = std::min<int64_t>(call.args[2].get<int32_t>(row), items.size());
    Column& out = call.out.child(0);
    size_t bytes = 0;
    for (int64_t i = first; i < end; ++i)
      bytes += copied_bytes(array.column->child(0), items.begin + static_cast<size_t>(i));
    if (!call.context.take_bytes(bytes, row, call.errors)) {
      call.out.close_list(false);
      continue;
    }
    for (int64_t i = first; i < end; ++i)
      out.append_from(array.column->child(0), items.begin + static_cast<size_t>(i));
    call.out.close_list();
  }
}

// Copies the first elements of an array, without the last `count`.
void trim_array(KernelCall& call) {
  for (size_t row = 0; row < call.rows; ++row) {
    const Argument& array = call.args[0];
    if (array.is_null(row) || call.args[1].is_null(row)) {
      call.out.append_null();
      continue;
    }
    const ItemRange items = items_of(array, row);
    const auto size = static_cast<int64_t>(items.size());
    const int64_t count = call.args[1].get<int32_t>(row);
    const bool is_in_bounds = count >= 0 && count <= size;
    if (!is_in_bounds)
      call.errors.add(row, fmt::format("number of elements to trim must be between 0 and {}", size),
                      ErrorCode::InvalidParameter);
    const uint32_t end = items.end - static_cast<uint32_t>(is_in_bounds ? count : size);
    Column& out = call.out.child(0);
    size_t bytes = 0;
    for (uint32_t item = items.begin; item < end; ++item)
      bytes += copied_bytes(array.column->child(0), item);
    if (!call.context.take_bytes(bytes, row, call.errors)) {
      call.out.close_list(false);
      continue;
    }
    for (uint32_t item = items.begin; item < end; ++item)
      out.append_from(array.column->child(0), item);
    call.out.close_list();
  }
}

// Makes an array of equal elements, whose number is the only element of the second argument.
void fill(KernelCall& call) {
  for (size_t row = 0; row < call.rows; ++row) {
    const Argument &element = call.args[0], &dimensions = call.args[1];
    if (dimensions.is_null(row)) {
      call.errors.add(row, "dimension array or low bound array cannot be null",
                      ErrorCode::InvalidParameter);
      call.out.append_null();
      continue;
    }
    const ItemRange sizes = items_of(dimensions, row);
    const Column& numbers = dimensions.column->child(0);
    Error error{ErrorCode::NotSupported, ""};
    int64_t count = 0;
    if (sizes.size() > 1)
      error.message = "arrays with several dimensions are not supported yet";
    else if (sizes.size() == 1 && numbers.is_null(sizes.begin))
      error = {ErrorCode::InvalidParameter, "dimension values cannot be null"};
    else if (sizes.size() == 1)
      count = numbers.data<int32_t>()[sizes.begin];
    if (count < 0)
      error = {ErrorCode::LimitExceeded, fmt::format("invalid array length: {}", count)};
    if (!error.message.empty()) {
      call.errors.add(row, error);
      call.out.append_null();
      continue;
    }
    const size_t from = element.index(row);
    const size_t bytes = static_cast<size_t>(count) * copied_bytes(*element.column, from);
    if (!call.context.take_bytes(bytes, row, call.errors)) {
      call.out.append_null();
      continue;
    }
    for (int64_t i = 0; i < count; ++i) call.out.child(0).append_from(*element.column, from);
    call.out.close_list();
  }
}

constexpr std::string_view kFirst =
                               "The first position of an array, which is 1; null if it is empty.",
                           kLast = "The last position of an array; null if it is empty.",
                           kCount = "The number of elements of an array; null if it is empty.";

// Combines the comparisons of ANY or ALL with each element. The result is null if it depends on an unknown comparison.
template <bool all>
void truth_of(KernelCall& call) {
  call.out.resize(call.rows);
  adapters::Sink<bool> sink(call);
  for (size_t row = 0; row < call.rows; ++row) {
    if (call.args[0].is_null(row)) continue;
    const ItemRange items = items_of(call.args[0], row);
    const Column& truths = call.args[0].column->child(0);
    bool is_decided = false, has_null = false;
    for (uint32_t i = items.begin; i < items.end && !is_decided; ++i)
      if (truths.is_null(i))
        has_null = true;
      else
        is_decided = (truths.data<uint8_t>()[i] != 0) != all;
    if (is_decided || !has_null) sink.put(row, is_decided != all);
  }
}

constexpr FunctionDef kPostgresArraysDefs[] = {
    {.name = "pg_catalog.any_true",
     .signature = "(ARRAY<BOOLEAN> truths) -> BOOLEAN",
     .doc = "Computes x < ANY(array) from the results of its comparisons: whether one is true; "
            "null if unknown.",
     .example = "PG_CATALOG.ANY_TRUE(ARRAY[false, true])",
     .kernel = truth_of<false>},
    {.name = "pg_catalog.all_true",
     .signature = "(ARRAY<BOOLEAN> truths) -> BOOLEAN",
     .doc = "Computes x < ALL(array) from the results of its comparisons: whether all are true; "
            "null if unknown.",
     .example = "PG_CATALOG.ALL_TRUE(ARRAY[true, true])",
     .kernel = truth_of<true>},
    {.name = "pg_catalog.array_slice",
     .signature = "(ARRAY<T> array, INT from, INT to) -> ARRAY<T>",
     .doc = "Computes a[from:to]: the elements at these positions, as far as the array has such "
            "elements.",
     .example = "PG_CATALOG.ARRAY_SLICE(ARRAY[1, 2, 3], 2, 9) = ARRAY[2, 3]",
     .kernel = slice},
    {.name = "array_lower",
     .signature = "(ARRAY<T> array, INT dimension) -> INT",
     .doc = kFirst,
     .example = "ARRAY_LOWER(ARRAY[5, 6], 1) = 1",
     .kernel = first_place},
    {.name = "array_upper",
     .signature = "(ARRAY<T> array, INT dimension) -> INT",
     .doc = kLast,
     .example = "ARRAY_UPPER(ARRAY[5, 6], 1) = 2",
     .kernel = last_place},
    {.name = "array_length",
     .signature = "(ARRAY<T> array, INT dimension) -> INT",
     .doc = kCount,
     .example = "ARRAY_LENGTH(ARRAY[5, 6], 1) = 2",
     .kernel = last_place},
    {.name = "array_ndims",
     .signature = "(ARRAY<T> array) -> INT",
     .doc = "The number of dimensions of an array, which is 1; null if it is empty.",
     .example = "ARRAY_NDIMS(ARRAY[5, 6]) = 1",
     .kernel = first_place},
    {.name = "array_dims",
     .signature = "(ARRAY<T> array) -> STRING",
     .doc = "The first and the last position of an array.",
     .example = "ARRAY_DIMS(ARRAY[5, 6]) = '[1:2]'",
     .kernel = dimensions},
    {.name = "cardinality",
     .signature = "(ARRAY<T> array) -> INT",
     .doc = "The number of elements of an array.",
     .example = "CARDINALITY(ARRAY[5, 6]) = 2",
     .kernel = cardinality},
    {.name = "array_fill",
     .signature = "(T element, ARRAY<INT> dimensions) -> ARRAY<T>",
     .doc = "An array of equal elements; the second array has the number of elements as its only "
            "element.",
     .example = "ARRAY_FILL(7, ARRAY[3]) = ARRAY[7, 7, 7]",
     .kernel = fill},
    {.name = "trim_array",
     .signature = "(ARRAY<T> array, INT count) -> ARRAY<T>",
     .doc = "The array without its last elements; an error if it has fewer.",
     .example = "TRIM_ARRAY(ARRAY[1, 2, 3], 2) = ARRAY[1]",
     .kernel = trim_array},
    {.name = "array_append",
     .signature = "(ARRAY<T> array, T element) -> ARRAY<T>",
     .doc = "The array with an element appended.",
     .example = "ARRAY_APPEND(ARRAY[1], 2) = ARRAY[1, 2]",
     .kernel = with_element<true>},
    {.name = "array_prepend",
     .signature = "(T element, ARRAY<T> array) -> ARRAY<T>",
     .doc = "The array with an element added at its beginning.",
     .example = "ARRAY_PREPEND(0, ARRAY[1]) = ARRAY[0, 1]",
     .kernel = with_element<false>},
};

}  // namespace

const FunctionFamily kPostgresArrays{"POSTGRESQL", kPostgresArraysDefs};

}  // namespace engine
