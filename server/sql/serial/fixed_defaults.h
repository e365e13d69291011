// Fixes the times in DEFAULT clauses. They are meant in the time zone and the date order of the
// session that writes the definition, not of the sessions that insert rows.
#pragma once
#include <memory>

#include "engine/catalog/catalog.h"
#include "engine/sql/ast.h"
#include "engine/types/text_forms.h"

namespace server {

// Returns the statement with all texts in DEFAULT clauses that become times in ISO form, in UTC if
// they give no zone; the statement itself if no text changes.
std::shared_ptr<const engine::ParsedStatement> with_fixed_defaults(
    std::shared_ptr<const engine::ParsedStatement> statement, const engine::Catalog& catalog,
    const engine::TextForms& forms);

}  // namespace server
