// Hints for unknown names that belong to an object of another kind: a connector, a link, or a column.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/catalog/visible_names.h"
#include "engine/sql/ast.h"
#include "server/metadata/image.h"
#include "server/metadata/rights.h"

namespace server {

// Returns a hint with the statement for a connector or a link of this name, in any letter case; nothing if there is
// none, or if it is a link that the role may not use. `verb` is the first word of the statement: DESCRIBE, PAUSE or
// RESUME.
std::optional<std::string> hint_for_other_kind(const MetadataImage& image, const Asker& asker,
                                               std::string_view verb, std::string_view name);

// Returns the error of a SELECT with a better hint if the unknown name is a topic of a link (prod.orders) or a path
// into a column (payload.a.b). Other errors are returned unchanged. A link that the role may not use gets no hint.
Error with_hint_for_names(Error error, const engine::ParsedStatement& statement,
                          const MetadataImage& image, const Asker& asker);

// Returns the rule for the names that errors may show to a role (engine::VisibleNamesInUse): it sees the topics on which
// it has a right. The rule is empty for a superuser, and keeps a reference to `users`.
engine::MaySeeTopic visible_to(const storage::Users& users, const Asker& asker);

}  // namespace server
