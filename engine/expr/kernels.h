// The kernels (functions over columns) of operators, constructors and casts. Used only by the
// source files in this folder.
#pragma once
#include <string>

#include "engine/functions/kernel.h"
#include "engine/sql/ast_expression.h"
#include "engine/types/type.h"

namespace engine {

// Return the kernels for `left op right`. Both sides have the kind of the result. DECIMALs may have
// different scales.
Kernel arithmetic_kernel(ArithmeticOp op, TypeKind kind);
Kernel decimal_arithmetic_kernel(ArithmeticOp op);
Kernel negation_kernel(TypeKind kind);

// Returns the kernel for `left op right`. Both sides have the same kind; DECIMALs may have
// different scales. If an operand is null, the result is null with KernelCall::knows_unknown, and
// false without it. IS [NOT] DISTINCT FROM is an exception: it compares nulls like values.
Kernel comparison_kernel(ComparisonOp op, TypeKind kind);
// Returns the kernel for `value IN (item, ...)`, where all operands have the same type. If the
// value is null, or if no item matches and one item is null, the result is that of
// comparison_kernel() for a null operand.
Kernel in_kernel(TypeKind kind);
// Returns the kernel for IN with a sorted list. Its arguments are a value, whose kind is not
// nested, and a sorted ARRAY without nulls. If the list had a null item, a third argument exists,
// which is null. Nulls have the same effect as with in_kernel().
Kernel in_sorted_kernel(TypeKind kind);

// For a null argument, not_kernel() and like_kernel() give null with KernelCall::knows_unknown, and
// an error of the row without it.
void not_kernel(KernelCall& call);
void is_null_kernel(KernelCall& call);
void is_not_null_kernel(KernelCall& call);
void like_kernel(KernelCall& call);  // arguments: value, pattern[, escape]

void array_element_kernel(KernelCall& call);  // arguments: array, INTEGER
void map_value_kernel(KernelCall& call);      // arguments: map, key

void array_kernel(KernelCall& call);   // arguments: the elements
void map_kernel(KernelCall& call);     // key, value, key, value, ...; the last of equal keys wins
void struct_kernel(KernelCall& call);  // arguments: the fields

// Casts from the type of args[0] to the type of the result. is_castable() must be true for the two
// types.
void cast_kernel(KernelCall& call);
// Returns whether CAST supports the pair of types.
bool is_castable(const SqlType& from, const SqlType& to);
// Returns whether every value of `from` can be cast to `to`.
bool cast_never_fails(const SqlType& from, const SqlType& to);

// Converts values to the texts that PostgreSQL would send to its clients.
void output_text_kernel(KernelCall& call);

// Appends the text that CAST(x AS STRING) gives for one value. The value must not be null.
void append_text(std::string& out, const Column& column, size_t row);

}  // namespace engine
