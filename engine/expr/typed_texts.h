// Distinguishes texts of columns from literals next to dates and times. Used only by the source files in this folder.
#pragma once
#include <string>

#include "engine/expr/binder.h"

namespace engine {

// Returns whether the value is a text of a column or a computation, and not a literal or a parameter. With PostgreSQL's
// rules only a cast converts such a text to a time; a literal takes the type that its place requires
// (https://www.postgresql.org/docs/15/typeconv-overview.html).
bool is_typed_text(const BoundItem& item);
// Returns a hint with the casts and functions that convert the text to the time type.
std::string hint_for_text_as(const SqlType& time, const Expression& text);

}  // namespace engine
