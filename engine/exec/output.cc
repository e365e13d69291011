#include "engine/exec/output.h"

#include <absl/container/flat_hash_set.h>
#include <absl/hash/hash.h>
#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <utility>

#include "engine/exec/exchange_progress.h"
#include "engine/java/time_zone.h"
#include "engine/types/row_size.h"
#include "records/partitioner.h"

namespace engine {

namespace {

void split_columns(const Schema& schema, std::vector<int>& keys, std::vector<int>& values) {
  for (size_t i = 0; i < schema.columns.size(); ++i)
    (schema.columns[i].role == ColumnRole::Key ? keys : values).push_back(static_cast<int>(i));
}

std::vector<ColumnDef> columns_of(const Schema& schema, const std::vector<int>& indexes) {
  std::vector<ColumnDef> columns;
  for (const int index : indexes) {
    columns.push_back(schema.columns[static_cast<size_t>(index)]);
    if (columns.back().role == ColumnRole::Headers)
      columns.back().role = ColumnRole::Value;  // a selected headers column is a value
  }
  return columns;
}

std::vector<const Column*> pick(const std::vector<ColumnPtr>& columns,
                                const std::vector<int>& indexes) {
  std::vector<const Column*> picked;
  for (const int index : indexes) picked.push_back(columns[static_cast<size_t>(index)].get());
  return picked;
}

Error unwritable(std::string_view side, const RowProblem& problem, const Batch& batch) {
  return Error{
      ErrorCode::InvalidText,
      fmt::format("cannot write the {} of a result: {}", side, problem.message),
      fmt::format("Caused by the record at partition {}, offset {}. Exception caught in process.",
                  batch.partition, batch.offsets[problem.row])};
}

PartitionId partition_of(std::optional<std::string_view> key, int32_t source_partition,
                         int32_t partitions) {
  if (key) return records::partition_for_key(*key, partitions);
  return PartitionId(source_partition % partitions);
}

std::vector<records::RecordHeader> headers_of(const Batch& batch, size_t row) {
  std::vector<records::RecordHeader> headers;
  if (batch.raw_headers.empty()) return headers;
  records::HeaderReader reader(batch.raw_headers[row]);
  while (const auto header = reader.next()) headers.push_back({header->key, header->value});
  return headers;
}

// Returns the encoded keys from index `first` on as a column.
Column column_of(const EncodedRows& encoded, size_t first) {
  Column column(TypeKind::Bytes);
  column.reserve(first + encoded.size());
  column.resize(first);
  for (size_t i = 0; i < encoded.size(); ++i) {
    const std::optional<std::string_view> bytes = encoded[i];
    bytes ? column.append(*bytes) : column.append_null();
  }
  return column;
}

// Rows grouped by their target partition; the rows of one partition keep their order.
struct RowsByPartition {
  std::vector<uint32_t> rows;

  RowsByPartition(std::span<const int32_t> partition, RowRange range, int32_t partitions)
      : rows(range.end - range.first) {
    std::vector<uint32_t> next(static_cast<size_t>(partitions) + 1);
    for (size_t row = range.first; row < range.end; ++row)
      ++next[static_cast<size_t>(partition[row]) + 1];
    for (size_t i = 1; i < next.size(); ++i) next[i] += next[i - 1];
    for (size_t row = range.first; row < range.end; ++row)
      rows[next[static_cast<size_t>(partition[row])]++] = static_cast<uint32_t>(row);
  }
  // Returns the rows from index `first` on that have the same partition as the first of them.
  std::span<const uint32_t> of_one(std::span<const int32_t> partition, size_t first) const {
    size_t end = first + 1;
    while (end < rows.size() && partition[rows[end]] == partition[rows[first]]) ++end;
    return std::span(rows).subspan(first, end - first);
  }
};

// Limit for a batch, with its header. Consumers and brokers take batches of a megabyte by default
// (max.message.bytes).
constexpr size_t kMaxBatchBytes = 1'000'000;
// Bytes of a record in addition to its key, value and headers: lengths and deltas. (The headers are those of the
// source.)
constexpr size_t kRecordOverhead = 64;

}  // namespace

// ---- record batches

LogOutput::LogOutput(TaskContext& context, const OutputPlan& plan, OutputTarget target)
    : Operator(context), target_(target) {
  for (const ColumnDef& column : plan.schema.columns) name_bytes_ += column.name.size();
}

Status LogOutput::process(Batch batch, size_t) {
  assert(!has_rest());
  rest_ = std::move(batch);
  row_ = 0;
  return resume();
}

Status LogOutput::resume() {
  const size_t first = row_;
  const std::vector<size_t> bytes = bytes_of_rest();
  while (row_ < rest_.rows) {
    RowRange range{row_, row_};
    size_t left = context().slice.block_bytes();
    for (; range.end < rest_.rows && left > 0; ++range.end) {
      const size_t next = bytes[range.end - first];
      if (next > kMaxValueBytes || (next > left && range.end > range.first)) break;
      left -= std::min(left, next);
    }
    if (range.end > range.first) {
      TRY(write(rest_, range));
    } else {
      refuse(rest_, row_, bytes[row_ - first]);
      ++range.end;
    }
    row_ = range.end;
    if (context().slice.is_spent()) break;
  }
  if (row_ == rest_.rows) rest_ = {};
  return {};
}

std::vector<size_t> LogOutput::bytes_of_rest() const {
  std::vector<size_t> bytes(rest_.rows - row_, name_bytes_);
  for (const std::vector<ColumnPtr>* side : {&rest_.columns, &rest_.old_columns})
    for (const ColumnPtr& column : *side)
      if (column) add_row_bytes(*column, row_, bytes);
  if (!rest_.raw_headers.empty())
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] += rest_.raw_headers[row_ + i].size();
  return bytes;
}

