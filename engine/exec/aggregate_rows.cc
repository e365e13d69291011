// Converts groups to rows for final results, look-ups and scans.
#include <algorithm>
#include <utility>

#include "engine/exec/aggregate.h"

namespace engine {

namespace {

// approximate limit per step of a look-up or scan
constexpr size_t kAggregateBytesAtOnce = size_t{256} << 10;

}  // namespace

int64_t AggregateOperator::oldest_kept_start(int64_t stream_time) const {
  if (!step_.window || stream_time < 0) return INT64_MIN;
  return saturating_add(saturating_subtract(stream_time, step_.window->retention_ms), 1);
}

bool AggregateOperator::is_shown(const GroupSlot& group, int64_t stream_time) const {
  if (group.window_start < oldest_kept_start(stream_time)) return false;
  if (!step_.final_only) return group.emitted;
  return window().is_closed(group.window_start, stream_time);
}

Status AggregateOperator::decode_keys(std::span<const GroupSlot* const> groups,
                                      std::vector<ColumnPtr>& keys) const {
  // The format readers return views into the keys, and the caller may keep the rows longer than the
  // store keeps the keys. Therefore the rows own copies of the keys.
  const auto owned_keys = std::make_shared<StringHeap>();
  std::vector<std::optional<std::string_view>> payloads;
  for (const GroupSlot* group : groups) payloads.emplace_back(owned_keys->add(group->key->view()));
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

// --- Look-ups and scans

Result<Batch> AggregateOperator::rows_in_order(std::vector<const GroupSlot*> groups) const {
  std::ranges::sort(groups, [](const GroupSlot* a, const GroupSlot* b) {
    const int order = a->key->view().compare(b->key->view());
    return order != 0 ? order < 0 : a->window_start < b->window_start;
  });
  groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
  return rows_of(groups);
}

// Returns the first and the last window start within the bounds.
std::pair<int64_t, int64_t> AggregateOperator::starts_within(const WindowBounds& bounds) const {
  std::pair starts(bounds.first_start, bounds.last_start);
  if (!step_.window) return {INT64_MIN, INT64_MAX};
  const int64_t size_ms = step_.window->size_ms;
  starts.first = std::max(starts.first, saturating_subtract(bounds.first_end, size_ms));
  // An end that overflows is stored as INT64_MAX, so this bound admits every start.
  if (bounds.last_end != INT64_MAX)
    starts.second = std::min(starts.second, saturating_subtract(bounds.last_end, size_ms));
  return starts;
}

Result<Batch> AggregateOperator::rows_under(TableLookUp& look_up, TaskSequence& as_of) {
  const auto [first, last] = starts_within(look_up.windows);
  std::vector<const GroupSlot*> groups;
  AggregateStore::Loose loose(store_);
  uint64_t changed_in = look_up.entries ? look_up.entries->until : store_.expired_in();
  size_t bytes = 0;
  const auto show = [&](const GroupSlot& group) {
    const bool is_shown_now = is_shown(group, look_up.stream_time);
    if (is_shown_now) groups.push_back(&group);
    bytes += group.encoded_bytes();
    // Each commit may move stream time, and so close or expire windows. If the answer depends on whether a window
    // is closed or expired, the answer may differ after each commit, so it counts as changed in the current commit.
    const bool is_over = step_.window && (!is_shown_now || step_.final_only);
    changed_in = std::max(changed_in, is_over ? store_.layers().current() : group.changed_in);
    return bytes < kAggregateBytesAtOnce;
  };
  const uint64_t max_fetches = store_.layers().fetches() + Slice::kBlockFetches;
  size_t asked = 0;  // number of window starts looked up, for all keys
  const auto is_enough = [&] {
    return store_.layers().fetches() >= max_fetches || asked >= kGatheredAtOnce ||
           bytes >= kAggregateBytesAtOnce;
  };
  while (!look_up.keys.empty() && !is_enough()) {
    AggregateStore::KeyWindows at{look_up.keys.front(), first, last, look_up.entries.get()};
    if (at.scan)
      at.next = at.scan->place.start;
    else
      look_up.stream_time = stream_time_.timestamp;
    bool has_more = true;
    while (has_more && !is_enough()) {
      has_more = TRY(store_.next_windows(at, kAskedAtOnce, loose, show));
      asked += std::exchange(at.asked, 0);
    }
    if (has_more) {
      // The look-up stops within this key, and a later step continues. The later step shows the
      // remaining windows of the key as they are at its own time.
      if (!at.scan) look_up.entries = store_.begin_rest(at);
      look_up.entries->place.start = at.next;
      changed_in = std::max(changed_in, look_up.entries->until);
      break;
    }
    look_up.entries.reset();
    look_up.keys = look_up.keys.subspan(1);
  }
  as_of = TaskSequence(static_cast<int64_t>(changed_in));
  return rows_in_order(std::move(groups));
}

TableScan AggregateOperator::begin_scan() { return {store_.begin_scan(), stream_time_.timestamp}; }

Result<Batch> AggregateOperator::next_rows(TableScan& scan, size_t entries, bool& is_last) {
  std::vector<const GroupSlot*> groups;
  AggregateStore::Loose loose(store_);
  size_t bytes = 0;
  const auto gather = [&](const GroupSlot& group) {
    if (is_shown(group, scan.stream_time)) groups.push_back(&group);
    bytes += group.encoded_bytes();
    return bytes < kAggregateBytesAtOnce;
  };
  is_last = false;
  for (int step = 0; !is_last && step < steps_of(scan); ++step, bytes = 0)
    is_last = !TRY(store_.scan(*scan.entries, entries, loose, gather));
  if (scan.order == TableScan::Order::ByKey) return rows_in_order(std::move(groups));
  return rows_of(groups);
}

}  // namespace engine
