// Effects of the labels of PostgreSQL's types on casts and operators. Private to this folder.
#pragma once
#include "base/result.h"
#include "engine/expr/bound.h"
#include "engine/functions/kernel.h"
#include "engine/sql/ast_expression.h"

namespace engine {

// Whether values of `from`, which is equal to `to`, must be processed to become values of `to`: brought into a normal
// form, or checked against a narrower range.
bool needs_label_work(const SqlType& from, const SqlType& to);
// Whether it is a smallint or a real: a result of two such numbers has the same type, although its
// kind would be wider.
bool is_narrow_number(const SqlType& type);
// Does the work of needs_label_work() on the rows of a result that has the right kind already.
void apply_label(KernelCall& call);
// Enforce the declared length of the result's type (engine/types/declared_lengths.h): longer texts are cut, or refused.
void cut_kernel(KernelCall& call);
void fit_kernel(KernelCall& call);
// Converts texts to the form in which they compare; the result's type has the label.
void comparable_kernel(KernelCall& call);
// Parses arrays in PostgreSQL's notation.
void text_to_nested_kernel(KernelCall& call);
// Converts a floating-point number to a numeric without a precision: its first 15 digits, or 6 for a real.
void numeric_of_double_kernel(KernelCall& call);
// Arrays and bytes in PostgreSQL's notation.
void array_to_text_kernel(KernelCall& call);

// Whether CAST may convert between two types, one of which is kept in a normal form: the casts that PostgreSQL has,
// except those with texts.
bool is_label_castable(const SqlType& from, const SqlType& to);

// The type of a parameter that nothing else determines, from the client's declaration.
SqlType open_type(const SqlType& hint);

// Whether the function returns only values that it was given. A sum of smallints, for example, may not fit a smallint.
bool keeps_values(std::string_view function);
// Refuses functions that compare values, if these do not compare as their texts do. `as_postgres`: MIN and MAX are the
// variants that know how types compare.
Status check_labels(const FunctionCall& call, const SqlType& argument, TextPosition position,
                    bool as_postgres);

}  // namespace engine
