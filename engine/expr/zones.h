// Converts between timestamptz and timestamp in the session's time zone. Used only by the source
// files in this folder.
#pragma once
#include "engine/expr/bind.h"
#include "engine/expr/bound.h"
#include "engine/types/postgres_types.h"
#include "engine/types/zone_clock.h"
#include "engine/types/zoned_texts.h"

namespace engine {

// clock_kernel() converts a point in time to the local time of the zone, instant_kernel() a local
// time to the point in time.
void clock_kernel(KernelCall& call);
void instant_kernel(KernelCall& call);

BoundExpression as_clock(BoundExpression instant);
BoundExpression as_instant(BoundExpression clock);
// If exactly one of `type` and the value has a time zone, converts the value accordingly. Otherwise
// returns it unchanged.
BoundExpression with_zone_of(const SqlType& type, BoundExpression bound);

// Returns the value of a literal as `type`, read with the session's formats. Returns nothing if the
// formats do not matter for the literal, or if the text is not valid.
std::optional<Value> literal_in(const Scope& scope, const BoundExpression& literal,
                                const SqlType& type);

// Reads a text as a TIMESTAMP or DATE in one of PostgreSQL's notations, such as 20240101,
// 2024/01/01 or Jan 1 2024. A text without a zone is local time in `zone`, unless the type is a
// TIMESTAMP without a zone. Returns nothing if the text is not valid, or if the type is another
// one.
std::optional<Value> written_time(DateOrder order, const ZoneClock* zone, std::string_view text,
                                  const SqlType& type);
// Returns a hint that names the accepted forms of a time type.
std::string time_forms(const SqlType& type);
// Returns the error for a text that is not a value of the time type.
Error bad_time(const std::string& text, const SqlType& type);

}  // namespace engine
