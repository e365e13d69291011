#include "server/sql/read/held_rows.h"

#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "records/batch.h"
#include "server/sql/write/written_rows.h"

namespace server {

namespace {

struct HeldRecord {
  size_t place;  // position among all written records
  int64_t timestamp;
  std::optional<std::string_view> value;  // not set for a deletion
};
using ByKey = absl::flat_hash_map<std::string_view, HeldRecord>;
struct Written {
  std::string_view key;
  HeldRecord record;
};

Error unreadable(const engine::DataSource& table, std::string_view why) {
  return {ErrorCode::InvalidText,
          fmt::format("cannot read what the transaction wrote to {}: {}", table.name, why)};
}

Result<ByKey> last_of_each_key(const HeldBatches& held, const engine::DataSource& table) {
  ByKey records;
  size_t place = 0;
  for (const std::string& batches : held)
    for (std::string_view left = batches; !left.empty();) {
      const auto batch = TRY(records::parse_batch(left, records::BatchCheck::Shape));
      // only for compressed batches; the batches of a transaction are not compressed
      std::string scratch;
      auto reader = TRY(records::RecordReader::open(batch, scratch));
      for (records::RecordView record; reader.next(record);) {
        if (!record.key) return unreadable(table, "a row has no key");
        records.insert_or_assign(*record.key, HeldRecord{place++, record.timestamp, record.value});
      }
      left.remove_prefix(batch.bytes.size());
    }
  return records;
}

struct Columns {
  std::vector<engine::ColumnDef> definitions;
  std::vector<size_t> places;  // positions of the given columns in the schema
};
Columns columns_of(const engine::DataSource& table, engine::ColumnRole role) {
  Columns columns;
  for (size_t i = 0; i < table.schema.columns.size(); ++i) {
    if (table.schema.columns[i].role != role) continue;
    columns.definitions.push_back(table.schema.columns[i]);
    columns.places.push_back(i);
  }
  return columns;
}

Status remove_written(const ByKey& written, const engine::DataSource& table, const Columns& keys,
                      engine::RowsChunks& rows) {
  const auto writer =
      TRY(engine::make_writer(table.key_format, keys.definitions, engine::Side::Key));
  for (engine::RowsChunk& chunk : rows) {
    std::vector<const engine::Column*> columns;
    for (const size_t place : keys.places) columns.push_back(chunk.columns[place].get());
    engine::EncodedRows encoded;
    writer->write(columns, {0, chunk.rows}, nullptr, encoded);
    std::vector<uint32_t> kept;
    for (uint32_t row = 0; row < chunk.rows; ++row)
      if (!encoded[row] || !written.contains(*encoded[row])) kept.push_back(row);
    if (kept.size() == chunk.rows) continue;
    engine::Batch batch;
    batch.rows = chunk.rows;
    batch.columns = std::move(chunk.columns);
    batch.timestamps.resize(batch.rows);
    batch.offsets.resize(batch.rows);
    batch.present = engine::Bitmap(batch.rows, true);
    batch = batch.gather(kept);
    chunk = {batch.rows, std::move(batch.columns)};
  }
  return {};
}

Status read_side(const engine::DataSource& table, const Columns& columns, engine::Side side,
                 const engine::SchemaLookup* schemas,
                 const std::vector<std::optional<std::string_view>>& payloads,
                 std::vector<engine::ColumnPtr>& out) {
  const engine::FormatSpec& format =
      side == engine::Side::Key ? table.key_format : table.value_format;
  const auto reader = TRY(engine::make_reader(format, columns.definitions, side, {}, schemas));
  std::vector<std::shared_ptr<engine::Column>> read;
  std::vector<engine::Column*> outs;
  for (const engine::ColumnDef& column : columns.definitions) {
    read.push_back(std::make_shared<engine::Column>(column.type));
    outs.push_back(read.back().get());
  }
  engine::RowStatus status;
  reader->read(payloads, outs, status);
  if (status.errors > 0) return unreadable(table, status.problems.front().message);
  for (size_t i = 0; i < read.size(); ++i) out[columns.places[i]] = std::move(read[i]);
  return {};
}

Result<engine::RowsChunk> rows_of(const std::vector<Written>& written,
                                  const engine::DataSource& table, const Columns& keys,
                                  const engine::SchemaLookup* schemas) {
  const size_t rows = written.size();
  const size_t width = table.schema.columns.size();
  std::vector<engine::ColumnPtr> columns(width);
  std::vector<std::optional<std::string_view>> key_bytes, value_bytes;
  auto times = std::make_shared<engine::Column>(engine::TypeKind::Bigint);
  for (const Written& row : written) {
    key_bytes.emplace_back(row.key);
    value_bytes.push_back(row.record.value);
    times->append(row.record.timestamp);
  }
  TRY(read_side(table, keys, engine::Side::Key, schemas, key_bytes, columns));
  TRY(read_side(table, columns_of(table, engine::ColumnRole::Value), engine::Side::Value, schemas,
                value_bytes, columns));
  for (size_t i = 0; i < width; ++i)  // header columns are NULL
    if (!columns[i])
      columns[i] = engine::constant_column(table.schema.columns[i].type, engine::Value(), rows);
  // The remaining columns of input_layout() are null: the records have no partition and offset
  // before the transaction is committed.
  columns.push_back(std::move(times));
  columns.push_back(engine::constant_column(engine::TypeKind::Integer, engine::Value(), rows));
  columns.push_back(engine::constant_column(engine::TypeKind::Bigint, engine::Value(), rows));
  return engine::RowsChunk{rows, std::move(columns)};
}

}  // namespace

Status lay_over(const HeldBatches& held, const engine::DataSource& table,
                const engine::SchemaLookup* schemas, engine::RowsChunks& rows) {
  const ByKey records = TRY(last_of_each_key(held, table));
  const Columns keys = columns_of(table, engine::ColumnRole::Key);
  TRY(remove_written(records, table, keys, rows));
  std::vector<Written> written;
  for (const auto& [key, record] : records)
    if (record.value) written.push_back({key, record});
  if (written.empty()) return {};
  std::ranges::sort(written, {}, [](const Written& each) { return each.record.place; });
  rows.push_back(TRY(rows_of(written, table, keys, schemas)));
  return {};
}

}  // namespace server
