// Decodes the records of an exchange, which are blocks of rows, or single rows if an older version wrote them.
#include <algorithm>
#include <utility>

#include "engine/exec/decoder_records.h"
#include "engine/exec/exchange_block.h"
#include "engine/exec/exchange_codec.h"
#include "engine/exec/record_decoder.h"

namespace engine {

ExchangeRows RecordDecoder::no_exchange_rows() const {
  ExchangeRows rows;
  for (const LayoutColumn& column : layout_) rows.columns.emplace_back(column.type);
  if (step_.kind == SourceKind::Table)
    for (const LayoutColumn& column : layout_) rows.old_columns.emplace_back(column.type);
  return rows;
}

// Decodes records that are blocks; the contract is that of decode(). All rows of a block are
// decoded. Rows outside `range` are dropped, and a later call that needs them decodes the block
// again. Returns an empty chunk if the first record is not a block.
Result<DecodedChunk> RecordDecoder::decode_blocks(std::span<const LogBatch> batches,
                                                  int32_t partition, const DecodeRange& range,
                                                  RecordCursor& cursor) {
  DecodedChunk chunk{{}, range.from, {}, range.unpack_bytes};
  ExchangeRows rows = no_exchange_rows();
  std::vector<int64_t> offsets;
  std::vector<uint32_t> asked_for;  // indexes of the rows in the range
  size_t bytes = 0;
  std::optional<Offset> damaged_from;
  // Rows before a damaged batch or block are returned first; the next call reports the damage.
  const auto fail = [&](const Error& error) -> Status {
    if (!asked_for.empty()) return {};
    return damaged(error, partition, chunk.next);
  };
  const auto take_blocks = [&]() -> Status {
    for (const LogBatch& stored : batches) {
      if (stored.last_offset < range.from) continue;
      // Batches of exchanges are not compressed, so none of this limit is used.
      size_t unpack_bytes = range.unpack_bytes;
      Result<std::optional<records::RecordReader>> entered = cursor.enter(stored, unpack_bytes);
      if (!entered) return fail(entered.error());
      if (!*entered) return {};
      records::RecordReader* const reader = &**entered;
      for (records::RecordView record; reader->next(record); cursor.leave(*reader)) {
        const std::string_view block = record.value.value_or("");
        const Result<size_t> row_count = rows_of_exchange_block(block);
        if (!row_count) return fail(row_count.error());
        if (*row_count == 0) return {};
        const Offset first = stored.base_offset + record.offset_delta;
        const Offset end = first + static_cast<int64_t>(*row_count);
        if (end <= range.from) continue;
        const bool is_full =
            asked_for.size() + *row_count > range.max_rows || bytes >= range.max_bytes;
        if (first >= range.end || (is_full && !asked_for.empty())) return {};
        if (const Status decoded = decode_exchange_block(block, exchange_columns_, rows);
            !decoded) {
          damaged_from = first;
          return fail(decoded.error());
        }
        bytes += block.size();
        for (Offset offset = first; offset < end; offset = offset + 1) {
          offsets.push_back(offset.value());
          if (offset < range.from) continue;
          if (offset >= range.end) continue;
          if (asked_for.size() >= range.max_rows && !range.whole_blocks) continue;
          asked_for.push_back(static_cast<uint32_t>(offsets.size() - 1));
          chunk.next = offset + 1;
        }
        if (chunk.next < end) return {};
      }
      if (const Status read = reader->status(); !read) return fail(read.error());
      chunk.next = stored.last_offset + 1;
      cursor.finish();
    }
    return {};
  };
  TRY(take_blocks());
  if (asked_for.empty()) return chunk;
  if (damaged_from) {  // `rows` contains a part of the damaged block
    cursor.finish();
    DecodeRange before = range;
    before.end = *damaged_from;
    return decode_blocks(batches, partition, before, cursor);
  }
  const size_t decoded = rows.size();
  chunk.merge = std::move(rows.merge);
  chunk.batch = batch_of(std::move(rows), partition);
  chunk.batch.offsets = std::move(offsets);
  if (asked_for.size() == decoded) return chunk;
  chunk.batch = chunk.batch.gather(asked_for);
  for (std::vector<int64_t>* each : {&chunk.merge.order_times, &chunk.merge.source_offsets}) {
    if (each->empty()) continue;
    for (size_t i = 0; i < asked_for.size(); ++i)  // each entry is read before it is overwritten
      (*each)[i] = (*each)[asked_for[i]];
    each->resize(asked_for.size());
  }
  return chunk;
}

Batch RecordDecoder::batch_of(ExchangeRows rows, int32_t partition) const {
  Batch batch;
  batch.rows = rows.size();
  batch.partition = partition;
  batch.timestamps = std::move(rows.timestamps);
  batch.present = std::move(rows.present);
  batch.raw_headers = std::move(rows.raw_headers);
  batch.old_present = std::move(rows.old_present);
  for (Column& column : rows.columns)
    batch.columns.push_back(std::make_shared<const Column>(std::move(column)));
  for (Column& column : rows.old_columns)
    batch.old_columns.push_back(std::make_shared<const Column>(std::move(column)));
  // The old version of a changed row has the key of the new version, so both share the key columns.
  for (const int index : key_columns_)
    if (batch.has_old())
      batch.old_columns[static_cast<size_t>(index)] = batch.columns[static_cast<size_t>(index)];
  batch.columns.push_back(std::make_shared<const Column>(std::move(rows.keys)));
  return batch;
}

// Decodes rows in the format that preceded blocks.
void RecordDecoder::read_exchange_values(Records& records, std::vector<Column>& columns,
                                         std::vector<bool>& keep, Batch& batch) {
  std::vector<Column*> now;
  for (const int index : value_columns_) now.push_back(&columns[static_cast<size_t>(index)]);
  const bool is_table = step_.kind == SourceKind::Table;
  std::vector<Column> old_columns;
  std::vector<Column*> old;
  if (is_table) {
    for (const LayoutColumn& column : layout_) old_columns.emplace_back(column.type);
    for (const int index : value_columns_) old.push_back(&old_columns[static_cast<size_t>(index)]);
    batch.old_present = Bitmap(batch.rows, false);
  }
  const auto read_side = [](bool is_there, std::string_view row, std::span<Column* const> outs) {
    if (is_there && decode_row(row, outs, RowStrings::View)) return true;
    for (Column* column : outs) column->append_null();
    return !is_there;
  };
  for (size_t row = 0; row < records.size(); ++row) {
    const auto value =
        records.values[row] ? decode_exchange_value(*records.values[row]) : std::nullopt;
    // The checksum of the value is correct, and this server has written the value, so it should be decodable. If it
    // is not decodable, the row is left out and reported.
    bool fine = value.has_value();
    const ExchangeValue change = value.value_or(ExchangeValue{});
    fine &= read_side(change.has_new, change.new_row, now);
    if (!change.has_new) batch.present.clear(row);
    if (is_table) {
      fine &= read_side(change.has_old, change.old_row, old);
      if (change.has_old) batch.old_present.set(row);
    }
    if (!fine) records.fail(row, "a record between two stages is damaged", keep);
  }
  for (Column& column : old_columns) {
    records.keep_for(column);
    batch.old_columns.push_back(std::make_shared<const Column>(std::move(column)));
  }
}

}  // namespace engine
