#include "engine/exec/aggregate.h"

#include <absl/container/flat_hash_set.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <climits>
#include <ranges>
#include <utility>

#include "engine/exec/overflow_report.h"
#include "engine/types/row_size.h"

namespace engine {

namespace {

std::vector<AggregateInstance> instances_of(const AggregateStep& step) {
  std::vector<AggregateInstance> instances;
  for (const AggregateCall& call : step.calls) instances.push_back(call.instance);
  return instances;
}

// Returns advice for the report of late records. The likely reason is a record with a time far
// ahead: it moves stream time forward, so all later records are late. The advice names the property
// that prevents this.
std::string advice_on_time(int64_t stream_time_ms, int64_t wall_ms) {
  constexpr int64_t kClocksDifferMs = 60'000;
  if (stream_time_ms <= saturating_add(wall_ms, kClocksDifferMs)) return {};
  return fmt::format(
      ", which lies {} ms ahead of the clock; SET '{}' = '86400000', drop the query and create it "
      "again, so that such records do not advance its time",
      stream_time_ms - wall_ms, TimeAhead::kProperty);
}

void copy_keys(const Column& keys, EncodedRows& out) {
  const auto bytes = keys.data<std::string_view>();
  out.ends.reserve(keys.size());
  for (const std::string_view key : bytes) {
    out.bytes += key;
    out.ends.push_back(out.bytes.size());
  }
  out.present = keys.validity();
}

}  // namespace

void report_overflows(ProcessingLog& log, std::span<const AggregateInstance> instances,
                      const Batch& out, size_t first_column) {
  for (size_t call = 0; call < instances.size(); ++call) {
    const AggregateInstance& instance = instances[call];
    if (instance.def->name != "SUM" && instance.def->name != "SUM_LIST") continue;
    const Column& sums = *out.columns[first_column + call];
    uint64_t count = 0;
    size_t first = 0;
    for (size_t row = 0; row < out.rows; ++row)
      if (sums.is_null(row) && out.present.test(row) && count++ == 0) first = row;
    if (count == 0) continue;
    log.results_lost(count,
                     fmt::format("{} of a group does not fit {} and is NULL", instance.def->name,
                                 instance.result_type.to_string()),
                     out.partition_of(first), out.offsets[first]);
  }
}

AggregateOperator::AggregateOperator(TaskContext& context, const AggregateStep& step,
                                     Schema key_schema)
    : Operator(context),
      step_(step),
      key_schema_(std::move(key_schema)),
      store_(instances_of(step), step.window.has_value()),
      ahead_(context.eval),
      block_rows_(store_.has_heap() ? kFewestRows : Slice::kBlockRows) {}

Result<std::unique_ptr<AggregateOperator>> AggregateOperator::make(TaskContext& context,
                                                                   const AggregateStep& step,
                                                                   Schema key_schema) {
  std::unique_ptr<AggregateOperator> made(
      new AggregateOperator(context, step, std::move(key_schema)));
  made->key_writer_ = TRY(make_writer(step.key_format, made->key_schema_.columns, Side::Key));
  made->key_reader_ = TRY(make_reader(step.key_format, made->key_schema_.columns, Side::Key));
  return made;
}

WindowTimes AggregateOperator::window() const {
  return {step_.window->size_ms, step_.window->advance_ms, step_.window->grace_ms};
}

// ---- batches

Status AggregateOperator::process(Batch batch, size_t) {
  assert(!has_rest());
  Rest rest;
  std::vector<const Column*> key_columns;
  for (size_t i = 0; i < step_.key_count; ++i) key_columns.push_back(batch.columns[i].get());
  if (takes_carried_keys_)
    copy_keys(*std::exchange(batch.keys, nullptr), rest.keys);
  else
    key_writer_->write(key_columns, {0, batch.rows}, nullptr, rest.keys);
  if (!rest.keys.problems.empty())
    return Error{ErrorCode::InvalidText, "a group's key cannot be written",
                 rest.keys.problems.front().message};
  rest.batch = std::move(batch);
  rest_ = std::move(rest);
  return TRY(find_starts()) ? take_rows() : Status{};
}

Status AggregateOperator::resume() {
  if (is_blocked() || !TRY(find_starts())) return {};
  if (closing_) TRY(close_some());
  return may_go_on() ? take_rows() : Status{};
}

// Finds the starts of all windows of the store; returns true when all of them are known. After a
// restart many starts may exist in checkpoints only, so the search is done in several slices.
Result<bool> AggregateOperator::find_starts() {
  while (!store_.knows_starts()) {
    TRY(store_.find_starts(kStartsAtOnce));
    context().slice.spend_rows(kStartsAtOnce);
    if (!may_go_on()) return false;
  }
  return true;
}

Status AggregateOperator::take_rows() {
  std::vector<Change> changes;
  while (rest_ && !closing_) {
    changes.clear();
    block_bytes_ = 0;
    const bool is_done = TRY(list_changes(changes));
    if (merges_updates_) drop_replaced(changes);
    const size_t bytes_before = context().slice.bytes_left();
    TRY(apply(rest_->batch, changes));
    adapt_block(bytes_before - context().slice.bytes_left());
    context().slice.spend_bytes(block_bytes_);
    report_times();  // written in the same commit as the rows of the batch
    report_lost();
    if (is_done) {
      rest_.reset();
      expire();
    }
    if (!may_go_on()) break;
    if (closing_) TRY(close_some());
    if (!may_go_on()) break;
  }
  return {};
}

// Chooses the number of rows of the next block from the size of the output of this block: half as many after much
// output, twice as many after little.
//
// If groups may be large (COLLECT_LIST), each change of a group writes a large row. So the first block has
// kFewestRows rows, and later blocks have at most kMostLargeRows. The second limit is not needed if a block writes
// only the last change of each group (merges_updates_). For rows of a table it is needed in any case, because the
// aggregate may have to scan the whole group to undo a row. A block whose output is still blocked does not count as
// a block with little output.
void AggregateOperator::adapt_block(size_t output_bytes) {
  constexpr size_t kTooMuch = 512 * 1024, kLittle = 128 * 1024;
  const bool is_large = store_.has_heap() && (!merges_updates_ || step_.is_table);
  if (output_bytes > kTooMuch)
    block_rows_ = std::max(kFewestRows, block_rows_ / 2);
  else if (output_bytes < kLittle && !is_blocked())
    block_rows_ = std::min(is_large ? kMostLargeRows : Slice::kBlockRows, block_rows_ * 2);
}

// If the output keeps only the last result of a group in a block (TopicOutput::chosen_rows), drops
// the earlier results of the group here. Otherwise a list of a megabyte would be written a thousand
// times in a block of a thousand rows.
void AggregateOperator::drop_replaced(std::vector<Change>& changes) {
  absl::flat_hash_set<const GroupSlot*> newer;
  for (Change& change : changes | std::views::reverse)
    if (change.emit && !newer.insert(change.group).second) change.emit = false;
}

// Lists the changes of one block. Returns true when all rows of the batch are listed. A block ends
// before a record that closes windows, because the results of the closed windows must be written
// before the record is counted. A block also ends when Slice::kBlockFetches groups had to be
// fetched.
Result<bool> AggregateOperator::list_changes(std::vector<Change>& changes) {
  Rest& rest = *rest_;
  const size_t max_changes =
      step_.window ? std::min(context().slice.block_rows(), block_rows_) : block_rows_;
  const uint64_t max_fetches = store_.layers().fetches() + Slice::kBlockFetches;
  while (rest.row < rest.batch.rows && !block_is_full(changes, max_changes) &&
         store_.layers().fetches() < max_fetches) {
    if (rest.row >= rest.prefetched) prefetch_groups();
    weigh_row();
    if (step_.window) {
      if (!rest.row_is_begun && begin_row()) break;
      TRY(list_windows(max_changes, changes));
      if (rest.row_is_begun) break;
    } else {
      TRY(list_change(changes));
    }
    ++rest.row;
  }
  if (step_.window) context().slice.spend_rows(changes.size());
  return rest.row == rest.batch.rows;
}

// Fetches the groups of the next rows together, before list_changes() looks them up one by one.
void AggregateOperator::prefetch_groups() {
  Rest& rest = *rest_;
  std::array<AggregateStore::EntryKey, AggregateStore::kPrefetchedAtOnce> keys;
  const size_t count = std::min(keys.size(), rest.batch.rows - rest.row);
  for (size_t i = 0; i < count; ++i) {
    const size_t row = rest.row + i;
    // A record in a hopping window belongs to several groups. Only the group of the newest window is prefetched.
    const int64_t start =
        step_.window ? window().last_start(std::max<int64_t>(rest.batch.timestamps[row], 0)) : 0;
    keys[i] = {start, rest.keys[row].value_or(std::string_view())};
  }
  store_.prefetch(std::span(keys).first(count));
  rest.prefetched = rest.row + static_cast<uint32_t>(count);
}

void AggregateOperator::weigh_row() {
  if (!store_.has_heap()) return;
  Rest& rest = *rest_;
  rest.row_bytes = 0;
  for (const AggregateCall& call : step_.calls)
    for (const int column : call.arguments)
      add_row_bytes(*rest.batch.columns[static_cast<size_t>(column)], rest.row,
                    std::span(&rest.row_bytes, 1));
}

// Returns the group with this key and window, which a change of the current row modifies, and adds
// the size of the group to the bytes of the block. Returns null if the group has reached its size
// limit.
Result<GroupSlot*> AggregateOperator::take_group(std::string_view key, int64_t window_start) {
  Rest& rest = *rest_;
  const size_t before = store_.changed_bytes();
  GroupSlot* const group = TRY(store_.touch(key, window_start));
  if (!group && rest.lost++ == 0) rest.first_lost = rest.row;
  block_bytes_ += store_.changed_bytes() - before + (group ? rest.row_bytes : 0);
  return group;
}

Status AggregateOperator::list_change(std::vector<Change>& changes) {
  const Rest& rest = *rest_;
  // Without grouping columns a row has no key, and all rows belong to one group.
  GroupSlot* const group = TRY(take_group(rest.keys[rest.row].value_or(std::string_view()), 0));
  if (!group) return {};
  const bool is_new = rest.batch.present.test(rest.row);
  if (step_.is_table && rest.batch.old_present.test(rest.row))
    changes.push_back({group, rest.row, true, !is_new});
  if (is_new) changes.push_back({group, rest.row, false, true});
  return {};
}

// Begins the current row. Returns true if windows have closed whose results must be written before the row is
// counted.
bool AggregateOperator::begin_row() {
  Rest& rest = *rest_;
  rest.row_is_begun = true;
  const int64_t timestamp = rest.batch.timestamps[rest.row];
  const int64_t before = stream_time_.timestamp;
  move_stream_time(rest.row);
  rest.next_start = window().first_start(timestamp);
  // A record is late if at least one of its windows is closed. The earliest window closes first, so the check of
  // next_start is sufficient. A record at or ahead of stream time is never late.
  if (!take_restored_place() && timestamp < stream_time_.timestamp &&
      window().is_closed(rest.next_start, stream_time_.timestamp) && rest.late++ == 0)
    rest.first_late = rest.row;
  // The closed windows are skipped in one step, because there may be thousands of them.
  rest.next_start = window().first_open(rest.next_start, stream_time_.timestamp);
  if (step_.final_only && stream_time_.timestamp > before) begin_closing(before);
  return closing_.has_value();
}

// Returns whether the row was finished in some of its windows before the restart of the task. The
// row then continues with the next window.
bool AggregateOperator::take_restored_place() {
  if (!restored_) return false;
  Rest& rest = *rest_;
  const int64_t offset = rest.batch.offsets[rest.row];
  if (rest.batch.partition_of(rest.row) != restored_->partition || offset < restored_->offset)
    return false;
  const bool is_there = offset == restored_->offset;
  if (is_there) rest.next_start = restored_->next_start;
  restored_.reset();
  return is_there;
}

// Moves stream time to the time of the row, unless this time is too far ahead. The row
// counts in its windows in any case.
void AggregateOperator::move_stream_time(uint32_t row) {
  Rest& rest = *rest_;
  const int64_t timestamp = rest.batch.timestamps[row];
  if (timestamp <= stream_time_.timestamp) return;
  if (!ahead_.is_too_far(timestamp))
    stream_time_.note(timestamp, rest.batch.partition_of(row), rest.batch.offsets[row]);
  else if (rest.ahead++ == 0)
    rest.first_ahead = row;
}

void AggregateOperator::report_times() {
  const auto place = [&](uint32_t row) {
    return std::pair(rest_->batch.partition_of(row), rest_->batch.offsets[row]);
  };
  if (rest_->late > 0) {
    const auto [partition, offset] = place(rest_->first_late);
    context().log.records_late(
        rest_->late,
        fmt::format("a window of the record (time {}) has closed: stream time is {}, by the record "
                    "at partition {}, offset {}",
                    rest_->batch.timestamps[rest_->first_late], stream_time_.timestamp,
                    stream_time_.partition, stream_time_.offset) +
            advice_on_time(stream_time_.timestamp, context().eval.clock.wall_ms()),
        partition, offset);
  }
  if (rest_->ahead > 0) {
    const auto [partition, offset] = place(rest_->first_ahead);
    context().log.records_ahead(
        rest_->ahead,
        fmt::format("the record's time {} is more than {} ms ({}) ahead of the clock and does not "
                    "move stream time",
                    rest_->batch.timestamps[rest_->first_ahead], ahead_.limit_ms(),
                    TimeAhead::kProperty),
        partition, offset);
  }
  rest_->late = rest_->ahead = 0;
}

void AggregateOperator::report_lost() {
  if (rest_->lost == 0) return;
  context().log.results_lost(
      rest_->lost,
      fmt::format("a group has more than {} bytes and accepts no further records",
                  AggregateStore::kMaxGroupBytes),
      rest_->batch.partition_of(rest_->first_lost), rest_->batch.offsets[rest_->first_lost]);
  rest_->lost = 0;
}

void AggregateOperator::report_overflows(const Batch& out) const {
  engine::report_overflows(context().log, store_.instances(), out, step_.key_count);
}

// Lists the unfinished windows of the current row, as many as fit into the block. Ends the row after its last window.
Status AggregateOperator::list_windows(size_t max_changes, std::vector<Change>& changes) {
  Rest& rest = *rest_;
  const WindowTimes windows = window();
  const int64_t timestamp = rest.batch.timestamps[rest.row];
  const std::string_view key = rest.keys[rest.row].value_or(std::string_view());
  const uint64_t max_fetches = store_.layers().fetches() + Slice::kBlockFetches;
  while (rest.next_start <= timestamp && !block_is_full(changes, max_changes) &&
         store_.layers().fetches() < max_fetches) {
    // begin_row() skips closed windows
    assert(!windows.is_closed(rest.next_start, stream_time_.timestamp));
    GroupSlot* const group = TRY(take_group(key, rest.next_start));
    if (group) changes.push_back({group, rest.row, false, !step_.final_only});
    if (timestamp - rest.next_start < windows.advance_ms) {
      rest.row_is_begun = false;
      return {};
    }
    rest.next_start += windows.advance_ms;
  }
  if (rest.next_start > timestamp) rest.row_is_begun = false;
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
    out.append_record_of(batch, change.row);
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
    bool has_old_result = false;  // set by the undo of a row, which precedes the row's update
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
  report_overflows(out);
  return push(std::move(out));
}

// ---- final results

// Begins to write the results of the windows that have just closed. Windows close in the order of their starts, when
// stream time reaches their end and grace.
void AggregateOperator::begin_closing(int64_t previous_stream_time) {
  const WindowTimes windows = window();
  Closing closing;
  closing.from = previous_stream_time < 0 ? 0 : windows.open_from(previous_stream_time);
  if (step_.loses_old_finals)
    closing.from =
        std::max(closing.from,
                 saturating_subtract(windows.last_start(stream_time_.timestamp), windows.span()));
  closing.to = windows.open_from(stream_time_.timestamp);
  if (store_.first_start_in(closing.from, closing.to)) closing_ = std::move(closing);
}

Status AggregateOperator::close_some() {
  while (closing_) {
    const std::vector<const GroupSlot*> groups = TRY(next_closed(context().slice.block_rows()));
    // The search counts as work of the slice: to find a closed group costs about as much as to write one.
    context().slice.spend_rows(std::max<size_t>(groups.size(), 1));
    if (!groups.empty()) {
      Batch out = TRY(rows_of(groups));
      out.columns.pop_back();  // removes the column ROWTIME
      if (rest_ && rest_->row < rest_->batch.rows) {
        out.partition = rest_->batch.partition_of(rest_->row);
        out.offsets.assign(out.rows, rest_->batch.offsets[rest_->row]);
      }
      report_overflows(out);
      TRY(push(std::move(out)));
    }
    if (!may_go_on()) break;
  }
  return {};
}

// Returns at most `max_groups` of the next closed groups. Ends the closing after the last one.
Result<std::vector<const GroupSlot*>> AggregateOperator::next_closed(size_t max_groups) {
  Closing& closing = *closing_;
  if (!closing.groups) {
    const std::optional<int64_t> start = store_.first_start_in(closing.from, closing.to);
    if (!start) {
      closing_.reset();
      return std::vector<const GroupSlot*>();
    }
    if (*start != closing.from) closing.done = closing.to_skip = 0;
    closing.from = *start;
    closing.groups = std::make_unique<AggregateStore::InOrder>(store_, *start);
  }
  std::vector<const GroupSlot*> groups = TRY(closing.groups->next(max_groups));
  const size_t skipped = std::min(groups.size(), static_cast<size_t>(closing.to_skip));
  groups.erase(groups.begin(), groups.begin() + static_cast<ptrdiff_t>(skipped));
  closing.to_skip -= static_cast<int64_t>(skipped);
  closing.done += static_cast<int64_t>(groups.size());
  if (closing.groups->is_at_end()) {
    closing.groups.reset();
    closing.from = saturating_add(closing.from, 1);
    closing.done = closing.to_skip = 0;
  }
  return groups;
}

// ---- state

void AggregateOperator::expire() {
  // The bound of the expired windows moves in steps of a tenth of the retention time, because each
  // step writes a deleted range to the journal.
  if (!step_.window || stream_time_.timestamp < 0) return;
  const int64_t step = std::max<int64_t>(1, step_.window->retention_ms / 10);
  const uint64_t expired =
      store_.expire_before(oldest_kept_start(stream_time_.timestamp) / step * step);
  if (expired > 0) context().log.windows_expired(expired);
}

void AggregateOperator::visit_rest(const VisitRecord& visit) const {
  if (!rest_) return;
  for (size_t row = rest_->row; row < rest_->batch.rows; ++row)
    visit(rest_->batch.partition_of(row), rest_->batch.offsets[row]);
}

void AggregateOperator::own_rest() {
  if (!rest_) return;
  // The copy includes the rows before rest_->row, which are finished, because rest_->keys is
  // indexed by the row's number in the whole batch.
  rest_->batch = rest_->batch.owned(0);
}

// Appends stream time, the windows that are being closed, and the Place of a record that is
// finished only in some of its windows. Without windows a row is always finished completely, and
// stream time is not used.
void AggregateOperator::append_scalars(std::vector<int64_t>& out) const {
  Place place;
  if (rest_ && rest_->row_is_begun &&
      rest_->next_start > window().first_start(rest_->batch.timestamps[rest_->row]))
    place = {rest_->batch.partition_of(rest_->row), rest_->batch.offsets[rest_->row],
             rest_->next_start};
  else if (restored_)
    place = *restored_;
  const Closing closing =
      closing_ ? Closing{closing_->from, closing_->to, closing_->done, 0, {}} : Closing();
  for (const int64_t scalar :
       {stream_time_.timestamp, int64_t{stream_time_.partition}, stream_time_.offset, closing.from,
        closing.to, closing.done, place.partition, place.offset, place.next_start})
    out.push_back(scalar);
}

void AggregateOperator::restore_scalars(std::span<const int64_t>& scalars) {
  constexpr size_t kCount = 9;
  if (scalars.empty()) return;
  stream_time_.timestamp = scalars[0];
  if (scalars.size() < kCount) {  // an older version has written only this scalar
    scalars = scalars.subspan(1);
    return;
  }
  stream_time_.partition = static_cast<int32_t>(scalars[1]);
  stream_time_.offset = scalars[2];
  closing_.reset();
  if (scalars[3] < scalars[4]) {
    closing_ = Closing{scalars[3], scalars[4], scalars[5], scalars[5], {}};
  }
  restored_.reset();
  if (scalars[8] > 0) restored_ = Place{scalars[6], scalars[7], scalars[8]};
  scalars = scalars.subspan(kCount);
}

}  // namespace engine
