// SERIAL columns in a cluster. As in PostgreSQL, such a column has a sequence of its own, whose next number is its
// DEFAULT (docs/adr/0100). The functions are pure.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/uuid.h"
#include "engine/catalog/catalog.h"

namespace engine {

// Returns the name that PostgreSQL gives to the sequence of a SERIAL column, as a text for nextval(): shop.orders_id_seq.
// A `number` above 0 is appended; PostgreSQL does so if the name is in use.
std::string serial_sequence_text(const DataSource& table, const Catalog& catalog,
                                 const std::string& column, int number = 0);

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
