#include "engine/exec/aggregate.h"

#include <algorithm>
#include <climits>

#include "engine/types/time_math.h"

namespace engine {

namespace {

std::vector<AggregateInstance> instances_of(const AggregateStep& step) {
  std::vector<AggregateInstance> instances;
  for (const AggregateCall& call : step.calls) instances.push_back(call.instance);
  return instances;
}

WindowTimes times_of(const AggregateWindow& window) {
  return {window.size_ms, window.advance_ms, window.grace_ms};
}

}  // namespace

AggregateOperator::AggregateOperator(TaskContext& context, const AggregateStep& step,
                                     Schema key_schema)
    : Operator(context),
      step_(step),
      key_schema_(std::move(key_schema)),
      store_(instances_of(step), step.window.has_value()) {}

Result<std::unique_ptr<AggregateOperator>> AggregateOperator::make(TaskContext& context,
                                                                   const AggregateStep& step,
                                                                   Schema key_schema) {
  std::unique_ptr<AggregateOperator> made(
      new AggregateOperator(context, step, std::move(key_schema)));
  made->key_writer_ = TRY(make_writer(step.key_format, made->key_schema_.columns, Side::Key));
  made->key_reader_ = TRY(make_reader(step.key_format, made->key_schema_.columns, Side::Key));
  return made;
}

void AggregateOperator::restore_scalars(std::span<const int64_t>& scalars) {
  if (scalars.empty()) return;
  stream_time_ = scalars.front();
  scalars = scalars.subspan(1);
}

void AggregateOperator::list_windows(const Batch& batch, uint32_t row, std::string_view key,
                                     std::vector<Change>& changes) {
  const WindowTimes window = times_of(*step_.window);
  const int64_t timestamp = batch.timestamps[row];
  int64_t start = window.first_start(timestamp);
  for (int64_t left = window.count(timestamp); left > 0; --left) {
    // A record is late for a window that has closed.
    if (!window.is_closed(start, stream_time_))
      changes.push_back({&store_.touch(key, start), row, false, !step_.final_only});
    start = saturating_add(start, window.advance_ms);
  }
}

Status AggregateOperator::process(Batch batch, size_t) {
  EncodedRows keys;
  std::vector<const Column*> key_columns;
  for (size_t i = 0; i < step_.key_count; ++i) key_columns.push_back(batch.columns[i].get());
  key_writer_->write(key_columns, {0, batch.rows}, nullptr, keys);
  if (!keys.problems.empty())
    return Error{ErrorCode::InvalidText, "a group's key cannot be written",
                 keys.problems.front().message};

  std::vector<Change> changes;
  changes.reserve(batch.rows);
  for (uint32_t row = 0; row < batch.rows; ++row) {
    const std::string_view key =
        keys[row].value_or(std::string_view());  // no key: one group of all
    if (!step_.window) {
      GroupSlot& group = store_.touch(key);
      const bool is_new = batch.present.test(row);
      if (step_.is_table && batch.old_present.test(row))
        changes.push_back({&group, row, true, !is_new});
      if (is_new) changes.push_back({&group, row, false, true});
      continue;
    }
    const int64_t before = stream_time_;
    stream_time_ = std::max(stream_time_, batch.timestamps[row]);
    if (step_.final_only && stream_time_ > before) {
      TRY(apply(batch, changes));
      changes.clear();
      TRY(emit_closed(before, batch, row));
    }
    list_windows(batch, row, key, changes);
  }
  TRY(apply(batch, changes));
  expire();
  return {};
}

Status AggregateOperator::apply(const Batch& batch, const std::vector<Change>& changes) {
  if (changes.empty()) return {};
  std::vector<uint32_t> emitted_rows;
  Batch out;
  const bool wants_old = step_.old_too;
  for (const Change& change : changes) {
    change.group->timestamp = std::max(change.group->timestamp, batch.timestamps[change.row]);
    if (!change.emit) continue;
    emitted_rows.push_back(change.row);
    out.timestamps.push_back(change.group->timestamp);
    out.offsets.push_back(batch.offsets[change.row]);
    out.append_headers_of(batch, change.row);
    if (wants_old) out.old_present.push_back(change.group->emitted);
    change.group->emitted = true;
  }
  out.rows = emitted_rows.size();
  out.partition = batch.partition;
  out.present = Bitmap(out.rows, true);
  for (size_t i = 0; i < step_.key_count; ++i)
    out.columns.push_back(std::make_shared<const Column>(batch.columns[i]->gather(emitted_rows)));
  if (wants_old) out.old_columns = out.columns;

  for (size_t call = 0; call < step_.calls.size(); ++call) {
    const AggregateInstance& instance = store_.instances()[call];
    const Accumulator& accumulator = instance.def->accumulator;
    std::vector<const Column*> arguments, old_arguments;
    for (const int column : step_.calls[call].arguments) {
      arguments.push_back(batch.columns[column].get());
      if (batch.has_old()) old_arguments.push_back(batch.old_columns[column].get());
    }
    auto results = std::make_shared<Column>(instance.result_type);
    auto old_results = std::make_shared<Column>(instance.result_type);
    results->reserve(out.rows);
    bool has_old_result = false;  // of the row at hand, whose undo came before its update
    for (const Change& change : changes) {
      void* state = store_.state(*change.group, call);
      if (wants_old && !has_old_result) accumulator.result(instance, state, *old_results);
      has_old_result = !change.emit;
      if (change.undo)
        TRY(accumulator.undo(instance, state, old_arguments, change.row));
      else
        TRY(accumulator.update(instance, state, arguments, change.row));
      if (change.emit) accumulator.result(instance, state, *results);
    }
    out.columns.push_back(std::move(results));
    if (wants_old) out.old_columns.push_back(std::move(old_results));
  }
  if (step_.window) {
    auto starts = std::make_shared<Column>(TypeKind::Bigint),
         ends = std::make_shared<Column>(TypeKind::Bigint);
    for (const Change& change : changes) {
      if (!change.emit) continue;
      starts->append(change.group->window_start);
      ends->append(saturating_add(change.group->window_start, step_.window->size_ms));
    }
    for (const ColumnPtr& bound : {ColumnPtr(starts), ColumnPtr(ends)}) {
      out.columns.push_back(bound);
      if (wants_old) out.old_columns.push_back(bound);
    }
  }
  return push(std::move(out));
}

// Windows close in the order of their starts when stream time reaches their end and grace.
Status AggregateOperator::emit_closed(int64_t previous_stream_time, const Batch& cause,
                                      uint32_t row) {
  const WindowTimes window = times_of(*step_.window);
  int64_t first_start = previous_stream_time < 0 ? 0 : window.open_from(previous_stream_time);
  if (step_.loses_old_finals)
    first_start =
        std::max(first_start, saturating_subtract(window.last_start(stream_time_), window.span()));
  const std::vector<GroupSlot*> closed =
      store_.windows_between(first_start, window.open_from(stream_time_));
  if (closed.empty()) return {};
  for (GroupSlot* group : closed) group->emitted = true;
  const std::vector<const GroupSlot*> groups(closed.begin(), closed.end());
  Batch out = TRY(rows_of(groups));
  out.columns.pop_back();  // ROWTIME
  out.partition = cause.partition;
  out.offsets.assign(out.rows, cause.offsets[row]);
  return push(std::move(out));
}

Status AggregateOperator::decode_keys(std::span<const GroupSlot* const> groups,
                                      std::vector<ColumnPtr>& keys) const {
  // Readers give views, and the caller keeps the rows longer than the store does.
  const auto owned_keys = std::make_shared<StringHeap>();
  std::vector<std::optional<std::string_view>> payloads;
  for (const GroupSlot* group : groups) payloads.emplace_back(owned_keys->add(*group->key));
  std::vector<Column> columns;
  std::vector<Column*> outs;
  for (const ColumnDef& column : key_schema_.columns) columns.emplace_back(column.type);
  for (Column& column : columns) outs.push_back(&column);
  RowStatus status;
  key_reader_->read(payloads, outs, status);
  if (status.errors != 0)
    return Error{ErrorCode::CorruptRecord, "a group's key cannot be read back",
                 status.problems.front().message};
  for (Column& column : columns) {
    column.keep(owned_keys);
    keys.push_back(std::make_shared<const Column>(std::move(column)));
  }
  return {};
}

Result<Batch> AggregateOperator::rows_of(std::span<const GroupSlot* const> groups) const {
  Batch out;
  out.rows = groups.size();
  out.present = Bitmap(out.rows, true);
  out.offsets.assign(out.rows, -1);
  TRY(decode_keys(groups, out.columns));
  auto starts = std::make_shared<Column>(TypeKind::Bigint),
       ends = std::make_shared<Column>(TypeKind::Bigint),
       times = std::make_shared<Column>(TypeKind::Bigint);
  for (const GroupSlot* group : groups) {
    out.timestamps.push_back(group->timestamp);
    times->append(group->timestamp);
    starts->append(group->window_start);
    if (step_.window) ends->append(saturating_add(group->window_start, step_.window->size_ms));
  }
  for (size_t call = 0; call < step_.calls.size(); ++call) {
    const AggregateInstance& instance = store_.instances()[call];
    auto results = std::make_shared<Column>(instance.result_type);
    for (const GroupSlot* group : groups)
      instance.def->accumulator.result(instance, store_.state(*group, call), *results);
    out.columns.push_back(std::move(results));
  }
  if (step_.window) {
    out.columns.push_back(std::move(starts));
    out.columns.push_back(std::move(ends));
  }
  out.columns.push_back(std::move(times));
  return out;
}

int64_t AggregateOperator::oldest_kept_start() const {
  if (!step_.window || stream_time_ < 0) return INT64_MIN;
  return saturating_add(saturating_subtract(stream_time_, step_.window->retention_ms), 1);
}

void AggregateOperator::expire() {
  // In steps of a tenth of the retention: each one leaves a range in the journal.
  if (!step_.window || stream_time_ < 0) return;
  const int64_t step = std::max<int64_t>(1, step_.window->retention_ms / 10);
  store_.expire_before(oldest_kept_start() / step * step);
}

}  // namespace engine
