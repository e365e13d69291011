#include "engine/exec/session_aggregate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <tuple>

#include "base/bytes.h"
#include "engine/exec/overflow_report.h"
#include "engine/state/aggregate_store.h"
#include "engine/types/time_math.h"

namespace engine {

namespace {

constexpr size_t kSessionTimeBytes = sizeof(int64_t);
constexpr size_t kSessionsScannedAtOnce = 1'024;
constexpr size_t kSessionBytesAtOnce = size_t{256} << 10;  // limit per step of a look-up

std::vector<AggregateInstance> session_instances_of(const AggregateStep& step) {
  std::vector<AggregateInstance> instances;
  for (const AggregateCall& call : step.calls) instances.push_back(call.instance);
  return instances;
}

// Name of the group that lists the sessions which are not written yet. It is empty, and so differs from the names of
// the groups of keys, which begin with a letter (group_of()).
constexpr std::string_view kUnwritten = "";
std::string group_of(std::string_view key) { return "k" + std::string(key); }
std::string_view key_of(std::string_view group) { return group.substr(1); }

std::string suffix_of(int64_t end, int64_t start) {
  std::string suffix;
  append_be<int64_t>(suffix, end);
  append_be<int64_t>(suffix, start);
  return suffix;
}

const std::string& last_suffix() {
  static const std::string last(kSessionTimeBytes, '\xff');
  return last;
}

}  // namespace

// Collects one output row for each change: the deletes of sessions, and the session that replaces them.
class SessionAggregateOperator::Changes {
 public:
  explicit Changes(const SessionAggregateOperator& owner)
      : owner_(owner), starts_(TypeKind::Bigint), ends_(TypeKind::Bigint) {
    for (const AggregateInstance& instance : owner_.instances_) {
      results_.emplace_back(instance.result_type);
      old_results_.emplace_back(instance.result_type);
    }
  }
  size_t size() const { return rows_.size(); }

  // Adds a delete of the session. `old` has the states before the change.
  void add_delete(size_t row, const Session& session, const GroupStates& old) {
    add(row, session.start, session.end, false, &old);
    for (Column& column : results_) column.append_null();
  }
  void add_row(size_t row, int64_t start, int64_t end, const GroupStates& now,
               const GroupStates* old) {
    add(row, start, end, true, old);
    append_results(now, results_);
  }
  Batch take(const Batch& from) {
    Batch out;
    out.rows = rows_.size();
    out.partition = from.partition;
    out.present = std::move(present_);
    out.timestamps = std::move(times_);
    for (const uint32_t row : rows_) {
      out.append_record_of(from, row);
    }
    for (size_t i = 0; i < owner_.step_.key_count; ++i)
      out.columns.push_back(std::make_shared<const Column>(from.columns[i]->gather(rows_)));
    if (owner_.step_.old_too) {
      out.old_columns = out.columns;
      out.old_present = std::move(old_present_);
    }
    for (Column& column : results_)
      out.columns.push_back(std::make_shared<const Column>(std::move(column)));
    if (owner_.step_.old_too)
      for (Column& column : old_results_)
        out.old_columns.push_back(std::make_shared<const Column>(std::move(column)));
    for (Column* bound : {&starts_, &ends_}) {
      out.columns.push_back(std::make_shared<const Column>(std::move(*bound)));
      if (owner_.step_.old_too) out.old_columns.push_back(out.columns.back());
    }
    return out;
  }

 private:
  void add(size_t row, int64_t start, int64_t end, bool is_present, const GroupStates* old) {
    rows_.push_back(static_cast<uint32_t>(row));
    times_.push_back(end);
    starts_.append(start);
    ends_.append(end);
    present_.push_back(is_present);
    if (!owner_.step_.old_too) return;
    old_present_.push_back(old != nullptr);
    if (old)
      append_results(*old, old_results_);
    else
      for (Column& column : old_results_) column.append_null();
  }
  void append_results(const GroupStates& states, std::vector<Column>& out) const {
    for (size_t call = 0; call < out.size(); ++call)
      owner_.instances_[call].def->accumulator.result(owner_.instances_[call], states.at(call),
                                                      out[call]);
  }

