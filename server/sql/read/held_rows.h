// Merges the rows that a transaction has written to a table into the committed rows, so that the
// transaction's own statements see them.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "engine/catalog/catalog.h"
#include "engine/formats/format.h"
#include "engine/query/rows_run.h"

namespace server {

// Record batches in the form in which they will be appended, by partition. A later record of a key
// replaces an earlier one.
using HeldBatches = std::vector<std::string>;

// Removes from `rows` (chunks of the input_layout() of `table`) the rows whose keys the transaction
// has written, and adds the new rows at the end. Strings of the new rows are views of `held`. Fails
// with InvalidText if a record cannot be read.
Status lay_over(const HeldBatches& held, const engine::DataSource& table,
                const engine::SchemaLookup* schemas, engine::RowsChunks& rows);

}  // namespace server
