// The kernels of operators, constructors and casts. Private to this folder.
#pragma once
#include <string>

#include "engine/functions/kernel.h"
#include "engine/sql/ast_expression.h"
#include "engine/types/type.h"

namespace engine {

// left op right, both of the kind of the result; DECIMALs keep their own scales.
Kernel arithmetic_kernel(ArithmeticOp op, TypeKind kind);
Kernel decimal_arithmetic_kernel(ArithmeticOp op);
Kernel negation_kernel(TypeKind kind);

// left op right, both of one kind; DECIMALs may differ in scale. With a null operand the result is false, except for IS
// [NOT] DISTINCT FROM; with KernelCall::knows_unknown it is null. The kernels below follow the same rule.
Kernel comparison_kernel(ComparisonOp op, TypeKind kind);
// value IN (item, ...), all of one type: false for a null value; null items never match.
Kernel in_kernel(TypeKind kind);
// Arguments: a value and a sorted ARRAY without nulls, of a kind that is not nested. A third argument, null, means that
// the list had a null item.
Kernel in_sorted_kernel(TypeKind kind);

void not_kernel(KernelCall& call);  // a null is an error
void is_null_kernel(KernelCall& call);
void is_not_null_kernel(KernelCall& call);
void like_kernel(KernelCall& call);  // value, pattern[, escape]; a null is an error

void array_element_kernel(KernelCall& call);  // array, INTEGER
void map_value_kernel(KernelCall& call);      // map, key

void array_kernel(KernelCall& call);   // the elements
void map_kernel(KernelCall& call);     // key, value, key, value, ...; the last of equal keys wins
void struct_kernel(KernelCall& call);  // the fields

// From args[0]'s type to the type of the result; see is_castable.
void cast_kernel(KernelCall& call);
// Whether CAST supports the pair.
bool is_castable(const SqlType& from, const SqlType& to);
// Whether no value of `from` can fail to become a `to`.
bool cast_never_fails(const SqlType& from, const SqlType& to);

// The values as PostgreSQL's clients would see them.
void output_text_kernel(KernelCall& call);

// The text of one value as CAST(x AS STRING) writes it; the value must not be null.
void append_text(std::string& out, const Column& column, size_t row);

}  // namespace engine
