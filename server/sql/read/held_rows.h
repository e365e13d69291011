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

// Record batches by partition, in the form in which the transaction will append them. If a key has
// several records, the last one counts.
using HeldBatches = std::vector<std::string>;

// `rows` are chunks in the input_layout() of `table`. Removes those rows from it whose keys the
// transaction has written, and adds the new rows at the end. Strings of the new rows are views of
// `held`. Fails with InvalidText if a record cannot be read.
Status lay_over(const HeldBatches& held, const engine::DataSource& table,
                const engine::SchemaLookup* schemas, engine::RowsChunks& rows);

}  // namespace server
