// Marks in a replicated journal that name a command of the metadata (docs/adr/0157). A node applies
// the entries behind a mark, and becomes the owner of the journal, only when it has read the
// metadata up to this command.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"

namespace storage {

// Returns a batch whose only record has an empty key, and the letter 'p' with the revision as its
// value.
std::string plan_mark(Revision revision);
// Returns the revision in a plan_mark(); nothing for any other batch, also for a damaged one.
std::optional<Revision> read_plan_mark(std::string_view batch);

}  // namespace storage
