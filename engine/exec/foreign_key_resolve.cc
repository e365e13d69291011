#include "engine/exec/foreign_key_resolve.h"

#include <algorithm>
#include <cassert>

#include "base/bytes.h"
#include "engine/exec/foreign_key_change.h"

namespace engine {

Result<std::unique_ptr<ForeignKeyResolveOperator>> ForeignKeyResolveOperator::make(
    TaskContext& context, const ForeignKeyResolveStep& step, const Layout& layout) {
  std::unique_ptr<ForeignKeyResolveOperator> made(
      new ForeignKeyResolveOperator(context, step, layout));
  std::vector<ColumnDef> keys;
  for (size_t i = 0; i < step.key_count; ++i)
    keys.push_back({layout[i].name, layout[i].type, ColumnRole::Key});
  made->key_writer_ = TRY(make_writer(step.key_format, keys, Side::Key));
  return made;
}

Status ForeignKeyResolveOperator::process(Batch batch, size_t) {
  assert(!has_rest());
  ColumnPtr keys = std::exchange(batch.keys, nullptr);
  if (!keys) {
    std::vector<const Column*> columns;
    for (size_t i = 0; i < step_.key_count; ++i) columns.push_back(batch.columns[i].get());
    EncodedRows written;
    key_writer_->write(columns, {0, batch.rows}, nullptr, written);
    if (!written.problems.empty())
      return Error{ErrorCode::InvalidText, "the key of a join cannot be written",
                   written.problems.front().message};
    Column made(TypeKind::Bytes);
    for (size_t row = 0; row < batch.rows; ++row) made.append_copy(written[row].value_or(""));
    keys = std::make_shared<const Column>(std::move(made));
  }
  rest_ = Rest{std::move(batch), std::move(keys)};
  return resume();
}

Status ForeignKeyResolveOperator::resume() {
  while (rest_ && !is_blocked()) {
    TRY(take_block());
    if (!may_go_on()) return {};
  }
  return rest_ ? Status{} : show_some();
}

Status ForeignKeyResolveOperator::take_block() {
  Rest& rest = *rest_;
  const ColumnPtr key_column = rest.keys;
  const auto keys = key_column->data<std::string_view>();
  const size_t first = rest.row;
  Batch joined =
      rest.batch.slice(first, std::min(rest.batch.rows - first, context().slice.block_rows()));
  const auto number_column = joined.columns.begin() + static_cast<ptrdiff_t>(step_.key_count);
  const ColumnPtr number_values = number_column[0], kind_values = number_column[1];
  const auto numbers = number_values->data<int64_t>();
  const auto kinds = kind_values->data<int32_t>();
  joined.columns.erase(number_column, number_column + 2);
  for (size_t row = 0; row < joined.rows; ++row)
    joined.present.assign(row, (kinds[row] & ForeignKeyChange::kJoined) != 0);

  Changes changes(*this, joined);
  const auto fetches = [&] { return rows().layers().fetches() + moving_.layers().fetches(); };
  const uint64_t max_fetches = fetches() + Slice::kBlockFetches;
  uint32_t row = 0;
  for (; row < joined.rows && fetches() < max_fetches; ++row) {
    const std::string_view key = keys[first + row];
    if (TRY(is_out_of_date(key, numbers[row], kinds[row]))) continue;
    std::string head;
    append_be<int64_t>(head, numbers[row]);
    // In two cases a delete is emitted even if no joined row existed, as in Kafka Streams: if the
    // left row was deleted, and if the left row has moved to a foreign key that has no right row.
    constexpr int32_t kAlwaysDeletes = ForeignKeyChange::kGone | ForeignKeyChange::kMoved;
    TRY(changes.apply(row, key,
                      {.head = head, .emits_all_deletes = (kinds[row] & kAlwaysDeletes) != 0}));
  }
  rest.row += row;
  context().slice.spend_rows(row);
  if (rest.row == rest.batch.rows) rest_.reset();
  return give(changes.take(std::move(joined), step_.key_count, key_column));
}

Result<bool> ForeignKeyResolveOperator::is_out_of_date(std::string_view key, int64_t number,
                                                       int32_t kind) {
  std::optional<Moving> moving = TRY(moving_of(key));
  const bool is_old = moving && number < moving->newest;
  const bool is_left = kind == ForeignKeyChange::kLeft;
  const bool is_half = is_left || (kind & ForeignKeyChange::kMoved) != 0;
  if (is_half && !moving) moving.emplace();
  if (is_half) moving->hear(number);
  const bool is_newer = moving && !is_left && number > moving->newest;
  if (is_newer) moving->newest = number;
  if (is_half || is_newer) TRY(keep_moving(key, *moving));
  if (is_left || is_old) return true;
  const RowStore::Row* const now = TRY(rows().find(key));
  return now && load_be<int64_t>(now->bytes.data()) > number;
}

void ForeignKeyResolveOperator::Moving::hear(int64_t number) {
  const auto other = std::ranges::find(open, number);
  if (other == open.end())
    open.push_back(number);
  else
    open.erase(other);
}

Result<std::optional<ForeignKeyResolveOperator::Moving>> ForeignKeyResolveOperator::moving_of(
    std::string_view key) {
  const RowStore::Row* const row = TRY(moving_.find(key));
  if (!row) return std::optional<Moving>();
  ByteReader in(row->bytes);
  Moving moving;
  moving.newest = static_cast<int64_t>(in.varint());
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left)
    moving.open.push_back(static_cast<int64_t>(in.varint()));
  if (!in.ok())
    return Error{ErrorCode::CorruptRecord, "the stored state of a key in a join is truncated"};
  return std::optional(std::move(moving));
}

Status ForeignKeyResolveOperator::keep_moving(std::string_view key, const Moving& moving) {
  if (moving.has_ended()) {
    TRY(moving_.erase(key));
    return {};
  }
  RowStore::Row row;
  append_varint(row.bytes, static_cast<uint64_t>(moving.newest));
  append_varint(row.bytes, moving.open.size());
  for (const int64_t number : moving.open) append_varint(row.bytes, static_cast<uint64_t>(number));
  TRY(moving_.put(key, std::move(row)));
  return {};
}

void ForeignKeyResolveOperator::visit_rest(const VisitRecord& visit) const {
  if (!rest_) return;
  for (size_t row = rest_->row; row < rest_->batch.rows; ++row)
    visit(rest_->batch.partition_of(row), rest_->batch.offsets[row]);
}

void ForeignKeyResolveOperator::own_rest() {
  if (!rest_) return;
  // The copy includes the rows before rest_->row, which are finished, because rest_->keys is
  // indexed by the row's number in the whole batch.
  rest_->batch = rest_->batch.owned(0);
  rest_->keys = std::make_shared<const Column>(rest_->keys->copy());
}

}  // namespace engine
