// Fixes the times in DEFAULT clauses, which are meant in the time zone and the date order of the
// session that writes the definition, not of the sessions that insert rows.
#pragma once
#include <memory>

#include "engine/catalog/catalog.h"
#include "engine/sql/ast.h"
#include "engine/types/text_forms.h"

namespace server {

// Returns a statement in which every text of a DEFAULT clause that becomes a time has ISO form, and
// is in UTC if it gives no zone. Returns the statement itself if no text changes.
std::shared_ptr<const engine::ParsedStatement> with_fixed_defaults(
    std::shared_ptr<const engine::ParsedStatement> statement, const engine::Catalog& catalog,
    const engine::TextForms& forms);

}  // namespace server