void LogOutput::visit_rest(const VisitRecord& visit) const {
  for (size_t row = row_; row < rest_.rows; ++row)
    visit(rest_.partition_of(row), rest_.offsets[row]);
}

void LogOutput::own_rest() {
  if (!has_rest()) return;
  rest_ = rest_.owned(row_);
  row_ = 0;
}

void LogOutput::refuse(const Batch& batch, size_t row, size_t bytes) {
  context().log.record_failed(
      Error{ErrorCode::LimitExceeded,
            fmt::format("a result would have about {} bytes, and at most {} are allowed", bytes,
                        kMaxValueBytes)},
      batch.partition_of(row), batch.offsets[row]);
}

void LogOutput::append(PartitionId partition, int64_t timestamp,
                       std::optional<std::string_view> key, std::optional<std::string_view> value,
                       const Batch& batch, size_t row) {
  const size_t size = (key ? key->size() : 0) + (value ? value->size() : 0) + kRecordOverhead +
                      (batch.raw_headers.empty() ? 0 : batch.raw_headers[row].size());
  if (size > kMaxValueBytes) return refuse(batch, row, size);
  builder_for(partition, size).append(timestamp, key, value, headers_of(batch, row));
  context().slice.spend_bytes(size);
}

void LogOutput::append_block(PartitionId partition, std::string_view block, const Batch& batch,
                             std::span<const uint32_t> rows) {
  const size_t size = block.size() + kRecordOverhead;
  // resume() divides larger blocks, so only a block with a single row can be this large.
  if (size > kMaxValueBytes) return refuse(batch, rows.front(), size);
  builder_for(partition, size)
      .append_block(batch.timestamps[rows.front()], block, static_cast<int32_t>(rows.size()));
  context().slice.spend_bytes(size);
}

void LogOutput::append_progress(std::string_view value) {
  assert(target_.is_time_ordered);
  builders_[target_.partitions].append(0, std::nullopt, value);
}

records::BatchBuilder& LogOutput::builder_for(PartitionId partition, size_t record_bytes) {
  assert(partition.value() >= 0 && partition.value() < target_.partitions);
  records::BatchBuilder& builder = builders_[partition.value()];
  if (!builder.empty() && builder.size_bytes() + record_bytes > kMaxBatchBytes)
    finish(partition.value(), builder);
  return builder;
}

void LogOutput::finish(int32_t partition, records::BatchBuilder& builder) {
  const PartitionRef to{target_.topic, PartitionId(target_.first_partition + partition)};
  OutputSequences* const sequences = context().sequences;
  const records::ProducerStamp stamp =
      sequences ? sequences->stamp(to, builder.offset_count()) : records::ProducerStamp{};
  finished_.push_back({to, builder.finish(records::Codec::None, stamp)});
}

void LogOutput::take(std::vector<OutputBatch>& out) {
  for (auto& [partition, builder] : builders_)
    if (!builder.empty()) finish(partition, builder);
  builders_.clear();
  for (OutputBatch& batch : std::exchange(finished_, {})) out.push_back(std::move(batch));
}

// ---- topics

TopicOutput::TopicOutput(TaskContext& context, const OutputPlan& plan, OutputTarget target)
    : LogOutput(context, plan, target), plan_(plan) {
  split_columns(plan_.schema, key_columns_, value_columns_);
}

