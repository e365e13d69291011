// Implements the effects of the labels of PostgreSQL's types on casts and operators. Private to this folder.
#pragma once
#include "base/result.h"
#include "engine/expr/bound.h"
#include "engine/functions/kernel.h"
#include "engine/sql/ast_expression.h"

namespace engine {

// Returns whether values of `from`, which is equal to `to` except for labels, must be processed to become values of
// `to`: converted to a normal form, or checked against a narrower range.
bool needs_label_work(const SqlType& from, const SqlType& to);
// Returns whether the type is a smallint or a real. A result of two such numbers has the same type,
// although its kind would be wider.
bool is_narrow_number(const SqlType& type);
// Converts or checks the rows of a result as needs_label_work() requires. The result already has the right kind.
void apply_label(KernelCall& call);
// Enforce the declared length of the result's type (engine/types/declared_lengths.h). cut_kernel() cuts longer texts,
// fit_kernel() refuses them.
void cut_kernel(KernelCall& call);
void fit_kernel(KernelCall& call);
// Converts texts to the form in which they are compared. The label of the result's type determines the form.
void comparable_kernel(KernelCall& call);
// Parses arrays in PostgreSQL's notation.
void text_to_nested_kernel(KernelCall& call);
// Converts a floating-point number to a numeric without a precision: its first 15 digits, or 6 for a real.
void numeric_of_double_kernel(KernelCall& call);
// Prints arrays and bytes in PostgreSQL's notation.
void array_to_text_kernel(KernelCall& call);

// Returns whether CAST may convert between two types, one of which is kept in a normal form. These are PostgreSQL's
// casts, except those from and to texts.
bool is_label_castable(const SqlType& from, const SqlType& to);

// Returns the type of a parameter for which only the client's declaration, `hint`, determines a type; STRING without a
// declaration.
SqlType open_type(const SqlType& hint);

// Returns whether each result of the function is one of its arguments, and so has the label of their type. A sum of
// smallints, for example, may not fit a smallint.
bool keeps_values(std::string_view function);
// Refuses functions that compare values whose order or equality is not that of their texts. With `as_postgres`, MIN and
// MAX are the variants that compare such values correctly, and are accepted.
Status check_labels(const FunctionCall& call, const SqlType& argument, TextPosition position,
                    bool as_postgres);

}  // namespace engine
