#include "server/sql/write/row_buffer.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "engine/plan/event_times.h"
#include "engine/plan/source_formats.h"
#include "engine/types/ascii.h"
#include "engine/types/declared_lengths.h"
#include "engine/types/smallint_range.h"
#include "records/batch.h"
#include "records/partitioner.h"
#include "server/sql/serial/row_ids.h"

namespace server {

namespace {

// Limit for the size of a batch: to read one record, a reader has to read the whole batch.
constexpr size_t kBatchBytes = 64 * 1024;

Error bad_row(const engine::DataSource& source, std::string_view what, size_t row,
              std::span<const uint64_t> lines, ErrorCode code = ErrorCode::InvalidText) {
  Error error{code, fmt::format("cannot write a row of {}: {}", source.name, what)};
  if (row < lines.size()) error.context = fmt::format("COPY {}, line {}", source.name, lines[row]);
  return error;
}

// Sets the append time of each record batch; `batches` has them one after the other.
void set_append_times(std::string& batches, int64_t time_ms) {
  constexpr size_t kSizeAt = 8, kSizeEnd = 12;
  for (size_t at = 0; at + kSizeEnd <= batches.size();) {
    const size_t size =
        kSizeEnd + static_cast<size_t>(load_be<int32_t>(batches.data() + at + kSizeAt));
    records::set_log_append_time(std::span(batches).subspan(at, size), time_ms);
    at += size;
  }
}

// Fails if a row has a value beyond the range of smallint.
Status check_ranges(const engine::DataSource& source, std::span<const engine::ColumnPtr> columns,
                    std::span<const uint64_t> lines) {
  for (size_t i = 0; i < columns.size(); ++i) {
    const engine::ColumnDef& column = source.schema.columns[i];
    if (!columns[i]) continue;
    const auto wrong = engine::find_beyond_smallint(column.type, *columns[i]);
    if (!wrong) continue;
    Error error{
        ErrorCode::OutOfRange,
        fmt::format("value out of range for column {} (SMALLINT): {}", column.name, wrong->value)};
    if (wrong->row < lines.size())
      error.context =
          fmt::format("COPY {}, line {}, column {}", source.name, lines[wrong->row], column.name);
    return error;
  }
  return {};
}

// Converts columns to the values that the source stores; omitted columns stay null.
Status fit_columns(const engine::DataSource& source, std::vector<engine::ColumnPtr>& columns,
                   std::span<const uint64_t> lines) {
  for (size_t i = 0; i < columns.size(); ++i) {
    const engine::ColumnDef& column = source.schema.columns[i];
    if (!columns[i] || column.role == engine::ColumnRole::Headers ||
        !engine::has_declared_length(column.type))
      continue;
    std::optional<Error> first;
    auto fitted = engine::fit_declared(
        column.type, *columns[i], engine::LengthRule::Write, [&](size_t row, const Error& error) {
          if (first) return;
          first = error;
          if (row < lines.size())
            first->context =
                fmt::format("COPY {}, line {}, column {}", source.name, lines[row], column.name);
          else if (first->detail.empty())
            first->detail =
                fmt::format("The value is for column {}.", engine::display_name(column.name));
        });
    if (first) return *std::move(first);
    columns[i] = std::make_shared<const engine::Column>(std::move(fitted));
  }
  return {};
}

}  // namespace

RowBuffer::RowBuffer(std::shared_ptr<const engine::DataSource> source, Uuid topic,
                     int32_t partitions, EventTimes event_times)
    : source_(std::move(source)),
      topic_(topic),
      event_times_(event_times),
      builders_(static_cast<size_t>(partitions)),
      sealed_(static_cast<size_t>(partitions)) {
  for (size_t i = 0; i < source_->schema.columns.size(); ++i) {
    const engine::ColumnRole role = source_->schema.columns[i].role;
    if (role == engine::ColumnRole::Key) key_columns_.push_back(i);
    if (role == engine::ColumnRole::Value) value_columns_.push_back(i);
  }
}

Result<std::unique_ptr<RowBuffer>> RowBuffer::make(std::shared_ptr<const engine::DataSource> source,
                                                   Uuid topic, int32_t partitions,
                                                   EventTimes event_times) {
  std::unique_ptr<RowBuffer> buffer(
      new RowBuffer(std::move(source), topic, partitions, event_times));
  const engine::DataSource& target = *buffer->source_;
  TRY(engine::check_has_schemas(target));
  std::vector<engine::ColumnDef> keys, values;
  for (const size_t i : buffer->key_columns_) keys.push_back(target.schema.columns[i]);
  for (const size_t i : buffer->value_columns_) values.push_back(target.schema.columns[i]);
  buffer->key_writer_ = TRY(engine::make_writer(target.key_format, keys, engine::Side::Key));
  buffer->value_writer_ =
      TRY(engine::make_writer(target.value_format, values, engine::Side::Value));
  return buffer;
}

Status RowBuffer::add(std::vector<engine::ColumnPtr>& columns, size_t rows,
                      std::span<const int64_t> timestamps, std::span<const uint64_t> lines,
                      Keys* once, KeysOf keys_of) {
  TRY(check_times(columns, timestamps, lines));
  TRY(check_not_null(columns, rows, lines, keys_of));
  TRY(check_ranges(*source_, columns, lines));
  TRY(fit_columns(*source_, columns, lines));
  const engine::ColumnPtr row_ids =
      source_->schema.has_row_id() ? with_row_ids(*columns[key_columns_.front()], rows) : nullptr;
  std::vector<const engine::Column*> keys, values;
  for (const size_t i : key_columns_) keys.push_back(row_ids ? row_ids.get() : columns[i].get());
  for (const size_t i : value_columns_) values.push_back(columns[i].get());
  engine::EncodedRows encoded_keys, encoded_values;
  key_writer_->write(keys, {0, rows}, nullptr, encoded_keys);
  value_writer_->write(values, {0, rows}, nullptr, encoded_values);
  for (const engine::EncodedRows* side : {&encoded_keys, &encoded_values})
    if (!side->problems.empty())
      return bad_row(*source_, side->problems.front().message, side->problems.front().row, lines);
  const bool is_table = source_->kind == engine::SourceKind::Table;
  for (size_t row = 0; is_table && row < rows; ++row)
    if (!encoded_keys[row])
      return bad_row(*source_, "the primary key of a table cannot be NULL", row, lines,
                     ErrorCode::NullValue);
  for (size_t row = 0; once && row < rows; ++row)
    if (!once->insert(std::string(*encoded_keys[row])).second)
      return Error{ErrorCode::SeveralRows,
                   "ON CONFLICT DO UPDATE command cannot affect row a second time", "",
                   "Each row of the command must have a different key."};
  for (size_t row = 0; row < rows; ++row)
    append(timestamps[row], encoded_keys[row], encoded_values[row]);
  rows_ += rows;
  return {};
}

Status RowBuffer::remove(std::span<const engine::ColumnPtr> columns, size_t rows,
                         std::span<const int64_t> timestamps) {
  std::vector<const engine::Column*> keys;
  for (const size_t i : key_columns_) keys.push_back(columns[i].get());
  engine::EncodedRows encoded;
  key_writer_->write(keys, {0, rows}, nullptr, encoded);
  if (!encoded.problems.empty())
    return bad_row(*source_, encoded.problems.front().message, encoded.problems.front().row, {});
  for (size_t row = 0; row < rows; ++row) append(timestamps[row], encoded[row], std::nullopt);
  rows_ += rows;
  return {};
}

Result<std::vector<std::string>> RowBuffer::keys_of(std::span<const engine::ColumnPtr> given,
                                                    size_t rows) const {
  std::vector<engine::ColumnPtr> columns(given.begin(), given.end());
  TRY(fit_columns(*source_, columns, {}));
  std::vector<const engine::Column*> keys;
  for (const size_t i : key_columns_) keys.push_back(columns[i].get());
  engine::EncodedRows encoded;
  key_writer_->write(keys, {0, rows}, nullptr, encoded);
  if (!encoded.problems.empty())
    return bad_row(*source_, encoded.problems.front().message, encoded.problems.front().row, {});
  std::vector<std::string> all;
  for (size_t row = 0; row < rows; ++row) all.emplace_back(encoded[row].value_or(""));
  return all;
}

void RowBuffer::append(int64_t timestamp, std::optional<std::string_view> key,
                       std::optional<std::string_view> value) {
  const auto count = static_cast<int32_t>(builders_.size());
  const size_t partition =
      key ? static_cast<size_t>(records::partition_for_key(*key, count).value())
          : next_partition_++ % builders_.size();
  builders_[partition].append(timestamp, key, value);
  size_bytes_ += (key ? key->size() : 0) + (value ? value->size() : 0) + 16;
  if (builders_[partition].size_bytes() >= kBatchBytes) seal(partition);
}

Status RowBuffer::check_times(std::span<const engine::ColumnPtr> columns,
                              std::span<const int64_t> timestamps,
                              std::span<const uint64_t> lines) {
  if (event_times_ == EventTimes::Unchecked) return {};
  size_t wrong = 0;
  Status fits = engine::check_event_times(*source_, columns, timestamps.size(), wrong);
  if (!fits) {
    Error error = std::move(fits).error();
    if (wrong < lines.size())
      error.context = fmt::format("COPY {}, line {}, column {}", source_->name, lines[wrong],
                                  source_->timestamp->column);
    return error;
  }
  if (!time_in_seconds_)
    time_in_seconds_ = engine::find_time_in_seconds(*source_, columns, timestamps);
  return {};
}

std::optional<sql::Notice> RowBuffer::take_notice() {
  const std::optional<int64_t> time = std::exchange(time_in_seconds_, std::nullopt);
  if (!time) return std::nullopt;
  const std::string column = source_->timestamp ? source_->timestamp->column : "ROWTIME";
  return sql::Notice{
      sql::NoticeLevel::Notice,
      fmt::format("event times of {} lie in January or February 1970: {} counts milliseconds, and "
                  "the value {} looks like seconds",
                  source_->name, column, *time),
      {},
      fmt::format("The same time in milliseconds is {}000.", *time)};
}

Status RowBuffer::check_not_null(std::span<const engine::ColumnPtr> columns, size_t rows,
                                 std::span<const uint64_t> lines, KeysOf keys) const {
  // Only keys of several columns are checked here: add() itself reports a NULL in a key of a single
  // column, when it encodes the key.
  const bool is_new_key = keys == KeysOf::NewRows && key_columns_.size() > 1 &&
                          source_->kind == engine::SourceKind::Table;
  for (size_t i = 0; i < columns.size(); ++i) {
    const engine::ColumnDef& column = source_->schema.columns[i];
    if (!column.is_not_null && !(is_new_key && column.role == engine::ColumnRole::Key)) continue;
    for (size_t row = 0; row < rows; ++row) {
      if (!columns[i]->is_null(row)) continue;
      Error error{
          ErrorCode::NullValue,
          fmt::format("null value in column \"{}\" of relation \"{}\" violates not-null "
                      "constraint",
                      engine::display_name(column.name), engine::display_name(source_->name))};
      if (row < lines.size())
        error.context = fmt::format("COPY {}, line {}", source_->name, lines[row]);
      return error;
    }
  }
  return {};
}

void RowBuffer::seal(size_t partition) { sealed_[partition] += builders_[partition].finish(); }

Status RowBuffer::absorb(RowBuffer& other) {
  if (other.topic_ != topic_)
    return Error{ErrorCode::ObjectState,
                 fmt::format("{} was dropped and recreated while rows for it were collected",
                             source_->name)};
  // The topic may have got more partitions since this buffer was made.
  if (other.builders_.size() > builders_.size()) {
    builders_.resize(other.builders_.size());
    sealed_.resize(other.builders_.size());
  }
  for (size_t i = 0; i < other.builders_.size(); ++i) {
    if (!other.builders_[i].empty()) other.seal(i);
    if (other.sealed_[i].empty()) continue;
    if (!builders_[i].empty()) seal(i);
    sealed_[i] += std::exchange(other.sealed_[i], {});
  }
  size_bytes_ += std::exchange(other.size_bytes_, 0);
  rows_ += std::exchange(other.rows_, 0);
  return {};
}

std::vector<std::string> RowBuffer::batches() {
  for (size_t i = 0; i < builders_.size(); ++i)
    if (!builders_[i].empty()) seal(i);
  return sealed_;
}

RowBuffer::Mark RowBuffer::mark() {
  Mark mark{topic_, {}, size_bytes_, rows_};
  for (size_t i = 0; i < builders_.size(); ++i) {
    if (!builders_[i].empty()) seal(i);
    mark.sealed_bytes.push_back(sealed_[i].size());
  }
  return mark;
}

void RowBuffer::go_back(const Mark& mark) {
  for (size_t i = 0; i < builders_.size(); ++i) {
    builders_[i].clear();
    // The topic may have got more partitions since the mark was taken. The buffers of these
    // partitions become empty.
    sealed_[i].resize(i < mark.sealed_bytes.size() ? mark.sealed_bytes[i] : 0);
  }
  size_bytes_ = mark.size_bytes;
  rows_ = mark.rows;
}

void RowBuffer::take(storage::AppendRequest& into) {
  for (size_t i = 0; i < builders_.size(); ++i) {
    if (!builders_[i].empty()) seal(i);
    if (sealed_[i].empty()) continue;
    if (append_clock_) set_append_times(sealed_[i], append_clock_->wall_ms());
    into.parts.push_back(
        {{topic_, PartitionId(static_cast<int32_t>(i))}, std::exchange(sealed_[i], {})});
  }
  size_bytes_ = 0;
  rows_ = 0;
}

}  // namespace server
