// Fuzz target: blocks of rows between two stages of a query. A block that can be decoded must not change when it is
// encoded again. The first byte chooses the columns, and whether the block has changes of a table.
#include <cassert>
#include <numeric>

#include "engine/exec/exchange_block.h"
#include "engine/exec/exchange_progress.h"
#include "tests/fuzz/every_type.h"

using namespace fuzz;

namespace {

engine::ExchangeRows empty_rows(const std::vector<ColumnDef>& defs, bool is_table) {
  engine::ExchangeRows rows;
  for (const ColumnDef& def : defs) rows.columns.emplace_back(def.type);
  if (is_table)
    for (const ColumnDef& def : defs) rows.old_columns.emplace_back(def.type);
  return rows;
}

engine::Batch batch_of(engine::ExchangeRows& rows, const engine::ExchangeColumns& columns) {
  engine::Batch batch;
  batch.rows = rows.size();
  batch.timestamps = rows.timestamps;
  batch.raw_headers = rows.raw_headers;
  batch.present = rows.present;
  batch.old_present = rows.old_present;
  for (const Column& column : rows.columns)
    batch.columns.push_back(std::make_shared<const Column>(column.clone()));
  for (const Column& column : rows.old_columns)
    batch.old_columns.push_back(std::make_shared<const Column>(column.clone()));
  for (const int key : columns.keys)
    if (batch.has_old())
      batch.old_columns[static_cast<size_t>(key)] = batch.columns[static_cast<size_t>(key)];
  return batch;
}

void check(const std::vector<ColumnDef>& defs, bool is_table, std::string_view bytes) {
  const ExactBytes exact(bytes);
  if (const auto progress = engine::decode_progress(exact.view()))
    assert(*engine::decode_progress(engine::encode_progress(*progress)) == *progress);
  engine::ExchangeColumns columns{{0}, {}};
  for (size_t i = 1; i < defs.size(); ++i) columns.values.push_back(static_cast<int>(i));
  engine::ExchangeRows rows = empty_rows(defs, is_table);
  if (!engine::decode_exchange_block(exact.view(), columns, rows)) return;
  assert(rows.size() == engine::rows_of_exchange_block(exact.view()));
  engine::Batch batch = batch_of(rows, columns);
  std::vector<uint32_t> all(rows.size());
  std::iota(all.begin(), all.end(), 0U);
  batch.offsets = rows.merge.source_offsets;
  std::vector<int64_t> order_times = rows.merge.order_times;
  if (order_times.empty() && !batch.offsets.empty()) order_times = rows.timestamps;
  std::string encoded;
  engine::encode_exchange_block(batch, rows.keys, columns, order_times, all, encoded);
  engine::ExchangeRows again = empty_rows(defs, is_table);
  const Status decoded = engine::decode_exchange_block(encoded, columns, again);
  assert(decoded);
  assert(again.timestamps == rows.timestamps);
  assert(again.merge.source_offsets == rows.merge.source_offsets);
  for (size_t i = 0; i < defs.size(); ++i)
    for (size_t row = 0; row < rows.size(); ++row)
      assert(rows.columns[i].same(row, again.columns[i], row));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  static const std::vector<ColumnDef> kColumns = every_column();
  const size_t choice = data[0] / 2 % (kColumns.size() + 1);
  const ColumnDef key{"K", TypeKind::String};
  auto defs = choice == kColumns.size() ? kColumns : std::vector{key, kColumns[choice]};
  check(defs, data[0] % 2 == 1, bytes);
  return 0;
}
