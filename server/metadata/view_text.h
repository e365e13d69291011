// The SELECT of a view: from the text that the metadata log keeps to the syntax tree that statements read.
#pragma once
#include "base/result.h"
#include "engine/catalog/view.h"

namespace server {

// Sets `query` from `sql`, with the names that `renames` gives to relations; where the text cannot be parsed, `query` is null,
// `unreadable` has the reason, and the error is returned.
Status parse_view(engine::View& view);

}  // namespace server
