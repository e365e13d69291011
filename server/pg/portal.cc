#include "server/pg/portal.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "engine/types/column_bytes.h"
#include "server/pg/session_ends.h"

namespace server::pg {

using engine::Column;
using engine::ColumnPtr;

Portal::Portal(PreparedStatementPtr statement, std::vector<engine::Value> parameters,
               std::vector<Format> formats, std::function<void()> on_event)
    : statement_(std::move(statement)),
      parameters_(std::move(parameters)),
      formats_(std::move(formats)),
      on_event_(std::move(on_event)) {}

Status Portal::start(sql::SessionBackend& backend) {
  assert(!has_started_ && statement_->plan);
  has_started_ = true;
  is_starting_ = true;
  auto started = start_prepared(backend, statement_->plan, std::move(parameters_), *this);
  is_starting_ = false;
  if (!started) {
    error_ = started.error();
    return std::move(started).error();
  }
  // The statement may have ended already, inside start().
  if (!completion_ && !error_) execution_ = std::move(started).take();
  update_flow();
  return {};
}

std::optional<uint64_t> Portal::begin_fetch(engine::FetchDirection direction,
                                            std::optional<int64_t> count) {
  scroll_->begin(direction, count, has_ended());
  return scroll_->limit();
}

bool Portal::has_rows_to_go() const {
  return scroll_ ? scroll_->next(has_ended()).has_value() : !kept_.empty();
}

void Portal::open_delivery(Delivery& delivery) {
  delivery_ = &delivery;
  // Execute only moves forward. If no FETCH has positioned this scrollable cursor, Execute begins
  // at its first row.
  if (scroll_ && !scroll_->is_open()) {
    const auto limit = delivery.limit;
    scroll_->begin(engine::FetchDirection::Forward,
                   limit ? std::optional(static_cast<int64_t>(*limit)) : std::nullopt, has_ended());
  }
  continue_delivery();
}

void Portal::continue_delivery() {
  if (!delivery_ || is_output_full_) return update_flow();
  if (scroll_) return continue_scroll();
  while (!kept_.empty() && !delivery_->is_full() && delivery_->has_room()) {
    KeptRows& front = kept_.front();
    const size_t taken = deliver(front.columns, front.next_row, front.end_row);
    if (kept_.empty()) break;  // deliver() has failed and dropped the rows
    front.next_row += taken;
    if (front.next_row < front.end_row) continue;
    kept_bytes_ -= front.bytes;
    kept_.pop_front();
  }
  kept_charge_.resize(kept_bytes_);
  if (!kept_.empty() && !delivery_->is_full()) on_event_();
  update_flow();
}

void Portal::continue_scroll() {
  while (!delivery_->is_full() && delivery_->has_room()) {
    const auto run = scroll_->next(has_ended());
    if (!run) break;
    const size_t taken = deliver(run->columns, run->first_row, run->end_row);
    if (error_) break;  // deliver() has dropped the rows
    scroll_->advance(taken);
    if (taken == 0) break;
  }
  if (has_rows_to_go() && !delivery_->is_full()) on_event_();
  update_flow();
}

void Portal::close_delivery() {
  delivery_ = nullptr;
  if (scroll_) scroll_->end_fetch();
  update_flow();
}

void Portal::set_output_full(bool is_full) {
  is_output_full_ = is_full;
  update_flow();
}

void Portal::update_flow() {
  if (completion_ || error_) execution_.reset();
  if (!execution_) return;
  const bool should_pause =
      is_output_full_ || !delivery_ || delivery_->is_full() || has_rows_to_go();
  // The execution already waits for resume(), because has_room() has returned false, although this
  // portal has not called pause().
  if (!should_pause && std::exchange(is_room_awaited_, false)) is_paused_ = true;
  if (should_pause == is_paused_) return;
  is_paused_ = should_pause;
  if (should_pause)
    execution_->pause();
  else
    execution_->resume();
}

void Portal::finish_early() {
  execution_.reset();
  drop_kept();
  if (!completion_) completion_ = sql::Completion{"SELECT"};
}

void Portal::stop_with(Error error) {
  execution_.reset();
  drop_kept();
  completion_.reset();
  error_ = std::move(error);
}

void Portal::request_cancel() {
  if (execution_) execution_->cancel();
}

void Portal::on_rows(std::span<const ColumnPtr> columns, size_t first_row, size_t end_row) {
  if (marks_changes_)
    take_changes(columns, first_row, end_row, nullptr);
  else
    take_rows(columns, first_row, end_row);
}

void Portal::on_changes(std::span<const ColumnPtr> columns, size_t first_row, size_t end_row,
                        const engine::Bitmap& present) {
  if (marks_changes_)
    take_changes(columns, first_row, end_row, &present);
  else
    take_rows(columns, first_row, end_row);
}

void Portal::take_changes(std::span<const ColumnPtr> columns, size_t first_row, size_t end_row,
                          const engine::Bitmap* present) {
  auto mark = std::make_shared<Column>(engine::SqlType(engine::TypeKind::Boolean));
  for (size_t row = 0; row < end_row; ++row)
    mark->append(static_cast<uint8_t>(!present || present->test(row)));
  std::vector<ColumnPtr> marked(columns.begin(), columns.end());
  marked.push_back(std::move(mark));
  take_rows(marked, first_row, end_row);
}

void Portal::take_rows(std::span<const ColumnPtr> columns, size_t first_row, size_t end_row) {
  if (error_) return;
  if (scroll_) {
    keep(columns, first_row, end_row);
    if (delivery_ && !error_ && !is_output_full_) continue_scroll();
    return tell_event();
  }
  if (kept_.empty() && delivery_) first_row += deliver(columns, first_row, end_row);
  if (first_row < end_row && !error_) keep(columns, first_row, end_row);
  tell_event();
}

bool Portal::must_be_short() const { return account_ && account_->budget().has_many_answers(); }

// Calls tell_event() only when it refuses for the first time. If there is still no room after that
// event, the execution calls has_room() again.
bool Portal::has_room(size_t first_row_bytes) {
  const bool has_room =
      !error_ && delivery_ && !is_output_full_ && !has_rows_to_go() && !delivery_->is_full() &&
      delivery_->has_room_for(first_row_bytes) &&
      !(must_be_short() && delivery_->out.size() >= MemoryBudget::kShortAnswerBytes);
  if (!has_room && !std::exchange(is_room_awaited_, true)) on_event_();
  return has_room;
}

void Portal::on_notice(sql::Notice notice) {
  notices_.push_back(std::move(notice));
  tell_event();
}
void Portal::on_done(sql::Completion completion) {
  if (!completion_ && !error_) completion_ = std::move(completion);
  tell_event();
}
void Portal::on_error(Error error) {
  if (!completion_ && !error_) error_ = std::move(error);
  tell_event();
}

// Reports an event, but not during start(): the caller of start() checks the output afterwards.
void Portal::tell_event() {
  if (!is_starting_) on_event_();
}

// Returns the number of rows for which memory is available. Short output is always allowed, because
// the number of sessions limits its memory. A single row may be much longer; it is sent alone, and
// only if memory for it is available. A row that is too long for any session is refused by the
// encoder.
Result<size_t> Portal::rows_with_room(std::span<const ColumnPtr> columns, size_t first_row,
                                      size_t end_row) {
  constexpr size_t kLongRowBytes = 2 * Delivery::kEnoughBytes;
  if (engine::bytes_of(columns, first_row, end_row) <= kLongRowBytes) return end_row - first_row;
  for (size_t row = first_row; row < end_row; ++row) {
    const size_t bytes = engine::bytes_of(columns, row, row + 1);
    if (bytes <= kLongRowBytes) continue;
    if (row > first_row) return row - first_row;
    if (bytes > kMaxRowBytes) return 1;
    // The reserved size includes the head of the message and the lengths of the columns: otherwise
    // the string would have to grow by a few bytes, which doubles its memory.
    const size_t output_bytes = delivery_->out.size() + bytes + 64 + 16 * columns.size();
    if (!delivery_->charge.try_resize(output_bytes))
      return account_->refusal("an answer of " + format_bytes(output_bytes));
    delivery_->out.reserve(output_bytes);
    return 1;
  }
  return end_row - first_row;
}

// Passes rows to the delivery. Returns how many rows the delivery took: fewer than given if it
// reaches its row limit or the size limit of its output, or stops before a long row. Returns 0 if
// the portal fails.
size_t Portal::deliver(std::span<const ColumnPtr> columns, size_t first_row, size_t end_row) {
  size_t count = end_row - first_row;
  if (delivery_->limit)
    count = static_cast<size_t>(std::min<uint64_t>(count, *delivery_->limit - delivery_->sent));
  if (delivery_->encoder) {
    const Result<size_t> room = rows_with_room(columns, first_row, first_row + count);
    if (!room) {
      fail_with(room.error());
      return 0;
    }
    count = *room;
    auto encoded = delivery_->encoder->append_rows(delivery_->out, columns, first_row,
                                                   first_row + count, Delivery::kEnoughBytes);
    if (!encoded) {
      fail_with(std::move(encoded).error());
      return 0;
    }
    count = *encoded;
    // The output is charged here, so that other sessions see the charge before the loop sends the
    // output. A short answer is not charged, to save work on the counters.
    if (delivery_->out.size() > MemoryBudget::kShortAnswerBytes)
      delivery_->charge.resize(delivery_->out.capacity());
  }
  delivery_->sent += count;
  rows_delivered_ += count;
  return count;
}

void Portal::charge_rows_to(MemoryAccount* account) {
  account_ = account;
  kept_charge_ = MemoryCharge(account, MemoryKind::Results);
}

void Portal::drop_kept() {
  kept_.clear();
  if (scroll_) scroll_.emplace();
  kept_bytes_ = 0;
  kept_charge_.resize(0);
}

// Copies the rows, since the columns belong to the backend and their strings may live only during
// the call.
void Portal::keep(std::span<const ColumnPtr> columns, size_t first_row, size_t end_row) {
  KeptRows kept{{}, 0, end_row - first_row, engine::bytes_of(columns, first_row, end_row)};
  if (!kept_charge_.try_resize(kept_bytes_ + kept.bytes))
    return fail_with(account_->refusal("rows of a query that are not fetched, " +
                                       format_bytes(kept_bytes_ + kept.bytes)));
  for (const ColumnPtr& column : columns) {
    auto copy = std::make_shared<Column>(column->type());
    for (size_t row = first_row; row < end_row; ++row) copy->append_from(*column, row);
    kept.columns.push_back(std::move(copy));
  }
  kept_bytes_ += kept.bytes;
  if (scroll_) return scroll_->add(std::move(kept.columns), kept.end_row);
  kept_.push_back(std::move(kept));
}

// Ends the portal with an error. The execution may be calling this object, so the execution is
// destroyed later, in update_flow().
void Portal::fail_with(Error error) {
  error_ = std::move(error);
  completion_.reset();
  drop_kept();
}

}  // namespace server::pg
