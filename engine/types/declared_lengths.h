// Enforces the lengths of types such as VARCHAR(20), TIMESTAMP(0) or INTERVAL(3), also within arrays. The descriptions
// of results contain these lengths, and clients rely on them.
#pragma once
#include <functional>

#include "base/result.h"
#include "engine/types/column.h"

namespace engine {

// Returns whether the type, or a part of it, has a declared length, so that values have to be checked.
bool has_declared_length(const SqlType& type);
// without_declared_lengths() returns the type without its lengths. with_declared_lengths() returns
// `type` with the lengths of `declared`, which has the same nesting.
SqlType without_declared_lengths(const SqlType& type);
SqlType with_declared_lengths(const SqlType& type, const SqlType& declared);

// Determines the result for a text that is too long. A CAST cuts it. A write fails, unless only
// blanks at the end are lost. Both round times.
enum class LengthRule : uint8_t { Cast, Write };

// Returns the values in the form that the type requires. `refused` is called for each row that does
// not fit, with TooLongText and PostgreSQL's message; the row is then null.
using RefusedRow = std::function<void(size_t row, const Error& error)>;
Column fit_declared(const SqlType& type, const Column& values, LengthRule rule,
                    const RefusedRow& refused);

}  // namespace engine
