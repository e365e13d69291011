// In a cluster a SERIAL column has what PostgreSQL gives it: a sequence of its own, whose next number is its DEFAULT
// (docs/adr/0100). Pure.
#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "base/uuid.h"
#include "engine/catalog/catalog.h"

namespace engine {

struct NumberedTable {
  std::shared_ptr<const DataSource> table;  // without columns that count by themselves
  std::vector<Sequence> made = {};          // for those that had none: owned by them, from 1 on
};
// The table as it was where it has no such column.
NumberedTable with_own_sequences(std::shared_ptr<const DataSource> table, const Catalog& catalog,
                                 const std::function<Uuid()>& new_id);

}  // namespace engine
