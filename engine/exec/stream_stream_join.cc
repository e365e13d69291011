#include "engine/exec/stream_stream_join.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

#include "base/bytes.h"
#include "engine/types/row_codec.h"
#include "engine/types/time_math.h"

namespace engine {

namespace {

constexpr size_t kTimeBytes = sizeof(int64_t), kNumberBytes = sizeof(int64_t);
constexpr size_t kNamedScalars = 9;
constexpr size_t kScalarsPerPlace = 7;

// Returns the name of a side's group in the pending store.
std::string_view group_of(size_t port) { return port == 0 ? "l" : "r"; }

std::vector<SqlType> types_of(const Layout& layout) {
  std::vector<SqlType> types;
  for (const LayoutColumn& column : layout) types.push_back(column.type);
  return types;
}

std::vector<int> indexes_of(const std::vector<bool>& used) {
  std::vector<int> indexes;
  for (size_t i = 0; i < used.size(); ++i)
    if (used[i]) indexes.push_back(static_cast<int>(i));
  return indexes;
}

// Columns of one side that the store keeps. Rows are appended to them.
class KeptColumns {
 public:
  KeptColumns(const std::vector<SqlType>& types, const std::vector<int>& kept) {
    for (const int index : kept) columns_.emplace_back(types[static_cast<size_t>(index)]);
    for (Column& column : columns_) pointers_.push_back(&column);
  }
  Status append(std::string_view row) { return decode_row(row, pointers_, RowStrings::Copy); }
  void append_nulls() {
    for (Column& column : columns_) column.append_null();
  }
  // Returns all columns of the layout. Columns that are not kept are null pointers.
  std::vector<ColumnPtr> take(size_t layout_size, const std::vector<int>& kept) {
    std::vector<ColumnPtr> all(layout_size);
    for (size_t i = 0; i < kept.size(); ++i)
      all[static_cast<size_t>(kept[i])] = std::make_shared<const Column>(std::move(columns_[i]));
    return all;
  }

