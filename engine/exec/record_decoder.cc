#include "engine/exec/record_decoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "engine/exec/decoder_records.h"
#include "engine/exec/plain_keys.h"
#include "engine/java/time_zone.h"
#include "engine/types/time_math.h"
#include "records/batch.h"

namespace engine {

namespace {

constexpr size_t kNoHeadersSize = 1;  // size of headers that consist of the count only

std::vector<ColumnDef> decoded_columns_of(const Schema& schema, const std::vector<int>& indexes) {
  std::vector<ColumnDef> columns;
  for (const int index : indexes) columns.push_back(schema.columns[static_cast<size_t>(index)]);
  return columns;
}

std::vector<bool> needed_of(const std::vector<bool>& used, const std::vector<int>& indexes) {
  std::vector<bool> needed;
  for (const int index : indexes) needed.push_back(used[static_cast<size_t>(index)]);
  return needed;
}

void append_headers(std::string_view raw, Column& column) {
  records::HeaderReader headers(raw);
  while (const auto header = headers.next()) {
    Column& entries = column.child(0);
    entries.child(0).append_copy(header->key);
    header->value ? entries.child(1).append_copy(*header->value) : entries.child(1).append_null();
    entries.close_struct();
  }
  column.close_list();
}

// Appends the value of the last header with that name.
void append_header(std::string_view raw, std::string_view key, Column& column) {
  records::HeaderReader headers(raw);
  std::optional<std::string_view> found;
  while (const auto header = headers.next())
    if (header->key == key) found = header->value;
  found ? column.append_copy(*found) : column.append_null();
}

std::vector<Column*> pointers(std::vector<Column>& columns, const std::vector<int>& indexes,
                              const std::vector<bool>& used) {
  std::vector<Column*> outs;
  for (const int index : indexes)
    outs.push_back(used[static_cast<size_t>(index)] ? &columns[static_cast<size_t>(index)]
                                                    : nullptr);
  return outs;
}

}  // namespace

RecordDecoder::RecordDecoder(const InputStep& step, const Layout& layout, Options options)
    : step_(step),
      layout_(layout),
      options_(options),
      may_wait_(options.schemas != nullptr && step.exchange < 0 &&
                (names_schema(step.key_format) || names_schema(step.value_format))),
      decoded_(decoded_columns(step)),
      read_(decoded_) {
  for (size_t i = 0; i < step_.schema.columns.size(); ++i) {
    const ColumnDef& column = step_.schema.columns[i];
    const int index = static_cast<int>(i);
    if (column.role == ColumnRole::Key)
      key_columns_.push_back(index);
    else if (column.role == ColumnRole::Value)
      value_columns_.push_back(index);
    else
      header_columns_.push_back(index);
    if (step_.timestamp && column.name == step_.timestamp->column) timestamp_column_ = index;
  }
  exchange_columns_ = {key_columns_, value_columns_};
}

Result<std::unique_ptr<RecordDecoder>> RecordDecoder::make(const InputStep& step,
                                                           const Layout& layout, Options options) {
  std::unique_ptr<RecordDecoder> decoder(new RecordDecoder(step, layout, options));
  const std::vector<ColumnDef> keys = decoded_columns_of(step.schema, decoder->key_columns_);
  if (step.store >= 0 && names_schema(step.key_format)) {
    decoder->key_writer_ = TRY(make_writer(identity_format(step.key_format), keys, Side::Key));
    for (const int index : decoder->key_columns_) decoder->read_[static_cast<size_t>(index)] = true;
  }
  decoder->key_reader_ =
      TRY(make_reader(step.key_format, keys, Side::Key,
                      needed_of(decoder->read_, decoder->key_columns_), options.schemas));
  if (step.exchange < 0)
    decoder->value_reader_ = TRY(make_reader(
        step.value_format, decoded_columns_of(step.schema, decoder->value_columns_), Side::Value,
        needed_of(decoder->decoded_, decoder->value_columns_), options.schemas));
  if (step.timestamp && step.timestamp->format)
    decoder->timestamp_pattern_ = TRY(TimePattern::compile(*step.timestamp->format));
  return decoder;
}

Status RecordDecoder::collect(std::span<const LogBatch> batches, DecodeRange& range,
                              RecordCursor& cursor, Records& out) const {
  out.next = range.from;
  size_t bytes = 0;
  for (const LogBatch& stored : batches) {
    if (stored.last_offset < range.from) continue;
    if (stored.is_hidden) {
      out.next = stored.last_offset + 1;
      cursor.finish();
      continue;
    }
    Result<std::optional<records::RecordReader>> entered = cursor.enter(stored, range.unpack_bytes);
    if (!entered) {
      // the records before the damaged batch are returned first, without the error
      if (out.size() > 0) return {};
      return std::move(entered).error();
    }
    if (!*entered) return {};
    records::RecordReader* const reader = &**entered;
    if (cursor.owner()) out.owners.push_back(cursor.owner());
    cursor.leave(*reader);
    for (records::RecordView record; reader->next(record); cursor.leave(*reader)) {
      const Offset offset = stored.base_offset + record.offset_delta;
      // Only single rows of the format that preceded blocks are decoded here; decode_blocks()
      // decodes the others.
      if (step_.exchange >= 0 && rows_of_exchange_block(record.value.value_or("")) != size_t{0}) {
        out.next = std::max(out.next, offset);
        return {};
      }
      if (offset < range.from) continue;
      if (out.size() == range.max_rows || bytes >= range.max_bytes || offset >= range.end) {
        out.next = offset;
        return {};
      }
      out.keys.push_back(record.key);
      out.values.push_back(record.value);
      out.raw_headers.push_back(record.raw_headers);
      out.has_headers |= record.raw_headers.size() > kNoHeadersSize;
      out.timestamps.push_back(record.timestamp);
      out.offsets.push_back(offset.value());
      bytes += record.key.value_or("").size() + record.value.value_or("").size();
    }
    TRY(reader->status());
    out.next = stored.last_offset + 1;
    cursor.finish();
  }
  return {};
}

Error RecordDecoder::damaged(const Error& error, int32_t partition, Offset offset) const {
  const std::string topic =
      step_.exchange >= 0 ? "an exchange of the query" : fmt::format("topic \"{}\"", step_.topic);
  return Error{ErrorCode::CorruptRecord,
               fmt::format("{}, partition {}: the record batch at offset {} is damaged", topic,
                           partition, offset.value()),
               error.message};
}

Result<DecodedChunk> RecordDecoder::decode(std::span<const LogBatch> batches, int32_t partition,
                                           DecodeRange range, RecordCursor& cursor) {
  if (step_.exchange >= 0) {
    DecodedChunk chunk = TRY(decode_blocks(batches, partition, range, cursor));
    if (chunk.next > range.from) return chunk;
  }
  std::optional<RowProblem> unavailable;
  if (!may_wait_) return decode_records(batches, partition, range, cursor, unavailable);
  // If one of the records needs a schema that is not known yet, decoding stops at that record. The
  // records before it are decoded a second time, without that record. This is rare.
  for (const RecordCursor before = cursor;;) {
    DecodedChunk chunk = TRY(decode_records(batches, partition, range, cursor, unavailable));
    if (!unavailable) return chunk;
    cursor = before;
    if (unavailable->row > 0) {
      range.max_rows = unavailable->row;
      unavailable.reset();
      continue;
    }
    DecodedChunk none{{}, range.from, {}, range.unpack_bytes};
    none.waits_for = std::move(unavailable->message);
    return none;
  }
}

Result<DecodedChunk> RecordDecoder::decode_records(std::span<const LogBatch> batches,
                                                   int32_t partition, DecodeRange range,
                                                   RecordCursor& cursor,
                                                   std::optional<RowProblem>& unavailable) {
  Records records;
  if (const Status read = collect(batches, range, cursor, records); !read)
    return damaged(read.error(), partition, records.next);
  std::vector<bool> keep(records.size(), true);
  DecodedChunk chunk{
      TRY(read_columns(records, partition, keep)), records.next, {}, range.unpack_bytes};
  unavailable = std::move(records.unavailable);
  for (auto& [row, message] : records.failures)
    chunk.failures.push_back({Offset(records.offsets[row]), std::move(message)});
  std::vector<uint32_t> rows;
  for (uint32_t row = 0; row < keep.size(); ++row)
    if (keep[row]) rows.push_back(row);
  if (rows.size() != keep.size()) chunk.batch = chunk.batch.gather(rows);
  return chunk;
}

Result<Batch> RecordDecoder::read_columns(Records& records, int32_t partition,
                                          std::vector<bool>& keep) {
  Batch batch;
  batch.rows = records.size();
  batch.partition = partition;
  batch.offsets = records.offsets;
  if (records.has_headers)
    batch.raw_headers.assign(records.raw_headers.begin(), records.raw_headers.end());
  batch.present = Bitmap(batch.rows, true);
  std::vector<Column> columns;
  columns.reserve(layout_.size());
  for (const LayoutColumn& column : layout_) columns.emplace_back(column.type);

  Column raw_keys(TypeKind::Bytes);
  raw_keys.reserve(batch.rows);
  if (!key_writer_)
    for (const auto& key : records.keys) key ? raw_keys.append(*key) : raw_keys.append_null();
  const std::vector<std::string_view> windows = read_keys(records, columns, keep);
  if (key_writer_) write_keys(columns, windows, raw_keys, records, keep);
  step_.exchange >= 0 ? read_exchange_values(records, columns, keep, batch)
                      : read_values(records, columns, keep, batch);
  if (records.unavailable)
    std::fill(keep.begin() + static_cast<ptrdiff_t>(records.unavailable->row), keep.end(), false);
  for (const int index : header_columns_) {
    const ColumnDef& header = step_.schema.columns[static_cast<size_t>(index)];
    Column& column = columns[static_cast<size_t>(index)];
    for (const std::string_view raw : records.raw_headers)
      header.header_key.empty() ? append_headers(raw, column)
                                : append_header(raw, header.header_key, column);
  }
  TRY(take_timestamps(records, columns, keep, batch));
  if (step_.exchange < 0) fill_system_columns(batch, columns);

  for (size_t i = 0; i < columns.size(); ++i) {
    if (!step_.used[i]) {
      batch.columns.push_back(nullptr);
      continue;
    }
    records.keep_for(columns[i]);
    batch.columns.push_back(std::make_shared<const Column>(std::move(columns[i])));
  }
  records.keep_for(raw_keys);
  batch.columns.push_back(std::make_shared<const Column>(std::move(raw_keys)));
  // The old version of a changed row from an exchange has the key of the new version, so both share
  // the key columns.
  for (size_t i = 0; batch.has_old() && i < key_columns_.size(); ++i)
    batch.old_columns[i] = batch.columns[i];
  return batch;
}

std::vector<std::string_view> RecordDecoder::read_keys(Records& records,
                                                       std::vector<Column>& columns,
                                                       std::vector<bool>& keep) {
  std::vector<std::string_view> windows;
  if (step_.window) windows = split_windowed_keys(records, columns, keep);
  const bool is_table = step_.kind == SourceKind::Table;
  RowStatus status;
  key_reader_->read(records.keys, pointers(columns, key_columns_, read_), status);
  records.take_failures("key", status, keep);
  if (!is_table || step_.exchange >= 0) return windows;
  for (size_t row = 0; row < keep.size(); ++row)
    // a record without a key gives no row, as in Kafka Streams
    if (!records.keys[row]) keep[row] = false;
  return windows;
}

void RecordDecoder::write_keys(const std::vector<Column>& columns,
                               std::span<const std::string_view> windows, Column& raw_keys,
                               Records& records, std::vector<bool>& keep) {
  std::vector<const Column*> keys;
  for (const int index : key_columns_) keys.push_back(&columns[static_cast<size_t>(index)]);
  EncodedRows written;
  key_writer_->write(keys, {0, keep.size()}, nullptr, written);
  for (const RowProblem& problem : written.problems)
    records.fail(problem.row, "key: " + problem.message, keep);
  std::string key;
  for (size_t row = 0; row < keep.size(); ++row) {
    const std::optional<std::string_view> bytes = written[row];
    // A key whose columns are all null counts as a missing key, so the record gives no row.
    if (!bytes) keep[row] = false;
    if (!keep[row]) {
      raw_keys.append_null();
      continue;
    }
    key.assign(*bytes);
    if (!windows.empty()) key += windows[row];
    raw_keys.append_copy(key);
  }
}

std::vector<std::string_view> RecordDecoder::split_windowed_keys(Records& records,
                                                                 std::vector<Column>& columns,
                                                                 std::vector<bool>& keep) {
  std::vector<std::string_view> windows(keep.size());
  const size_t suffix = window_suffix_size(*step_.window);
  const size_t first_bound =
      step_.schema.columns.size() + 3;  // after ROWTIME, ROWPARTITION, ROWOFFSET
  for (size_t row = 0; row < keep.size(); ++row) {
    std::optional<std::string_view>& key = records.keys[row];
    if (!key || key->size() < suffix) {
      if (key) records.fail(row, "key: it does not end in a window", keep);
      keep[row] = false;
      key = std::nullopt;
      columns[first_bound].append_null();
      columns[first_bound + 1].append_null();
      continue;
    }
    const char* bounds = key->data() + key->size() - suffix;
    windows[row] = {bounds, suffix};
    const bool is_session = step_.window->type == WindowType::Session;
    const int64_t start = load_be<int64_t>(is_session ? bounds + 8 : bounds);
    columns[first_bound].append(start);
    columns[first_bound + 1].append(is_session
                                        ? load_be<int64_t>(bounds)
                                        : saturating_add(start, step_.window->size_ms.value_or(0)));
    key->remove_suffix(suffix);
  }
  return windows;
}

void RecordDecoder::read_values(Records& records, std::vector<Column>& columns,
                                std::vector<bool>& keep, Batch& batch) {
  RowStatus status;
  value_reader_->read(records.values, pointers(columns, value_columns_, decoded_), status);
  records.take_failures("value", status, keep);
  for (size_t row = 0; row < keep.size(); ++row)
    if (status.states[row] == RowState::Null) batch.present.clear(row);
}

void RecordDecoder::fill_system_columns(const Batch& batch, std::vector<Column>& columns) const {
  const size_t first = step_.schema.columns.size();
  for (size_t row = 0; row < batch.rows; ++row) {
    if (step_.used[first]) columns[first].append(batch.timestamps[row]);
    if (step_.used[first + 1]) columns[first + 1].append(batch.partition);
    if (step_.used[first + 2]) columns[first + 2].append(batch.offsets[row]);
  }
}

std::optional<int64_t> RecordDecoder::timestamp_of(const Column& column, size_t row,
                                                   std::string_view& problem) const {
  problem = "the TIMESTAMP column is null";
  if (column.is_null(row)) return std::nullopt;
  constexpr std::string_view kNegative = "the TIMESTAMP column holds a time before 1970";
  if (column.type().kind() != TypeKind::String) {
    problem = kNegative;
    return column.data<int64_t>()[row];
  }
  problem = "the TIMESTAMP column does not match TIMESTAMP_FORMAT";
  const Result<int64_t> parsed =
      timestamp_pattern_->parse_timestamp(column.data<std::string_view>()[row], TimeZone::utc());
  if (!parsed) return std::nullopt;
  problem = kNegative;
  return *parsed;
}

Status RecordDecoder::take_timestamps(Records& records, const std::vector<Column>& columns,
                                      std::vector<bool>& keep, Batch& batch) {
  batch.timestamps = records.timestamps;
  for (size_t row = 0; row < keep.size(); ++row) {
    if (!keep[row]) continue;
    std::string_view problem = "the record's time is before 1970";
    std::optional<int64_t> timestamp = records.timestamps[row];
    if (timestamp_column_ >= 0 &&
        batch.present.test(row))  // a delete has no columns, so its record's own time counts
      timestamp = timestamp_of(columns[static_cast<size_t>(timestamp_column_)], row, problem);
    if (timestamp && *timestamp >= 0) {
      batch.timestamps[row] = *timestamp;
      continue;
    }
    if (options_.fails_on_invalid_times)
      return Error{.code = ErrorCode::InvalidTimestamp,
                   .message = std::string(problem),
                   .ksqldb = "Fatal user code error in TimestampExtractor callback for record"};
    records.fail(row, fmt::format("timestamp: {}", problem), keep);
  }
  return {};
}

Status RecordDecoder::read_stored_keys(std::span<const std::string_view> keys,
                                       std::vector<Column>& columns) {
  const auto plain =
      step_.window || step_.exchange >= 0
          ? std::nullopt
          : PlainKeys::of(step_.key_format, decoded_columns_of(step_.schema, key_columns_));
  if (plain && plain->read(keys, pointers(columns, key_columns_, read_))) return {};
  Records records;
  records.keys.assign(keys.begin(), keys.end());
  std::vector<bool> keep(keys.size(), true);
  if (step_.window) split_windowed_keys(records, columns, keep);
  RowStatus status;
  key_reader_->read(records.keys, pointers(columns, key_columns_, read_), status);
  if (status.errors == 0) return {};
  return Error{ErrorCode::CorruptRecord, "a stored key cannot be read",
               status.problems.front().message};
}

}  // namespace engine
