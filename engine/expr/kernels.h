// The kernels of operators, constructors and casts. Private to this folder.
#pragma once
#include <string>

#include "engine/functions/kernel.h"
#include "engine/sql/ast_expression.h"
#include "engine/types/type.h"

namespace engine {

// Return the kernels for `left op right`. Both sides have the kind of the result; DECIMALs keep their own scales.
Kernel arithmetic_kernel(ArithmeticOp op, TypeKind kind);
Kernel decimal_arithmetic_kernel(ArithmeticOp op);
Kernel negation_kernel(TypeKind kind);

// Returns the kernel for `left op right`. Both sides have the same kind; DECIMALs may differ in scale. With a null
// operand, the result is false, or null with KernelCall::knows_unknown, except for IS [NOT] DISTINCT FROM. The kernels
// below treat nulls in the same way.
Kernel comparison_kernel(ComparisonOp op, TypeKind kind);
// Returns the kernel for `value IN (item, ...)`, where all have the same type. The result for a null value is false;
// null items never match.
Kernel in_kernel(TypeKind kind);
// Returns the kernel for IN with a sorted list. Its arguments are a value of a kind that is not nested, and a sorted
// ARRAY without nulls. A third argument, which is null, means that the list had a null item.
Kernel in_sorted_kernel(TypeKind kind);

void not_kernel(KernelCall& call);  // null is an error
void is_null_kernel(KernelCall& call);
void is_not_null_kernel(KernelCall& call);
void like_kernel(KernelCall& call);  // value, pattern[, escape]; a null is an error

void array_element_kernel(KernelCall& call);  // arguments: array, INTEGER
void map_value_kernel(KernelCall& call);      // arguments: map, key

void array_kernel(KernelCall& call);   // arguments: the elements
void map_kernel(KernelCall& call);     // key, value, key, value, ...; the last of equal keys wins
void struct_kernel(KernelCall& call);  // arguments: the fields

// Casts from the type of args[0] to the type of the result, for pairs of types for which is_castable() is true.
void cast_kernel(KernelCall& call);
// Returns whether CAST supports the pair of types.
bool is_castable(const SqlType& from, const SqlType& to);
// Returns whether every value of `from` can be cast to `to`.
bool cast_never_fails(const SqlType& from, const SqlType& to);

// Converts the values to the texts that PostgreSQL's clients would see.
void output_text_kernel(KernelCall& call);

// Appends the text of one value as CAST(x AS STRING) does. The value must not be null.
void append_text(std::string& out, const Column& column, size_t row);

}  // namespace engine
