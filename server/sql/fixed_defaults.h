// What a DEFAULT says of points in time: in the zone of whoever has written it, not of those who insert.
#pragma once
#include <memory>

#include "engine/catalog/catalog.h"
#include "engine/sql/ast.h"
#include "engine/types/zone_clock.h"

namespace server {

// The statement with all texts in DEFAULT clauses that become a timestamptz and say no zone in UTC; itself where there are none. A null
// zone is UTC.
std::shared_ptr<const engine::ParsedStatement> with_fixed_defaults(
    std::shared_ptr<const engine::ParsedStatement> statement, const engine::Catalog& catalog,
    const engine::ZoneClock* zone);

}  // namespace server
