#include "engine/exec/foreign_key_join.h"

#include <algorithm>
#include <cassert>

#include "base/bytes.h"
#include "engine/exec/foreign_key_change.h"
#include "engine/types/row_codec.h"

namespace engine {

namespace {

constexpr size_t kNumber = 1, kKind = 2, kColumns = 3;  // columns of the left port's layout
constexpr uint32_t kFoundRight = 0, kMissingRight = 1;  // sources in Answers::right_rows

ColumnPtr shared(Column column) { return std::make_shared<const Column>(std::move(column)); }

Result<ColumnPtr> encoded(Writer& writer, std::span<const Column* const> columns, size_t rows) {
  EncodedRows written;
  writer.write(columns, {0, rows}, nullptr, written);
  if (!written.problems.empty())
    return Error{ErrorCode::InvalidText, "the key of a join cannot be written",
                 written.problems.front().message};
  Column keys(TypeKind::Bytes);
  for (size_t row = 0; row < rows; ++row)
    written[row] ? keys.append_copy(*written[row]) : keys.append_null();
  return shared(std::move(keys));
}

}  // namespace

// The joined rows of one batch. Each of them answers a change of a left row, and is sent to ForeignKeyResolveOperator.
struct ForeignKeyJoinOperator::Answers {
  std::vector<uint32_t> rows;  // row of the batch that caused each answer
  std::vector<int64_t> timestamps;
  Column numbers{TypeKind::Bigint}, kinds{TypeKind::Integer};
  std::vector<Column> left = {};  // set for port 1 only: columns that the left port carries
  std::vector<Column::SourceRow> right_rows = {};
  Batch found = {};  // set for port 0 only: rows found in the right table
  void add(uint32_t row, int64_t timestamp, int64_t number, int32_t kind) {
    rows.push_back(row);
    timestamps.push_back(timestamp);
    numbers.append(number);
    kinds.append(kind);
  }
};

Result<std::unique_ptr<ForeignKeyJoinOperator>> ForeignKeyJoinOperator::make(
    TaskContext& context, const ForeignKeyJoinStep& step, const Layout& left, const Layout& right,
    KeyedTable& right_table) {
  std::unique_ptr<ForeignKeyJoinOperator> made(
      new ForeignKeyJoinOperator(context, step, left, right, right_table));
  const ColumnDef key{left.front().name, left.front().type, ColumnRole::Key};
  made->key_writer_ = TRY(make_writer(step.key_format, {&key, 1}, Side::Key));
  std::vector<ColumnDef> left_keys;
  for (size_t i = 0; i < step.key_count; ++i)
    left_keys.push_back({left[kColumns + i].name, left[kColumns + i].type, ColumnRole::Key});
  made->left_writer_ = TRY(make_writer(step.left_format, left_keys, Side::Key));
  return made;
}

Status ForeignKeyJoinOperator::process(Batch batch, size_t port) {
  assert(!has_rest());
  Rest rest;
  rest.port = port;
  rest.keys = std::exchange(batch.keys, nullptr);
  if (port == 0) {
    const Column* const key = batch.columns.front().get();
    if (!rest.keys) rest.keys = TRY(encoded(*key_writer_, {&key, 1}, batch.rows));
    std::vector<const Column*> left_keys;
    for (size_t i = 0; i < step_.key_count; ++i)
      left_keys.push_back(batch.columns[kColumns + i].get());
    left_writer_->write(left_keys, {0, batch.rows}, nullptr, rest.left_keys);
    if (!rest.left_keys.problems.empty())
      return Error{ErrorCode::InvalidText, "the key of a join cannot be written",
                   rest.left_keys.problems.front().message};
  }
  assert(rest.keys);
  rest.batch = std::move(batch);
  rest_ = std::move(rest);
  if (port == 1) begin_right_row();
  return resume();
}

Status ForeignKeyJoinOperator::resume() {
  while (rest_ && !is_blocked()) {
    TRY(take_block());
    if (!may_go_on()) break;
  }
  return {};
}

Status ForeignKeyJoinOperator::take_block() {
  Answers answers = TRY(rest_->port == 0 ? answer_left() : answer_right());
  context().slice.spend_rows(answers.rows.size());
  const bool is_done = rest_->row == rest_->batch.rows;
  TRY(push_answers(std::move(answers)));
  if (is_done) rest_.reset();
  return {};
}

// ---- changes of left rows

Result<ForeignKeyJoinOperator::Answers> ForeignKeyJoinOperator::answer_left() {
  Rest& rest = *rest_;
  const auto keys = rest.keys->data<std::string_view>();
  const auto numbers = rest.batch.columns[kNumber]->data<int64_t>();
  const auto kinds = rest.batch.columns[kKind]->data<int32_t>();
  Answers answers;
  std::vector<KeyedTable::StoredRow> found;
  size_t bytes = 0;
  const uint64_t max_fetches = fetches() + Slice::kBlockFetches;
  const size_t max_rows = context().slice.block_rows();
  for (; rest.row < rest.batch.rows && answers.rows.size() < max_rows &&
         bytes < context().slice.block_bytes() && fetches() < max_fetches;
       ++rest.row) {
    const int32_t kind = kinds[rest.row];
    const bool is_there = (kind & (ForeignKeyChange::kLeft | ForeignKeyChange::kGone)) == 0;
    const RowStore::Row* right = nullptr;
    if (!rest.keys->is_null(rest.row)) {  // no right row has a null key
      TRY(keep(rest.row, keys[rest.row], is_there));
      if (kind != ForeignKeyChange::kLeft) right = TRY(right_table_.rows().find(keys[rest.row]));
    }
    const bool is_joined = is_there && (right || step_.type == JoinType::Left);
    int64_t timestamp = rest.batch.timestamps[rest.row];
    if (right) timestamp = std::max(timestamp, right->timestamp);
    answers.add(static_cast<uint32_t>(rest.row), timestamp, numbers[rest.row],
                kind | (is_joined ? ForeignKeyChange::kJoined : 0));
    if (!is_joined || !right) {
      answers.right_rows.push_back({kMissingRight, 0});
      continue;
    }
    answers.right_rows.push_back({kFoundRight, static_cast<uint32_t>(found.size())});
    found.emplace_back(keys[rest.row], right);
    bytes += right->bytes.size();
  }
  answers.found = TRY(right_table_.rows_of(found));
  return answers;
}

// Stores the left row under its foreign key `key`: its change number and its time, followed by the
// columns that the later steps need. If `is_there` is false, deletes the stored row.
Status ForeignKeyJoinOperator::keep(size_t row, std::string_view key, bool is_there) {
  const Batch& batch = rest_->batch;
  const std::string_view left_key = rest_->left_keys[row].value_or("");
  if (!is_there) {
    TRY(rows_.erase(key, left_key));
    return {};
  }
  std::string value;
  append_varint(value, static_cast<uint64_t>(batch.columns[kNumber]->data<int64_t>()[row]));
  append_varint(value, zigzag(batch.timestamps[row]));
  std::vector<const Column*> columns;
  for (size_t i = kColumns; i < batch.columns.size(); ++i)
    columns.push_back(batch.columns[i].get());
  encode_row(columns, row, value);
  return rows_.put(key, left_key, value);
}

// ---- changes of right rows

// Begins to process the next right row. If the row was partly processed before the restart, it
// continues at the stored place. If the record of that row has been compacted away, a later record
// with the same key replaces it, and the stored place is dropped.
void ForeignKeyJoinOperator::begin_right_row() {
  Rest& rest = *rest_;
  rest.place.clear();
  if (!restored_ || rest.row >= rest.batch.rows) return;
  if (rest.batch.partition_of(rest.row) != restored_->partition ||
      rest.batch.offsets[rest.row] < restored_->offset)
    return;
  if (rest.batch.offsets[rest.row] == restored_->offset) rest.place = std::move(restored_->place);
  restored_.reset();
}

Result<ForeignKeyJoinOperator::Answers> ForeignKeyJoinOperator::answer_right() {
  Rest& rest = *rest_;
  const auto keys = rest.keys->data<std::string_view>();
  Answers answers;
  std::vector<Column*> pointers;
  for (size_t i = kColumns; i < left_.size(); ++i) answers.left.emplace_back(left_[i].type);
  for (Column& column : answers.left) pointers.push_back(&column);
  size_t bytes = 0, passed = 0;
  const uint64_t max_fetches = fetches() + Slice::kBlockFetches;
  const size_t max_rows = context().slice.block_rows();
  while (rest.row < rest.batch.rows && answers.rows.size() < max_rows && passed++ < max_rows &&
         bytes < context().slice.block_bytes() && fetches() < max_fetches) {
    const bool is_there = rest.batch.present.test(rest.row);
    const int32_t kind = is_there || step_.type == JoinType::Left ? ForeignKeyChange::kJoined : 0;
    const auto row = static_cast<uint32_t>(rest.row);
    PrefixStore::Loose loose;
    Status read;
    const auto take = [&](std::string_view place, std::string_view value) {
      ByteReader in(value);
      const auto number = static_cast<int64_t>(in.varint());
      const int64_t timestamp = unzigzag(in.varint());
      read = in.ok() ? decode_row(in.rest(), pointers, RowStrings::Copy)
                     : Error{ErrorCode::CorruptRecord, "a stored row of a join is truncated"};
      if (!read) return false;
      answers.add(row, std::max(timestamp, rest.batch.timestamps[row]), number, kind);
      answers.right_rows.push_back({is_there ? kFoundRight : kMissingRight, is_there ? row : 0});
      bytes += value.size();
      rest.place = PrefixStore::after_place(place);
      return answers.rows.size() < max_rows && bytes < context().slice.block_bytes();
    };
    const bool has_more =
        TRY(rows_.visit(keys[row], rest.place, max_rows - answers.rows.size(), loose, take));
    TRY(read);
    if (has_more) break;
    ++rest.row;
    begin_right_row();
  }
  return answers;
}

// ---- answers

Status ForeignKeyJoinOperator::push_answers(Answers answers) {
  if (answers.rows.empty()) return {};
  const Rest& rest = *rest_;
  Batch out;
  out.rows = answers.rows.size();
  out.timestamps = std::move(answers.timestamps);
  for (const uint32_t row : answers.rows) {
    out.append_record_of(rest.batch, row);
  }
  out.partition = rest.batch.partition;
  out.present = Bitmap(out.rows, true);
  std::vector<ColumnPtr> left;
  for (size_t i = kColumns; i < left_.size(); ++i)
    left.push_back(shared(rest.port == 0 ? rest.batch.columns[i]->gather(answers.rows)
                                         : std::move(answers.left[i - kColumns])));
  const auto others = left.begin() + static_cast<ptrdiff_t>(step_.key_count);
  out.columns.assign(left.begin(), others);
  out.columns.push_back(shared(std::move(answers.numbers)));
  out.columns.push_back(shared(std::move(answers.kinds)));
  out.columns.insert(out.columns.end(), others, left.end());
  const Batch& right = rest.port == 0 ? answers.found : rest.batch;
  for (const int index : step_.right_columns) {
    const auto column = static_cast<size_t>(index);
    Column missing(right_[column].type);
    missing.append_null();
    // ROWOFFSET and similar columns, which rows of a table do not have, are null.
    const ColumnPtr& found = right.columns[column];
    const Column* sources[] = {found ? found.get() : &missing, &missing};
    if (!found) std::ranges::fill(answers.right_rows, Column::SourceRow{kMissingRight, 0});
    out.columns.push_back(shared(Column::merge(sources, answers.right_rows)));
  }
  return push(std::move(out));
}

// ---- stopping in the middle

void ForeignKeyJoinOperator::visit_rest(const VisitRecord& visit) const {
  if (!rest_) return;
  for (size_t row = rest_->row; row < rest_->batch.rows; ++row)
    visit(rest_->batch.partition_of(row), rest_->batch.offsets[row]);
}

void ForeignKeyJoinOperator::own_rest() {
  if (!rest_) return;
  // The copy includes the rows before rest_->row, which are finished, because rest_->keys is
  // indexed by the row's number in the whole batch.
  rest_->batch = rest_->batch.owned(0);
  rest_->keys = std::make_shared<const Column>(rest_->keys->copy());
}

// Scalars can only be numbers. So the key at which the join continues is written as its size, followed by its
// bytes, eight bytes in each number.
void ForeignKeyJoinOperator::append_scalars(std::vector<int64_t>& out) const {
  std::optional<Place> place = restored_;
  if (rest_ && rest_->port == 1 && rest_->row < rest_->batch.rows && !rest_->place.empty())
    place = {rest_->batch.partition_of(rest_->row), rest_->batch.offsets[rest_->row], rest_->place};
  if (!place) {
    out.push_back(0);
    return;
  }
  out.push_back(static_cast<int64_t>(place->place.size()));
  out.push_back(place->partition);
  out.push_back(place->offset);
  std::string padded = place->place;
  padded.resize((padded.size() + sizeof(int64_t) - 1) / sizeof(int64_t) * sizeof(int64_t));
  for (size_t at = 0; at < padded.size(); at += sizeof(int64_t))
    out.push_back(load_be<int64_t>(padded.data() + at));
}

void ForeignKeyJoinOperator::restore_scalars(std::span<const int64_t>& scalars) {
  if (scalars.empty()) return;
  const auto size = static_cast<size_t>(scalars.front());
  const size_t words = (size + sizeof(int64_t) - 1) / sizeof(int64_t);
  scalars = scalars.subspan(1);
  restored_.reset();
  if (size == 0 || scalars.size() < 2 + words) return;
  Place place{scalars[0], scalars[1], {}};
  for (size_t i = 0; i < words; ++i) append_be<int64_t>(place.place, scalars[2 + i]);
  place.place.resize(size);
  scalars = scalars.subspan(2 + words);
  restored_ = std::move(place);
}

}  // namespace engine
