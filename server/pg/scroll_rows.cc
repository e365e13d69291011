#include "server/pg/scroll_rows.h"

#include <algorithm>
#include <utility>

namespace server::pg {

using engine::FetchDirection;

namespace {

uint64_t size_of(int64_t count) {
  return count < 0 ? uint64_t{0} - static_cast<uint64_t>(count) : static_cast<uint64_t>(count);
}

}  // namespace

void ScrollRows::stop_at(uint64_t position) {
  position_ = position;
  is_done_ = true;
}

// Selects the single row with this number.
void ScrollRows::go_to(uint64_t row) {
  if (row == 0) return left_ = 0, stop_at(0);
  next_ = row;
  left_ = 1;
}

void ScrollRows::go_from_end(uint64_t rows) { go_to(count_ + 1 - std::min(rows, count_ + 1)); }

void ScrollRows::begin(FetchDirection direction, std::optional<int64_t> count, bool has_ended) {
  is_open_ = true;
  is_done_ = is_backward_ = false;
  from_end_.reset();
  const int64_t number = count.value_or(1);
  const auto is_forward_or_backward =
      direction == FetchDirection::Forward || direction == FetchDirection::Backward;
  if (direction == FetchDirection::First) return go_to(1);
  if (direction == FetchDirection::Absolute && number >= 0) return go_to(size_of(number));
  if (direction == FetchDirection::Last || direction == FetchDirection::Absolute) {
    const uint64_t rows = direction == FetchDirection::Last ? 1 : size_of(number);
    if (has_ended) return go_from_end(rows);
    from_end_ = rows;
    left_ = 1;
    return;
  }
  // The count 0 selects the current row once more.
  if (number == 0) return position_ > count_ ? (left_ = 0, stop_at(position_)) : go_to(position_);
  if (!is_forward_or_backward) {
    const uint64_t step = size_of(number);
    return go_to(number > 0 ? position_ + step : position_ - std::min(step, position_));
  }
  is_backward_ = (direction == FetchDirection::Backward) != (number < 0);
  left_ = count ? std::optional(size_of(*count)) : std::nullopt;
  next_ = is_backward_ ? position_ - std::min<uint64_t>(position_, 1) : position_ + 1;
}

void ScrollRows::add(std::vector<engine::ColumnPtr> columns, size_t rows) {
  chunks_.push_back({std::move(columns), count_ + 1, rows});
  count_ += rows;
}

const ScrollRows::Chunk& ScrollRows::chunk_of(uint64_t row) const {
  return *std::prev(std::ranges::upper_bound(chunks_, row, {}, &Chunk::first));
}

std::optional<ScrollRows::Run> ScrollRows::next(bool has_ended) {
  if (is_done_) return std::nullopt;
  if (from_end_) {
    if (!has_ended) return std::nullopt;
    go_from_end(*std::exchange(from_end_, std::nullopt));
    if (is_done_) return std::nullopt;
  }
  if (next_ == 0) return stop_at(0), std::nullopt;
  if (next_ > count_) {
    if (has_ended) stop_at(count_ + 1);
    return std::nullopt;
  }
  const Chunk& chunk = chunk_of(next_);
  const size_t row = next_ - chunk.first;
  return Run{chunk.columns, row, is_backward_ ? row + 1 : chunk.rows};
}

void ScrollRows::advance(size_t rows) {
  if (rows == 0) return;
  position_ = is_backward_ ? next_ : next_ + rows - 1;
  next_ = is_backward_ ? next_ - 1 : next_ + rows;
  if (!left_) return;
  *left_ -= std::min<uint64_t>(rows, *left_);
  is_done_ = *left_ == 0;
}

}  // namespace server::pg