Result<std::unique_ptr<TopicOutput>> TopicOutput::make(TaskContext& context, const OutputPlan& plan,
                                                       OutputTarget target) {
  std::unique_ptr<TopicOutput> output(new TopicOutput(context, plan, target));
  output->key_writer_ =
      TRY(make_writer(plan.key_format, columns_of(plan.schema, output->key_columns_), Side::Key));
  output->value_writer_ = TRY(
      make_writer(plan.value_format, columns_of(plan.schema, output->value_columns_), Side::Value));
  if (plan.timestamp_format)
    output->timestamp_pattern_ = TRY(TimePattern::compile(*plan.timestamp_format));
  return output;
}

// Writes the new rows only: a topic does not store the old version of a row.
Status TopicOutput::process(Batch batch, size_t port) {
  batch.old_columns.clear();
  batch.old_present = {};
  return LogOutput::process(std::move(batch), port);
}

Status TopicOutput::write(const Batch& batch, RowRange range) {
  EncodedRows keys, values;
  const Bitmap all(batch.rows, true);
  key_writer_->write(pick(batch.columns, key_columns_), range, plan_.key_is_made ? &all : nullptr,
                     keys);
  if (!keys.problems.empty()) return unwritable("key", keys.problems.front(), batch);
  value_writer_->write(pick(batch.columns, value_columns_), range, &batch.present, values);
  if (!values.problems.empty()) return unwritable("value", values.problems.front(), batch);
  for (const uint32_t row : chosen_rows(batch, range, keys)) {
    const size_t at = row - range.first;
    std::optional<std::string_view> key = keys[at];
    const auto keyless = plan_.spreads_keyless
                             ? static_cast<int32_t>(batch.offsets[row] % partitions())
                             : batch.partition_of(row);
    const PartitionId partition = partition_of(key, keyless, partitions());
    if (plan_.window && key) {
      windowed_key_.assign(*key);
      append_window(batch, row, windowed_key_);
      key = windowed_key_;
    }
    const std::optional<int64_t> timestamp = timestamp_of(batch, row);
    if (timestamp) append(partition, *timestamp, key, values[at], batch, row);
  }
  return {};
}

void TopicOutput::append_window(const Batch& batch, size_t row, std::string& key) const {
  const size_t first_bound = plan_.schema.columns.size();
  const int64_t start = batch.columns[first_bound]->data<int64_t>()[row];
  if (plan_.window->type == WindowType::Session)
    append_be(key, batch.columns[first_bound + 1]->data<int64_t>()[row]);
  append_be(key, start);
}

std::vector<uint32_t> TopicOutput::chosen_rows(const Batch& batch, RowRange range,
                                               const EncodedRows& keys) const {
  std::vector<uint32_t> rows;
  const auto first = static_cast<uint32_t>(range.first);
  if (!plan_.is_table || !context().merge_updates) {
    for (uint32_t row = first; row < range.end; ++row) rows.push_back(row);
    return rows;
  }
  // The loop begins with the newest row. A row replaces an earlier one if key and window are equal.
  const auto window_of = [&](uint32_t row) {
    const size_t bound = plan_.schema.columns.size();
    if (!plan_.window) return std::pair<int64_t, int64_t>();
    return std::pair(batch.columns[bound]->data<int64_t>()[row],
                     batch.columns[bound + 1]->data<int64_t>()[row]);
  };
  const auto key_of = [&](uint32_t row) { return keys[row - first].value_or(std::string_view()); };
  const auto hash = [&](uint32_t row) { return absl::HashOf(key_of(row), window_of(row)); };
  const auto is_same = [&](uint32_t a, uint32_t b) {
    return key_of(a) == key_of(b) && window_of(a) == window_of(b);
  };
  absl::flat_hash_set<uint32_t, decltype(hash), decltype(is_same)> newest(range.end - range.first,
                                                                          hash, is_same);
  for (auto row = static_cast<uint32_t>(range.end); row-- > first;)
    if (newest.insert(row).second) rows.push_back(row);
  std::ranges::reverse(rows);
  return rows;
}

// Returns the time of the record. Returns nullopt, and reports the row, if the column for the time has no valid
// value.
std::optional<int64_t> TopicOutput::timestamp_of(const Batch& batch, size_t row) {
  if (plan_.timestamp_column < 0 || !batch.present.test(row)) return batch.timestamps[row];
  const Column& column = *batch.columns[static_cast<size_t>(plan_.timestamp_column)];
  std::optional<int64_t> timestamp;
  if (!column.is_null(row) && column.type().kind() == TypeKind::String) {
    const auto parsed =
        timestamp_pattern_->parse_timestamp(column.data<std::string_view>()[row], TimeZone::utc());
    if (parsed) timestamp = *parsed;
  } else if (!column.is_null(row)) {
    timestamp = column.data<int64_t>()[row];
  }
  if (timestamp && *timestamp >= 0) return timestamp;
  context().log.record_failed(
      Error{ErrorCode::InvalidTimestamp, "the result's TIMESTAMP column holds no valid time"},
      batch.partition_of(row), batch.offsets[row]);
  return std::nullopt;
}

