// Marks in a replicated journal of tasks. A mark names a command of the metadata log that changes queries
// (docs/adr/0157). A node first has to read the metadata up to this command. Only then does it apply the journal's
// entries after the mark, or become the owner of the journal, which may commit. So no node continues with a plan that
// was replaced.
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
