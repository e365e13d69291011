// Turns the text of a view's SELECT, which the metadata log keeps, into the syntax tree that statements read.
#pragma once
#include "base/result.h"
#include "engine/catalog/view.h"

namespace server {

// Sets `query` from `sql`, with the present names of relations from `renames`. If the text cannot be parsed, `query` is
// null, `unreadable` has the reason, and the error is returned.
Status parse_view(engine::View& view);

}  // namespace server
