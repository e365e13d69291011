// What a DEFAULT says of times: in the zone and the order of days and months of whoever has written it, not of those who insert.
#pragma once
#include <memory>

#include "engine/catalog/catalog.h"
#include "engine/sql/ast.h"
#include "engine/types/text_forms.h"

namespace server {

// The statement with all texts in DEFAULT clauses that become times in ISO's form, in UTC where they say no zone; itself where there
// are none that are not.
std::shared_ptr<const engine::ParsedStatement> with_fixed_defaults(
    std::shared_ptr<const engine::ParsedStatement> statement, const engine::Catalog& catalog,
    const engine::TextForms& forms);

}  // namespace server
