// In a cluster a SERIAL column works as in PostgreSQL: it has its own sequence, whose next number is its DEFAULT
// (docs/adr/0100). Pure functions.
#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "base/uuid.h"
#include "engine/catalog/catalog.h"

namespace engine {

struct NumberedTable {
  std::shared_ptr<const DataSource> table;  // without columns with a counter of their own
  std::vector<Sequence> made = {};          // for columns that had no sequence: owned by them, starting at 1
};
// Returns the table unchanged if it has no such column.
NumberedTable with_own_sequences(std::shared_ptr<const DataSource> table, const Catalog& catalog,
                                 const std::function<Uuid()>& new_id);

}  // namespace engine