  const SessionAggregateOperator& owner_;
  std::vector<uint32_t> rows_;
  std::vector<int64_t> times_;
  Bitmap present_, old_present_;
  std::vector<Column> results_, old_results_;
  Column starts_, ends_;
};

SessionAggregateOperator::SessionAggregateOperator(TaskContext& context, const AggregateStep& step,
                                                   Schema key_schema)
    : Operator(context),
      step_(step),
      key_schema_(std::move(key_schema)),
      instances_(session_instances_of(step)),
      states_(instances_),
      others_(instances_),
      ahead_(context.eval) {}

Result<std::unique_ptr<SessionAggregateOperator>> SessionAggregateOperator::make(
    TaskContext& context, const AggregateStep& step, Schema key_schema) {
  std::unique_ptr<SessionAggregateOperator> made(
      new SessionAggregateOperator(context, step, std::move(key_schema)));
  made->key_writer_ = TRY(make_writer(step.key_format, made->key_schema_.columns, Side::Key));
  made->key_reader_ = TRY(make_reader(step.key_format, made->key_schema_.columns, Side::Key));
  return made;
}

int64_t SessionAggregateOperator::open_from(int64_t stream_time) const {
  if (stream_time < 0) return INT64_MIN;
  return saturating_subtract(saturating_subtract(stream_time, gap_ms()), step_.window->grace_ms);
}

int64_t SessionAggregateOperator::kept_from(int64_t stream_time) const {
  if (stream_time < 0) return 0;
  return std::max<int64_t>(0, saturating_subtract(stream_time, step_.window->retention_ms));
}

// ---- batches

Status SessionAggregateOperator::process(Batch batch, size_t) {
  assert(!has_rest());
  Rest rest;
  std::vector<const Column*> key_columns;
  for (size_t i = 0; i < step_.key_count; ++i) key_columns.push_back(batch.columns[i].get());
  key_writer_->write(key_columns, {0, batch.rows}, nullptr, rest.keys);
  if (!rest.keys.problems.empty())
    return Error{ErrorCode::InvalidText, "a group's key cannot be written",
                 rest.keys.problems.front().message};
  rest.batch = std::move(batch);
  rest_ = std::move(rest);
  return resume();
}

Status SessionAggregateOperator::resume() {
  while (rest_ && !is_blocked()) {
    TRY(take_block());
    if (!may_go_on()) break;
  }
  return {};
}

Status SessionAggregateOperator::take_block() {
  Rest& rest = *rest_;
  Changes changes(*this);
  const size_t max_rows = context().slice.block_rows();
  const uint64_t max_fetches = store_.layers().fetches() + Slice::kBlockFetches;
  size_t taken = 0, bytes = 0;
  while (rest.row < rest.batch.rows && changes.size() < max_rows && taken < max_rows &&
         bytes < context().slice.block_bytes() && store_.layers().fetches() < max_fetches) {
    if (rest.row >= rest.prefetched) prefetch_sessions();
    if (rest.batch.present.test(rest.row)) {
      if (must_close()) {
        if (changes.size() > 0) break;  // rows of earlier changes are written first
        TRY(close_some());
        if (must_close() || !may_go_on()) return {};
      }
      TRY(take_row(changes));
      bytes += scratch_.size();
      ++taken;
    }
    ++rest.row;
  }
  context().slice.spend_rows(std::max(changes.size(), taken));
  context().slice.spend_bytes(bytes);
  Batch out = changes.take(rest.batch);
  const bool is_done = rest.row == rest.batch.rows;
  report_times();
  report_overflows(context().log, instances_, out, step_.key_count);
  TRY(push(std::move(out)));
  if (is_done) {
    rest_.reset();
    store_.expire_before(part_of(kept_from()));
  }
  return {};
}

bool SessionAggregateOperator::tidy() {
  const bool has_more = store_.forget_some(kForgottenAtOnce);
  if (const uint64_t expired = store_.take_expired(); expired > 0)
    context().log.windows_expired(expired);
  return has_more;
}

// Fetches the sessions of the next rows together, before sessions_near() looks them up one by one.
void SessionAggregateOperator::prefetch_sessions() {
  Rest& rest = *rest_;
  const size_t count = std::min(RangeStore::kPrefetchedAtOnce, rest.batch.rows - rest.row);
  std::vector<std::pair<int64_t, std::string>> groups;
  for (size_t i = 0; i < count; ++i)
    groups.emplace_back(part_of(std::max<int64_t>(rest.batch.timestamps[rest.row + i], 0)),
                        group_of(rest.keys[rest.row + i].value_or(std::string_view())));
  store_.prefetch(groups);
  rest.prefetched = rest.row + count;
}

// Moves stream time to the time of the current record. Returns true if sessions have closed that must be written
// before the record is counted.
bool SessionAggregateOperator::must_close() {
  const Rest& rest = *rest_;
  const int64_t time = rest.batch.timestamps[rest.row];
  if (!ahead_.is_too_far(time))
    stream_time_.note(time, rest.batch.partition_of(rest.row), rest.batch.offsets[rest.row]);
  return step_.final_only && first_end_ < open_from();
}

Status SessionAggregateOperator::take_row(Changes& changes) {
  Rest& rest = *rest_;
  const int64_t time = rest.batch.timestamps[rest.row];
  scratch_.clear();
  if (ahead_.is_too_far(time) && rest.ahead++ == 0) rest.first_ahead = rest.row;
  const std::string group = group_of(rest.keys[rest.row].value_or(std::string_view()));
  std::vector<Session> near =
      TRY(sessions_near(group, time, std::max(kept_from(), saturating_subtract(time, gap_ms()))));
  int64_t start = time, end = time;
  size_t bytes = 0;
  for (const Session& session : near) {
    start = std::min(start, session.start);
    end = std::max(end, session.end);
    bytes += session.value.size();
  }
  if (end < open_from() || end < kept_from()) {
    if (rest.late++ == 0) rest.first_late = rest.row;
    return {};
  }
  if (bytes > AggregateStore::kMaxGroupBytes) {
    if (rest.lost++ == 0) rest.first_lost = rest.row;
    return {};
  }
  const bool is_same = near.size() == 1 && start == time && end == time;
  std::optional<GroupStates> before;
  if (near.empty()) states_.reset();
  for (size_t i = 0; i < near.size(); ++i) {
    GroupStates& its = i == 0 ? states_ : others_;
    TRY(its.decode(near[i].value));
    if (!step_.final_only && !is_same) changes.add_delete(rest.row, near[i], its);
    if (i > 0) TRY(states_.merge(others_));
    TRY(forget(group, near[i]));
  }
  if (is_same && step_.old_too) {
    before.emplace(instances_);
    TRY(before->decode(near.front().value));
  }
  std::vector<const Column*> arguments;
  for (size_t call = 0; call < instances_.size(); ++call) {
    arguments.clear();
    for (const int column : step_.calls[call].arguments)
      arguments.push_back(rest.batch.columns[static_cast<size_t>(column)].get());
    TRY(instances_[call].def->accumulator.update(instances_[call], states_.at(call), arguments,
                                                 rest.row));
  }
  TRY(put(group, start, end));
  if (!step_.final_only)
    changes.add_row(rest.row, start, end, states_, before ? &*before : nullptr);
  return {};
}

// Returns the sessions that become one with a record at this time, in the order of their times. Sessions that end
// before `from_end` are left out.
Result<std::vector<SessionAggregateOperator::Session>> SessionAggregateOperator::sessions_near(
    std::string_view group, int64_t time, int64_t from_end) {
  std::vector<Session> near;
  const int64_t last_start = saturating_add(time, gap_ms());
  std::string from;
  append_be<int64_t>(from, std::max<int64_t>(from_end, 0));
  bool is_past = false;
  // Sessions of a key do not overlap. Therefore the search ends at a session that starts too late: all later sessions
  // start even later.
  const auto take = [&](std::string_view suffix, std::string_view value) {
    const int64_t end = load_be<int64_t>(suffix.data());
    const int64_t start = load_be<int64_t>(suffix.data() + kSessionTimeBytes);
    is_past = start > last_start;
    if (!is_past) near.push_back({start, end, std::string(value)});
    return !is_past;
  };
  for (auto part = TRY(store_.next_part(part_of(std::max<int64_t>(from_end, 0)))); part && !is_past;
       part = TRY(store_.next_part(*part + 1))) {
    RangeStore::Loose loose;
    TRY(store_.visit({*part, group, from, last_suffix()}, kSessionsScannedAtOnce, loose, take));
  }
  return near;
}

Status SessionAggregateOperator::put(std::string_view group, int64_t start, int64_t end) {
  states_.encode(scratch_);
  const std::string suffix = suffix_of(end, start);
  TRY(store_.put({part_of(end), group, suffix}, scratch_));
  if (!step_.final_only) return {};
  TRY(store_.put({part_of(end), kUnwritten, suffix + std::string(group)}, {}));
  first_end_ = std::min(first_end_, end);
  return {};
}

Status SessionAggregateOperator::forget(std::string_view group, const Session& session) {
  const std::string suffix = suffix_of(session.end, session.start);
  TRY(store_.erase({part_of(session.end), group, suffix}));
  if (step_.final_only)
    TRY(store_.erase({part_of(session.end), kUnwritten, suffix + std::string(group)}));
  return {};
}

// ---- final results

// Writes the closed sessions, in the order of their ends, then starts, then keys, as far as the slice allows.
Status SessionAggregateOperator::close_some() {
  const int64_t open = open_from();
  while (first_end_ < open && may_go_on()) {
    const size_t max_rows = context().slice.block_rows();
    std::vector<std::pair<std::string, Session>> closed;
    std::optional<int64_t> waits;
    bool is_cut = false;
    const auto take = [&](std::string_view suffix, std::string_view) {
      const int64_t end = load_be<int64_t>(suffix.data());
      if (end >= open) {
        waits = end;
        return false;
      }
      closed.push_back({std::string(suffix.substr(2 * kSessionTimeBytes)),
                        {load_be<int64_t>(suffix.data() + kSessionTimeBytes), end, {}}});
      return closed.size() < max_rows;
    };
    for (auto part = TRY(store_.next_part(0)); part && !waits && !is_cut;
         part = TRY(store_.next_part(*part + 1))) {
      RangeStore::Loose loose;
      TRY(store_.visit({*part, kUnwritten, {}, last_suffix()}, max_rows, loose, take));
      is_cut = closed.size() >= max_rows;
    }
    for (auto& [group, session] : closed) {
      const std::string suffix = suffix_of(session.end, session.start);
      RangeStore::Loose loose;
      const auto read = [&](std::string_view, std::string_view value) {
        session.value = value;
        return false;
      };
      TRY(store_.visit({part_of(session.end), group, suffix, suffix}, 1, loose, read));
      TRY(store_.erase({part_of(session.end), kUnwritten, suffix + group}));
    }
    first_end_ = is_cut ? closed.back().second.end : waits.value_or(INT64_MAX);
    context().slice.spend_rows(std::max<size_t>(closed.size(), 1));
    if (closed.empty()) continue;
    Batch out = TRY(rows_of(closed));
    out.columns.pop_back();  // removes the column ROWTIME
    out.partition = rest_->batch.partition_of(rest_->row);
    out.offsets.assign(out.rows, rest_->batch.offsets[rest_->row]);
    if (step_.old_too) {
      out.old_columns = out.columns;
      out.old_present = Bitmap(out.rows, false);
    }
    report_overflows(context().log, instances_, out, step_.key_count);
    TRY(push(std::move(out)));
  }
  return {};
}

Status SessionAggregateOperator::read_keys(
    const std::vector<std::pair<std::string, Session>>& sessions,
    std::vector<ColumnPtr>& columns) const {
  // The format readers return views into the keys, and the caller may keep the rows longer than the sessions. Therefore
  // the rows own copies of the keys.
  const auto owned_keys = std::make_shared<StringHeap>();
  std::vector<std::optional<std::string_view>> payloads;
  for (const auto& [group, session] : sessions)
    payloads.emplace_back(owned_keys->add(key_of(group)));
  std::vector<Column> keys;
  std::vector<Column*> outs;
  for (const ColumnDef& column : key_schema_.columns) keys.emplace_back(column.type);
  for (Column& column : keys) outs.push_back(&column);
  RowStatus status;
  key_reader_->read(payloads, outs, status);
  if (status.errors != 0)
    return Error{ErrorCode::CorruptRecord, "a group's key cannot be read back",
                 status.problems.front().message};
  for (Column& column : keys) {
    column.keep(owned_keys);
    columns.push_back(std::make_shared<const Column>(std::move(column)));
  }
  return {};
}

// Returns the rows in the operator's output layout, followed by a ROWTIME column.
Result<Batch> SessionAggregateOperator::rows_of(
    const std::vector<std::pair<std::string, Session>>& sessions) {
  Batch out;
  out.rows = sessions.size();
  out.present = Bitmap(out.rows, true);
  out.offsets.assign(out.rows, -1);
  TRY(read_keys(sessions, out.columns));
  std::vector<Column> results;
  for (const AggregateInstance& instance : instances_) results.emplace_back(instance.result_type);
  Column starts(TypeKind::Bigint), ends(TypeKind::Bigint), times(TypeKind::Bigint);
  for (const auto& [group, session] : sessions) {
    TRY(others_.decode(session.value));
    for (size_t call = 0; call < results.size(); ++call)
      instances_[call].def->accumulator.result(instances_[call], others_.at(call), results[call]);
    out.timestamps.push_back(session.end);
    starts.append(session.start);
    ends.append(session.end);
    times.append(session.end);
  }
  for (Column& column : results)
    out.columns.push_back(std::make_shared<const Column>(std::move(column)));
  for (Column* column : {&starts, &ends, &times})
    out.columns.push_back(std::make_shared<const Column>(std::move(*column)));
  return out;
}

// ---- look-ups

Result<Batch> SessionAggregateOperator::rows_under(TableLookUp& look_up, TaskSequence& as_of) {
  std::vector<std::pair<std::string, Session>> found;
  const uint64_t max_fetches = store_.layers().fetches() + Slice::kBlockFetches;
  size_t bytes = 0, passed = 0;
  const auto is_enough = [&] {
    return store_.layers().fetches() >= max_fetches || passed >= kSessionsScannedAtOnce ||
           bytes >= kSessionBytesAtOnce;
  };
  const int64_t open = open_from(), kept = kept_from();
  while (!look_up.keys.empty() && !is_enough()) {
    const std::string group = group_of(look_up.keys.front());
    int64_t part_from = part_of(kept);
    std::string from;
    if (look_up.entries) {  // an earlier step has begun the look-up of this key
      part_from = look_up.entries->place.start;
      from = look_up.entries->memory_key.value_or("");
    }
    std::optional<int64_t> part = TRY(store_.next_part(part_from));
    if (part && *part != part_from) from.clear();
    while (part && !is_enough()) {
      const auto take = [&](std::string_view suffix, std::string_view value) {
        const int64_t end = load_be<int64_t>(suffix.data());
        from = std::string(suffix) + '\0';
        ++passed;
        if (end < kept || (step_.final_only && end >= open)) return !is_enough();
        found.push_back(
            {group,
             {load_be<int64_t>(suffix.data() + kSessionTimeBytes), end, std::string(value)}});
        bytes += value.size();
        return !is_enough();
      };
      RangeStore::Loose loose;
      ++passed;
      if (TRY(store_.visit({*part, group, from, last_suffix()}, kSessionsScannedAtOnce, loose,
                           take)))
        continue;
      from.clear();
      part = TRY(store_.next_part(*part + 1));
    }
    if (part) {
      // only StoreScan::place is used
      if (!look_up.entries) look_up.entries = std::make_shared<StoreScan>();
      look_up.entries->place.start = *part;
      look_up.entries->memory_key = from;
      break;
    }
    look_up.entries.reset();
    look_up.keys = look_up.keys.subspan(1);
  }
  as_of = TaskSequence(static_cast<int64_t>(store_.layers().current()));
  return rows_of(found);
}

TableScan SessionAggregateOperator::begin_scan() {
  StoreScanPtr entries = store_.begin_scan();
  entries->wants = [](const StoreScan&, std::string_view key) {
    return RangeStore::group_in(key) != kUnwritten;
  };
  return {std::move(entries), stream_time_.timestamp};
}

Result<Batch> SessionAggregateOperator::next_rows(TableScan& scan, size_t entries, bool& is_last) {
  std::vector<std::pair<std::string, Session>> found;
  const int64_t open = open_from(scan.stream_time), kept = kept_from(scan.stream_time);
  size_t bytes = 0;
  const auto gather = [&](const RangeStore::Key& key, std::string_view value) {
    const int64_t end = load_be<int64_t>(key.suffix.data());
    if (end < kept || (step_.final_only && end >= open)) return true;
    found.push_back(
        {std::string(key.group),
         {load_be<int64_t>(key.suffix.data() + kSessionTimeBytes), end, std::string(value)}});
    bytes += key.group.size() + value.size();
    return bytes < kSessionBytesAtOnce;
  };
  is_last = false;
  for (int step = 0; !is_last && step < steps_of(scan); ++step, bytes = 0) {
    RangeStore::Loose loose;
    is_last = !TRY(store_.scan(*scan.entries, entries, loose, gather));
  }
  if (scan.order == TableScan::Order::ByKey)
    std::ranges::sort(found, {},
                      [](const auto& each) { return std::tie(each.first, each.second.start); });
  return rows_of(found);
}

// ---- state

void SessionAggregateOperator::report_times() {
  Rest& rest = *rest_;
  const auto partition = [&](size_t row) { return rest.batch.partition_of(row); };
  if (rest.late > 0)
    context().log.records_late(
        rest.late,
        fmt::format("the session had closed: stream time was {} (partition {}, offset {})",
                    stream_time_.timestamp, stream_time_.partition, stream_time_.offset),
        partition(rest.first_late), rest.batch.offsets[rest.first_late]);
  if (rest.ahead > 0)
    context().log.records_ahead(
        rest.ahead,
        fmt::format("the record lies more than {} ms ahead of the clock", ahead_.limit_ms()),
        partition(rest.first_ahead), rest.batch.offsets[rest.first_ahead]);
  if (rest.lost > 0)
    context().log.results_lost(
        rest.lost,
        fmt::format("a group has more than {} bytes and accepts no further records",
                    AggregateStore::kMaxGroupBytes),
        partition(rest.first_lost), rest.batch.offsets[rest.first_lost]);
  rest.late = rest.ahead = rest.lost = 0;
}

void SessionAggregateOperator::visit_rest(const VisitRecord& visit) const {
  if (!rest_) return;
  for (size_t row = rest_->row; row < rest_->batch.rows; ++row)
    visit(rest_->batch.partition_of(row), rest_->batch.offsets[row]);
}

void SessionAggregateOperator::own_rest() {
  // The copy includes the rows before rest_->row, which are finished, because rest_->keys is
  // indexed by the row's number in the whole batch.
  if (rest_) rest_->batch = rest_->batch.owned(0);
}

void SessionAggregateOperator::append_scalars(std::vector<int64_t>& out) const {
  for (const int64_t scalar :
       {stream_time_.timestamp, int64_t{stream_time_.partition}, stream_time_.offset, first_end_})
    out.push_back(scalar);
}

void SessionAggregateOperator::restore_scalars(std::span<const int64_t>& scalars) {
  constexpr size_t kCount = 4;
  if (scalars.size() < kCount) return;
  stream_time_ = {scalars[0], static_cast<int32_t>(scalars[1]), scalars[2]};
  first_end_ = scalars[3];
  scalars = scalars.subspan(kCount);
}

}  // namespace engine
