// SERIAL columns in a cluster. As in PostgreSQL, such a column has a sequence of its own, whose next number is its
// DEFAULT (docs/adr/0100). The functions are pure.
#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "base/uuid.h"
#include "engine/catalog/catalog.h"

namespace engine {

struct NumberedTable {
  // its SERIAL columns have become plain integer columns with a DEFAULT
  std::shared_ptr<const DataSource> table;
  std::vector<Sequence> made = {};  // for columns that had no sequence; start at 1
};
// Returns the table with a sequence as the DEFAULT of each SERIAL column. A table without such a column is returned
// unchanged.
NumberedTable with_own_sequences(std::shared_ptr<const DataSource> table, const Catalog& catalog,
                                 const std::function<Uuid()>& new_id);

}  // namespace engine