// ---- exchanges

ExchangeOutput::ExchangeOutput(TaskContext& context, const OutputPlan& plan, OutputTarget target)
    : LogOutput(context, plan, target), plan_(plan), ahead_(context.eval) {
  split_columns(plan_.schema, columns_.keys, columns_.values);
}

Result<std::unique_ptr<ExchangeOutput>> ExchangeOutput::make(TaskContext& context,
                                                             const OutputPlan& plan,
                                                             OutputTarget target) {
  std::unique_ptr<ExchangeOutput> output(new ExchangeOutput(context, plan, target));
  output->key_writer_ =
      TRY(make_writer(plan.key_format, columns_of(plan.schema, output->columns_.keys), Side::Key));
  return output;
}

Status ExchangeOutput::write(const Batch& batch, RowRange range) {
  EncodedRows written;
  key_writer_->write(pick(batch.columns, columns_.keys), range, nullptr, written);
  if (!written.problems.empty()) return unwritable("key", written.problems.front(), batch);
  const Column keys = column_of(written, range.first);
  std::vector<int32_t> partition(range.end);
  for (size_t row = range.first; row < range.end; ++row) {
    partition[row] =
        partition_of(written[row - range.first], batch.partition_of(row), partitions()).value();
    note_time(batch, row);
  }
  const std::vector<int64_t> order_times = order_times_of(batch, range);
  const RowsByPartition sorted(partition, range, partitions());
  std::string block;
  for (size_t first = 0; first < sorted.rows.size();) {
    const std::span<const uint32_t> rows = sorted.of_one(partition, first);
    block.clear();
    encode_exchange_block(batch, keys, columns_, order_times, rows, block);
    append_block(PartitionId(partition[rows.front()]), block, batch, rows);
    first += rows.size();
  }
  return {};
}

// Tracks stream time in the same way as the next stage, whose windows close by stream time.
void ExchangeOutput::note_time(const Batch& batch, size_t row) {
  const int64_t timestamp = batch.timestamps[row];
  if (timestamp > stream_time_.timestamp && !ahead_.is_too_far(timestamp))
    stream_time_.note(timestamp, batch.partition_of(row), batch.offsets[row]);
}

// Returns the running maximum (running_times.h) of each row of the range, by which readers merge the rows. Indexed by
// row of the batch; rows before the range have 0. Empty unless the exchange is time-ordered.
std::vector<int64_t> ExchangeOutput::order_times_of(const Batch& batch, RowRange range) const {
  if (!is_time_ordered()) return {};
  std::vector<int64_t> times =
      times_.of(std::span(batch.offsets).first(range.end).subspan(range.first));
  times.insert(times.begin(), range.first, 0);
  return times;
}

void ExchangeOutput::note_taken(const Batch& records) {
  times_.note(records.offsets, records.timestamps,
              [this](int64_t timestamp) { return ahead_.is_too_far(timestamp); });
}

std::pair<PartitionRef, Offset> ExchangeOutput::tell_progress(Standing standing) {
  // The running times are reset at the end of the inputs. Until then a record whose time is far
  // ahead delays the rows of other writers, because rows are merged by time. Without the reset it
  // would delay all later rows for ever.
  if (standing.is_at_end) times_.begin_after(-1);
  told_time_ = times_.forget_before(standing.stream_next.value());
  append_progress(encode_progress({told_time_, std::move(standing.next)}));
  // The newest progress record replaces all earlier ones, so the earlier ones are trimmed. To save work, this is
  // done only once for kToldAtOnce progress records.
  constexpr int64_t kTrimmedAtOnce = 16;
  const int64_t count = told_times_++;
  return {{target().topic, PartitionId(target().first_partition + target().partitions)},
          Offset(count - count % kTrimmedAtOnce)};
}

void ExchangeOutput::append_scalars(std::vector<int64_t>& out) const {
  for (const int64_t scalar :
       {stream_time_.timestamp, int64_t{stream_time_.partition}, stream_time_.offset})
    out.push_back(scalar);
  if (!is_time_ordered()) return;
  out.push_back(told_time_);
  out.push_back(told_times_);
}

void ExchangeOutput::restore_scalars(std::span<const int64_t>& scalars) {
  if (scalars.size() < 3) return;
  stream_time_ = {scalars[0], static_cast<int32_t>(scalars[1]), scalars[2]};
  scalars = scalars.subspan(3);
  if (!is_time_ordered() || scalars.size() < 2) return;
  told_time_ = scalars[0];
  told_times_ = scalars[1];
  times_.begin_after(told_time_);
  scalars = scalars.subspan(2);
}

}  // namespace engine
