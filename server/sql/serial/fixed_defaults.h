// Replaces the texts of times in DEFAULT clauses by unambiguous texts. Such a text depends on a
// time zone and a date order. The session that writes the definition determines both, and not the
// sessions that insert rows later.
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
