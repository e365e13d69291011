// What types take of VARCHAR(20), TIMESTAMP(0), INTERVAL(3) and their like, in arrays too: clients are told these numbers, and
// make room by them.
#pragma once
#include <functional>

#include "base/result.h"
#include "engine/types/column.h"

namespace engine {

// Whether values of the type, or of a part of it, have to be looked at to be such.
bool has_declared_length(const SqlType& type);
// The same type without these numbers, and with those of another one, which is nested like it.
SqlType without_declared_lengths(const SqlType& type);
SqlType with_declared_lengths(const SqlType& type, const SqlType& declared);

// What is done with a text that is too long: a CAST cuts it; to write it is an error, unless nothing but blanks is lost.
// Times are rounded by both.
enum class LengthRule : uint8_t { Cast, Write };

// The values as the type takes them. `refused` is told of each row that does not fit, with TooLongText in PostgreSQL's words;
// the row is null then.
using RefusedRow = std::function<void(size_t row, const Error& error)>;
Column fit_declared(const SqlType& type, const Column& values, LengthRule rule,
                    const RefusedRow& refused);

}  // namespace engine
