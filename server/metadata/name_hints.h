// Hints for unknown names that belong to an object of another kind: a connector, a link, or a column.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/sql/ast.h"
#include "server/metadata/image.h"
#include "server/metadata/rights.h"

namespace server {

// Returns a hint with the statement for a connector or a link of this name, in any letter case; nothing if there is
// none. `verb` is the first word of the statement: DESCRIBE, PAUSE or RESUME.
std::optional<std::string> hint_for_other_kind(const MetadataImage& image, std::string_view verb,
                                               std::string_view name);

// Returns the error of a SELECT with a better hint if the unknown name is a topic of a link (prod.orders) or a path
// into a column (payload.a.b). Other errors are returned unchanged.
Error with_hint_for_names(Error error, const engine::ParsedStatement& statement,
                          const MetadataImage& image);

// Returns the error without a hint that names a stream, a table, a query or a topic that the user did not write and on
// which it has no right. The planner proposes similar names, and does not know the rights.
Error without_hidden_names(Error error, const MetadataImage& image, const Asker& asker);

}  // namespace server
