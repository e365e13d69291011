// What a transaction has written to a table, laid over the rows that are committed: its own statements see it.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "engine/catalog/catalog.h"
#include "engine/formats/format.h"
#include "engine/query/rows_run.h"

namespace server {

// Record batches as they will be appended, by partition. A later record of a key replaces an earlier one.
using HeldBatches = std::vector<std::string>;

// The rows of `table` in chunks of its input_layout(): those whose keys were written go, and what was written comes
// behind the others. Strings of the new rows are views of `held`. Fails with InvalidText where a record cannot be
// read.
Status lay_over(const HeldBatches& held, const engine::DataSource& table,
                const engine::SchemaLookup* schemas, engine::RowsChunks& rows);

}  // namespace server
