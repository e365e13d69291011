// Between timestamptz and timestamp, by the clocks of the session's time zone. Private to this folder.
#pragma once
#include "engine/expr/bind.h"
#include "engine/expr/bound.h"
#include "engine/types/postgres_types.h"
#include "engine/types/zone_clock.h"
#include "engine/types/zoned_texts.h"

namespace engine {

// What clocks of the zone show at a point in time, and the point in time at which they show it.
void clock_kernel(KernelCall& call);
void instant_kernel(KernelCall& call);

BoundExpression as_clock(BoundExpression instant);
BoundExpression as_instant(BoundExpression clock);
// The value in the type; it stays what it is unless one is with a time zone and the other without.
BoundExpression with_zone_of(const SqlType& type, BoundExpression bound);

// What a literal is as a value of the type where the session's forms decide that; nothing where they do not, or the text is none.
std::optional<Value> literal_in(const Scope& scope, const BoundExpression& literal,
                                const SqlType& type);

}  // namespace engine
