// Applies the labels of types to casts and operators. A label distinguishes PostgreSQL's types that
// share one representation, such as smallint and integer. Used only by the source files in this
// folder.
#pragma once
#include "base/result.h"
#include "engine/expr/bound.h"
#include "engine/functions/kernel.h"
#include "engine/sql/ast_expression.h"

namespace engine {

// `from` and `to` differ at most in their labels. Returns whether values must be changed to become
// values of `to`: converted to a normal form, or checked against a narrower range.
bool needs_label_work(const SqlType& from, const SqlType& to);
// Returns whether the type is a smallint or a real. The result of an operation with two such
// numbers has the same type again, although the representation is wider.
bool is_narrow_number(const SqlType& type);
// Makes the conversions and checks for which needs_label_work() returns true. The result already
// has the right kind.
void apply_label(KernelCall& call);
// Apply the declared length of the result's type (engine/types/declared_lengths.h) to texts that
// are too long. cut_kernel() cuts them, and fit_kernel() refuses them.
void cut_kernel(KernelCall& call);
void fit_kernel(KernelCall& call);
// Converts texts to the form in which they are compared. The label of the result's type selects the
// form.
void comparable_kernel(KernelCall& call);
// Parses arrays in PostgreSQL's notation.
void text_to_nested_kernel(KernelCall& call);
// Converts a floating-point number to a numeric without a precision: its first 15 digits, or 6 for a real.
void numeric_of_double_kernel(KernelCall& call);
// Prints arrays and bytes in PostgreSQL's notation.
void array_to_text_kernel(KernelCall& call);

// Returns whether CAST may convert between two types, at least one of which is kept in a normal
// form. The casts are those of PostgreSQL, except casts from and to texts.
bool is_label_castable(const SqlType& from, const SqlType& to);

// Returns the type of a parameter for which nothing but the client's declaration `hint` determines
// a type. Without a declaration it is STRING.
SqlType open_type(const SqlType& hint);

// Returns whether each result of the function is one of its arguments, so that it has the same
// label. (A sum of smallints, for example, is not one of its arguments and may not fit a smallint.)
bool keeps_values(std::string_view function);
// Refuses functions that compare values as texts, if the type has another order or another equality
// than its texts. With `as_postgres`, MIN and MAX are variants that compare such values correctly,
// so they are accepted.
Status check_labels(const FunctionCall& call, const SqlType& argument, TextPosition position,
                    bool as_postgres);

}  // namespace engine
