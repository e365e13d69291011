// What labels of PostgreSQL's types mean to casts and operators. Private to this folder.
#pragma once
#include "base/result.h"
#include "engine/expr/bound.h"
#include "engine/functions/kernel.h"
#include "engine/sql/ast_expression.h"

namespace engine {

// Whether values of `from`, which is equal to `to`, have to be looked at to become values of `to`: brought into a normal
// form, or checked against a narrower range.
bool needs_label_work(const SqlType& from, const SqlType& to);
// Whether it is a smallint or a real: two of them give one, where their kinds would be wider.
bool is_narrow_number(const SqlType& type);
// That work, over the rows of a result which is of the kind already.
void apply_label(KernelCall& call);
// What the result's type has room for (engine/types/declared_lengths.h): texts that are longer are cut, or refused.
void cut_kernel(KernelCall& call);
void fit_kernel(KernelCall& call);
// Texts to the form in which they compare; the result's type has the label.
void comparable_kernel(KernelCall& call);
// Texts as PostgreSQL writes arrays, to arrays.
void text_to_nested_kernel(KernelCall& call);
// What a numeric without a precision becomes of a floating number: its first 15 digits, of a real 6.
void numeric_of_double_kernel(KernelCall& call);
// Arrays and bytes as PostgreSQL writes them.
void array_to_text_kernel(KernelCall& call);

// Whether CAST may go between two types one of which is kept in a normal form: PostgreSQL's own casts, text aside.
bool is_label_castable(const SqlType& from, const SqlType& to);

// What a parameter that nothing else tells about is, by what its client has declared.
SqlType open_type(const SqlType& hint);

// Whether all that a function gives are values that it got: of a sum of smallints, nothing is known to fit.
bool keeps_values(std::string_view function);
// Refuses functions that would compare values which do not compare as their texts do. `as_postgres`: MIN and MAX are those that
// know how types compare.
Status check_labels(const FunctionCall& call, const SqlType& argument, TextPosition position,
                    bool as_postgres);

}  // namespace engine
