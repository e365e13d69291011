// Replaces the texts of times in DEFAULT clauses by unambiguous ones. Such a text depends on a time
// zone and a date order. These must be those of the session that writes the definition, not those
// of the sessions that insert rows later.
#pragma once
#include <memory>

#include "engine/catalog/catalog.h"
#include "engine/sql/ast.h"
#include "engine/types/text_forms.h"

namespace server {

// If a text of a DEFAULT clause becomes a time, the returned statement has the time in ISO form,
// and in UTC unless the text names a time zone. Returns the statement itself if no text changes.
std::shared_ptr<const engine::ParsedStatement> with_fixed_defaults(
    std::shared_ptr<const engine::ParsedStatement> statement, const engine::Catalog& catalog,
    const engine::TextForms& forms);

}  // namespace server
