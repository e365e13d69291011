// Makes the implicit casts of statements: to the type of the column that is written, and to the
// common type of two columns that are combined.
#pragma once
#include <optional>
#include <string_view>

#include "engine/expr/bind.h"
#include "engine/functions/kernel.h"
#include "engine/sql/ast_expression.h"
#include "engine/sql/marked_cast.h"
#include "engine/types/type.h"

namespace engine {

// Returns the name with which a statement can name the type, including its label and its length.
TypeName type_name_of(const SqlType& type);

// Converts the value for storage in a column of the type. Works like CAST(value AS type), but a
// text that is longer than the type's length is an error. Call it only if PostgreSQL's rules
// apply. With `column`, binding the expression fails for a value that needs a cast
// (is_text_for_time()).
ExpressionPtr assigned(ExpressionPtr value, const SqlType& type, std::string_view column = {});

// Returns whether the value is a text, or an array of texts, for a column of dates or times, and
// not a literal or a parameter. As in PostgreSQL such a text needs a cast, because the order of its
// day and month depends on DateStyle. `value` may be null for a value that is not an expression,
// such as a column of a UNION.
bool is_text_for_time(const Expression* value, const SqlType& from, const SqlType& to);
// Returns the error TypeMismatch for a value that cannot be written to the column without a cast.
// `column` is the name as in the catalog.
Error text_for_time(std::string_view column, const SqlType& to, const SqlType& from);

// Converts a constant of an INSERT for a column of the type, without checking its length. `column`
// is the name of the column, for errors.
Result<Value> assign_constant(const Expression& expression, const SqlType& type,
                              std::string_view column, const Scope& scope,
                              const EvalContext& context);

// Returns the common type of two columns that are combined, or that are compared without an
// explicit operator. Returns nothing if they have none. As in PostgreSQL, the common type of a date
// and a timestamp is the timestamp, and the result has a time zone if one of the two has one.
std::optional<SqlType> shared_type(const SqlType& left, const SqlType& right);
// Converts the expression to a type that shared_type() has returned. A timestamp without a time
// zone is read as local time in the session's zone.
Result<BoundExpression> in_shared_type(BoundExpression expression, const SqlType& type);
// Returns whether values of both types have the same representation. A timestamp with a time zone
// has another representation than one without.
bool are_kept_alike(const SqlType& left, const SqlType& right);

}  // namespace engine
