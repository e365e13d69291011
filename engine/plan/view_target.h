// Refuses statements that change a view as if it were a table. A view has no rows of its own.
#pragma once
#include <cstdint>
#include <optional>

#include "base/result.h"
#include "engine/catalog/catalog.h"

namespace engine {

// The change that a statement asks for. Alter: any statement about the definition of a table.
enum class ViewChange : uint8_t { Insert, Update, Delete, Copy, Truncate, Alter };

// Returns the view with this name, or null. Tries the same spellings of the name as find_source(), in the same
// order.
const View* view_named(const Name& name, const Catalog& catalog, bool fold_quoted_names);

// Returns PostgreSQL's error for a change of the view with this name, with a hint that names the
// streams and tables that the view reads; nothing if no view has this name. Callers call it when no
// stream or table has the name. As in FROM, a quoted name also finds the view whose name is in
// upper case, and a name without quotes the view in lower case.
std::optional<Error> refuse_view(const Name& name, TextPosition at, ViewChange change,
                                 const Catalog& catalog);

// Returns the error of a statement whose target is neither a stream nor a table. If it is a view,
// the error is that of refuse_view(). Its hint names a similar relation (VisibleNamesInUse).
Error no_such_relation(const Name& name, TextPosition at, ViewChange change,
                       const Catalog& catalog);

}  // namespace engine