 private:
  std::vector<Column> columns_;
  std::vector<Column*> pointers_;
};

}  // namespace

StreamStreamJoinOperator::StreamStreamJoinOperator(TaskContext& context,
                                                   const StreamStreamJoinStep& step,
                                                   const Layout& left, const Layout& right)
    : Operator(context), step_(step), ahead_(context.eval) {
  const bool is_full = step.type == JoinType::Full;
  sides_[0].key = step.left_key;
  sides_[0].kept = indexes_of(step.left_used);
  sides_[0].types = types_of(left);
  sides_[0].back_ms = step.before_ms;
  sides_[0].on_ms = step.after_ms;
  sides_[0].is_outer = is_full || step.type == JoinType::Left;
  sides_[1].key = step.right_key;
  sides_[1].kept = indexes_of(step.right_used);
  sides_[1].types = types_of(right);
  sides_[1].back_ms = step.after_ms;
  sides_[1].on_ms = step.before_ms;
  sides_[1].is_outer = is_full || step.type == JoinType::Right;
}

Result<std::unique_ptr<StreamStreamJoinOperator>> StreamStreamJoinOperator::make(
    TaskContext& context, const StreamStreamJoinStep& step, const Layout& left,
    const Layout& right) {
  std::unique_ptr<StreamStreamJoinOperator> made(
      new StreamStreamJoinOperator(context, step, left, right));
  const LayoutColumn& key = left[static_cast<size_t>(step.left_key.front())];
  const ColumnDef column{key.name, key.type, ColumnRole::Key};
  made->key_writer_ = TRY(make_writer(step.key_format, {&column, 1}, Side::Key));
  return made;
}

// ---- keys and times

// Encodes the compared column, followed by the window bounds: records of windowed sources match if key and bounds are
// equal.
Status StreamStreamJoinOperator::encode_keys(const Batch& batch, size_t port,
                                             EncodedRows& keys) const {
  const std::vector<int>& columns = sides_[port].key;
  const Column* key = batch.columns[static_cast<size_t>(columns.front())].get();
  EncodedRows plain;
  key_writer_->write({&key, 1}, {0, batch.rows}, nullptr, plain);
  if (!plain.problems.empty())
    return Error{ErrorCode::InvalidText, "the key of a join cannot be written",
                 plain.problems.front().message};
  if (columns.size() == 1) {
    keys = std::move(plain);
    return {};
  }
  for (size_t row = 0; row < batch.rows; ++row) {
    keys.bytes += plain[row].value_or("");
    for (size_t i = 1; i < columns.size(); ++i)
      append_be<int64_t>(keys.bytes,
                         batch.columns[static_cast<size_t>(columns[i])]->data<int64_t>()[row]);
    keys.ends.push_back(keys.bytes.size());
  }
  keys.present = plain.present;
  return {};
}

std::string StreamStreamJoinOperator::suffix_of(int64_t time, int64_t number) {
  std::string suffix;
  append_be<int64_t>(suffix, time);
  append_be<int64_t>(suffix, number);
  return suffix;
}

// Returns the time of the oldest record that the side still has. As in the window store of Kafka Streams, records
// that are older than the side's own time by the retention or more are not present.
int64_t StreamStreamJoinOperator::oldest_kept(const Stream& side) const {
  const int64_t retention =
      saturating_add(saturating_add(step_.before_ms, step_.after_ms), step_.grace_ms);
  if (side.time < 0) return 0;
  return std::max<int64_t>(0, saturating_add(saturating_subtract(side.time, retention), 1));
}

int64_t StreamStreamJoinOperator::due_after(const Stream& side, int64_t time) const {
  return saturating_add(saturating_add(time, side.on_ms), step_.grace_ms);
}

// ---- batches

Status StreamStreamJoinOperator::process(Batch batch, size_t port) {
  assert(!has_rest());
  Rest rest;
  TRY(encode_keys(batch, port, rest.keys));
  rest.batch = std::move(batch);
  rest.port = port;
  rest_ = std::move(rest);
  return resume();
}

Status StreamStreamJoinOperator::resume() {
  while (rest_ && !is_blocked()) {
    TRY(take_block());
    if (!may_go_on()) break;
  }
  return {};
}

Status StreamStreamJoinOperator::take_block() {
  Rest& rest = *rest_;
  Met met;
  const size_t max_rows = context().slice.block_rows();
  const auto fetches = [&] {
    return sides_[0].store.layers().fetches() + sides_[1].store.layers().fetches() +
           pending_.layers().fetches();
  };
  const uint64_t max_fetches = fetches() + Slice::kBlockFetches;
  size_t passed = 0;
  while (rest.row < rest.batch.rows && met.rows.size() < max_rows && passed < max_rows &&
         met.bytes < context().slice.block_bytes() && fetches() < max_fetches) {
    const std::optional<std::string_view> key = rest.keys[rest.row];
    const Column& key_column =
        *rest.batch.columns[static_cast<size_t>(sides_[rest.port].key.front())];
    if (!rest.batch.present.test(rest.row)) {
      ++rest.row;
      continue;
    }
    if (!key || key_column.is_null(rest.row)) {
      if (sides_[rest.port].is_outer) {
        met.rows.push_back(static_cast<uint32_t>(rest.row));
        met.others.emplace_back();
        met.times.push_back(rest.batch.timestamps[rest.row]);
      }
      ++rest.row;
      continue;
    }
    if (!rest.at) {
      if (must_wait_for_due()) {
        if (!met.rows.empty()) break;  // the rows of earlier records are written first
        TRY(give_due());
        if (must_wait_for_due() || !may_go_on()) return {};
      }
      begin_row(*key);
    }
    TRY(meet(*key, met));
    ++passed;
    if (rest.at) break;  // the row has further matches
  }
  context().slice.spend_rows(std::max(met.rows.size(), passed));
  context().slice.spend_bytes(met.bytes);
  const bool is_done = rest.row == rest.batch.rows;
  TRY(push_met(met));
  report_times();
  if (is_done) {
    rest_.reset();
    expire();
  }
  return {};
}

// Moves stream time to the time of the current record. Returns true if pending records are due, whose rows must be
// written before the record is joined.
bool StreamStreamJoinOperator::must_wait_for_due() {
  Rest& rest = *rest_;
  const int64_t time = rest.batch.timestamps[rest.row];
  if (auto place = restored_place(rest.port, rest.batch, rest.row)) {
    rest.at = place;
    return false;
  }
  if (ahead_.is_too_far(time)) return false;
  stream_time_.note(time, rest.batch.partition_of(rest.row), rest.batch.offsets[rest.row]);
  if (step_.pending_store < 0) return false;
  return std::ranges::any_of(sides_, [&](const Stream& side) {
    return side.is_outer && side.due < stream_time_.timestamp;
  });
}

std::optional<StreamStreamJoinOperator::Place> StreamStreamJoinOperator::restored_place(
    size_t port, const Batch& batch, size_t row) {
  const auto found = std::ranges::find_if(restored_, [&](const Place& place) {
    return place.port == static_cast<int64_t>(port) && place.partition == batch.partition_of(row) &&
           place.offset == batch.offsets[row];
  });
  if (found == restored_.end()) return std::nullopt;
  const Place place = *found;
  restored_.erase(found);
  return place;
}

// Stores the current record on its side. Does nothing if the record was stored before, because its join continues.
// A late record is not stored.
void StreamStreamJoinOperator::begin_row(std::string_view key) {
  Rest& rest = *rest_;
  if (rest.at) return;
  Stream &side = sides_[rest.port], &other = sides_[1 - rest.port];
  const int64_t time = rest.batch.timestamps[rest.row];
  const bool is_ahead = ahead_.is_too_far(time);
  if (is_ahead && rest.ahead++ == 0) rest.first_ahead = rest.row;
  if (!is_ahead) side.time = std::max(side.time, time);
  rest.at = Place{.port = static_cast<int64_t>(rest.port),
                  .partition = rest.batch.partition_of(rest.row),
                  .offset = rest.batch.offsets[rest.row],
                  .number = ++last_number_};
  rest.at->next.time =
      std::max({int64_t{0}, saturating_subtract(time, side.back_ms), oldest_kept(other)});
  if (time < oldest_kept(side)) {
    if (rest.late++ == 0) rest.first_late = rest.row;
    return;
  }
  std::vector<const Column*> kept;
  for (const int index : side.kept)
    kept.push_back(rest.batch.columns[static_cast<size_t>(index)].get());
  std::string row;
  encode_row(kept, rest.row, row);
  side.store.insert({part_of(time), key, suffix_of(time, rest.at->number)}, row);
}

// Joins the current record with its next matches on the other side. Ends the row after the last match.
Status StreamStreamJoinOperator::meet(std::string_view key, Met& met) {
  Rest& rest = *rest_;
  const Stream& side = sides_[rest.port];
  Stream& other = sides_[1 - rest.port];
  const int64_t time = rest.batch.timestamps[rest.row];
  const int64_t last = saturating_add(time, side.on_ms);
  const bool may_wait = step_.pending_store >= 0 && other.is_outer;
  std::vector<Next> no_longer_pending;
  const size_t max_rows = context().slice.block_rows();
  bool has_more = false;
  while (!has_more && rest.at->next.time <= last) {
    const std::optional<int64_t> part = TRY(other.store.next_part(part_of(rest.at->next.time)));
    if (!part || *part > part_of(last)) break;
    if (*part > part_of(rest.at->next.time)) rest.at->next = {*part * step_.part_ms, 0};
    const std::string from = suffix_of(rest.at->next.time, rest.at->next.number);
    const std::string to = suffix_of(last, INT64_MAX);
    const size_t max_entries = std::max<size_t>(1, max_rows - std::min(max_rows, met.rows.size()));
    const auto take = [&](std::string_view suffix, std::string_view value) {
      const Next at{load_be<int64_t>(suffix.data()), load_be<int64_t>(suffix.data() + kTimeBytes)};
      rest.at->next = {at.time, at.number + 1};
      if (at.number >= rest.at->number) return true;
      rest.at->has_met = true;
      met.rows.push_back(static_cast<uint32_t>(rest.row));
      met.others.emplace_back(value);
      met.times.push_back(std::max(time, at.time));
      met.bytes += value.size();
      if (may_wait) no_longer_pending.push_back(at);
      return met.rows.size() < max_rows && met.bytes < context().slice.block_bytes();
    };
    has_more = TRY(other.store.visit({*part, key, from, to}, max_entries, met.loose, take));
    if (!has_more) rest.at->next = {saturating_multiply(*part + 1, step_.part_ms), 0};
  }
  for (const Next& at : no_longer_pending)
    TRY(forget_pending(1 - rest.port, at.time, key, at.number));
  return has_more ? Status() : end_row(key, met);
}

Status StreamStreamJoinOperator::end_row(std::string_view key, Met& met) {
  Rest& rest = *rest_;
  Stream& side = sides_[rest.port];
  const int64_t time = rest.batch.timestamps[rest.row];
  const Place done = *std::exchange(rest.at, std::nullopt);
  const auto row = static_cast<uint32_t>(rest.row++);
  if (done.has_met || !side.is_outer) return {};
  if (step_.pending_store < 0 || saturating_add(time, side.on_ms) < stream_time_.timestamp) {
    met.rows.push_back(row);
    met.others.emplace_back();
    met.times.push_back(time);
    return {};
  }
  std::vector<const Column*> kept;
  for (const int index : side.kept)
    kept.push_back(rest.batch.columns[static_cast<size_t>(index)].get());
  std::string value;
  encode_row(kept, row, value);
  std::string suffix;
  append_be<int64_t>(suffix, time);
  suffix += key;
  append_be<int64_t>(suffix, done.number);
  pending_.insert({part_of(time), group_of(rest.port), suffix}, value);
  side.due = std::min(side.due, due_after(side, time));
  return {};
}

Status StreamStreamJoinOperator::forget_pending(size_t port, int64_t time, std::string_view key,
                                                int64_t number) {
  std::string suffix;
  append_be<int64_t>(suffix, time);
  suffix += key;
  append_be<int64_t>(suffix, number);
  TRY(pending_.erase({part_of(time), group_of(port), suffix}));
  return {};
}

Status StreamStreamJoinOperator::push_met(const Met& met) {
  if (met.rows.empty()) return {};
  const Rest& rest = *rest_;
  const Stream &side = sides_[rest.port], &other = sides_[1 - rest.port];
  KeptColumns found(other.types, other.kept);
  for (const auto& row : met.others) row ? TRY(found.append(*row)) : found.append_nulls();

  Batch own = rest.batch.gather(met.rows);
  Batch out;
  out.rows = met.rows.size();
  out.timestamps = met.times;
  out.offsets = std::move(own.offsets);
  out.partition = own.partition;
  out.partitions = std::move(own.partitions);
  out.raw_headers = std::move(own.raw_headers);
  out.present = Bitmap(out.rows, true);
  for (const int index : side.key) out.columns.push_back(own.columns[static_cast<size_t>(index)]);
  std::vector<ColumnPtr> others = found.take(other.types.size(), other.kept);
  std::vector<ColumnPtr>& left = rest.port == 0 ? own.columns : others;
  std::vector<ColumnPtr>& right = rest.port == 0 ? others : own.columns;
  std::ranges::move(left, std::back_inserter(out.columns));
  std::ranges::move(right, std::back_inserter(out.columns));
  return push(std::move(out));
}

// ---- pending records without a match

// Writes the rows of all due records, as far as the slice allows, in the order of their times. At equal times,
// records of the right side precede those of the left side, as in Kafka Streams (TimestampedKeyAndJoinSide).
Status StreamStreamJoinOperator::give_due() {
  bool has_more = true;
  while (has_more && may_go_on()) {
    const size_t max_rows = context().slice.block_rows();
    std::vector<Due> due;
    has_more = false;
    // for each side: the time up to which all due records were gathered, if more records are due
    std::array<std::optional<int64_t>, 2> cut;
    for (const size_t port : {size_t{1}, size_t{0}}) {
      if (!sides_[port].is_outer || sides_[port].due >= stream_time_.timestamp) continue;
      if (!TRY(gather_due(port, max_rows, due))) continue;
      has_more = true;
      cut[port] = due.back().time;
    }
    // If only some due records of the other side were gathered, records after the last gathered time must wait:
    // records of the other side that come before them may not be gathered yet.
    const auto must_wait = [&](const Due& one) {
      const std::optional<int64_t> others = cut[1 - one.port];
      return others && (one.port == 0 ? one.time >= *others : one.time > *others);
    };
    for (const Due& one : due)
      if (Stream& side = sides_[one.port]; must_wait(one))
        side.due = std::min(side.due, due_after(side, one.time));
    std::erase_if(due, must_wait);
    std::ranges::stable_sort(due, {}, &Due::time);
    for (const Due& one : due)
      TRY(pending_.erase({part_of(one.time), group_of(one.port), one.suffix}));
    context().slice.spend_rows(std::max<size_t>(due.size(), 1));
    TRY(push_due(due));
  }
  return {};
}

// Gathers the next due records of one side. Returns true if the limit of rows was reached, so more may be due.
// Otherwise sets the side's `due` according to its next pending record.
Result<bool> StreamStreamJoinOperator::gather_due(size_t port, size_t max_rows,
                                                  std::vector<Due>& due) {
  Stream& side = sides_[port];
  const std::string last(kTimeBytes, '\xff');
  size_t gathered = 0;
  std::optional<int64_t> waits;
  std::optional<int64_t> part = TRY(pending_.next_part(0));
  for (; part && !waits; part = TRY(pending_.next_part(*part + 1))) {
    std::string from;
    for (bool has_more = true; has_more && !waits;) {
      RangeStore::Loose loose;
      const auto take = [&](std::string_view suffix, std::string_view value) {
        const auto time = load_be<int64_t>(suffix.data());
        if (due_after(side, time) >= stream_time_.timestamp) {
          waits = time;
          return false;
        }
        due.push_back({port, time, std::string(suffix), std::string(value)});
        from = std::string(suffix) + '\0';
        return ++gathered < max_rows;
      };
      has_more = TRY(pending_.visit({*part, group_of(port), from, last}, max_rows, loose, take));
      if (gathered >= max_rows) return true;
    }
  }
  side.due = waits ? due_after(side, *waits) : INT64_MAX;
  return false;
}

Status StreamStreamJoinOperator::push_due(std::span<const Due> due) {
  if (due.empty()) return {};
  KeptColumns left(sides_[0].types, sides_[0].kept), right(sides_[1].types, sides_[1].kept);
  Batch out;
  out.rows = due.size();
  for (const Due& one : due) {
    TRY((one.port == 0 ? left : right).append(one.value));
    (one.port == 0 ? right : left).append_nulls();
    out.timestamps.push_back(one.time);
    out.append_record_of(rest_->batch, rest_->row);
  }
  out.partition = rest_->batch.partition;
  out.present = Bitmap(out.rows, true);
  const std::vector<ColumnPtr> lefts = left.take(sides_[0].types.size(), sides_[0].kept);
  const std::vector<ColumnPtr> rights = right.take(sides_[1].types.size(), sides_[1].kept);
  for (size_t i = 0; i < step_.left_key.size(); ++i) {
    const Column* sources[] = {lefts[static_cast<size_t>(step_.left_key[i])].get(),
                               rights[static_cast<size_t>(step_.right_key[i])].get()};
    std::vector<Column::SourceRow> rows;
    for (uint32_t row = 0; row < out.rows; ++row)
      rows.push_back({static_cast<uint32_t>(due[row].port), row});
    out.columns.push_back(std::make_shared<const Column>(Column::merge(sources, rows)));
  }
  out.columns.insert(out.columns.end(), lefts.begin(), lefts.end());
  out.columns.insert(out.columns.end(), rights.begin(), rights.end());
  return push(std::move(out));
}

// ---- state

void StreamStreamJoinOperator::expire() {
  for (Stream& side : sides_) side.store.expire_before(part_of(oldest_kept(side)));
}

bool StreamStreamJoinOperator::tidy() {
  bool has_more = false;
  for (Stream& side : sides_) has_more |= side.store.forget_some(kForgottenAtOnce);
  return has_more;
}

void StreamStreamJoinOperator::report_times() {
  Rest& rest = *rest_;
  const auto place = [&](size_t row) {
    return std::pair(rest.batch.partition_of(row), rest.batch.offsets[row]);
  };
  if (rest.late > 0) {
    const auto [partition, offset] = place(rest.first_late);
    context().log.records_late(
        rest.late,
        fmt::format(
            "the window of the join had closed: stream time was {} (partition {}, offset {})",
            stream_time_.timestamp, stream_time_.partition, stream_time_.offset),
        partition, offset);
  }
  if (rest.ahead > 0) {
    const auto [partition, offset] = place(rest.first_ahead);
    context().log.records_ahead(
        rest.ahead,
        fmt::format("the record lies more than {} ms ahead of the clock", ahead_.limit_ms()),
        partition, offset);
  }
  rest.late = rest.ahead = 0;
}

void StreamStreamJoinOperator::visit_rest(const VisitRecord& visit) const {
  if (!rest_) return;
  for (size_t row = rest_->row; row < rest_->batch.rows; ++row)
    visit(rest_->batch.partition_of(row), rest_->batch.offsets[row]);
}

void StreamStreamJoinOperator::own_rest() {
  // The copy includes the rows before rest_->row, which are finished, because rest_->keys is
  // indexed by the row's number in the whole batch.
  if (rest_) rest_->batch = rest_->batch.owned(0);
}

void StreamStreamJoinOperator::append_scalars(std::vector<int64_t>& out) const {
  std::vector<Place> places = restored_;
  if (rest_ && rest_->at) places.push_back(*rest_->at);
  for (const int64_t scalar : {stream_time_.timestamp, int64_t{stream_time_.partition},
                               stream_time_.offset, sides_[0].time, sides_[1].time, sides_[0].due,
                               sides_[1].due, last_number_, static_cast<int64_t>(places.size())})
    out.push_back(scalar);
  for (const Place& place : places)
    for (const int64_t scalar : {place.port, place.partition, place.offset, place.number,
                                 int64_t{place.has_met}, place.next.time, place.next.number})
      out.push_back(scalar);
}

void StreamStreamJoinOperator::restore_scalars(std::span<const int64_t>& scalars) {
  if (scalars.size() < kNamedScalars) return;
  stream_time_ = {scalars[0], static_cast<int32_t>(scalars[1]), scalars[2]};
  sides_[0].time = scalars[3];
  sides_[1].time = scalars[4];
  sides_[0].due = scalars[5];
  sides_[1].due = scalars[6];
  last_number_ = scalars[7];
  auto places = static_cast<size_t>(scalars[8]);
  scalars = scalars.subspan(kNamedScalars);
  restored_.clear();
  for (; places > 0 && scalars.size() >= kScalarsPerPlace; --places) {
    restored_.push_back({scalars[0],
                         scalars[1],
                         scalars[2],
                         scalars[3],
                         scalars[4] != 0,
                         {scalars[5], scalars[6]}});
    scalars = scalars.subspan(kScalarsPerPlace);
  }
}

}  // namespace engine
