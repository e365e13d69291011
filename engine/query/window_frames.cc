#include "engine/query/window_frames.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "engine/functions/ordering.h"
#include "engine/functions/session_zone.h"
#include "engine/types/postgres_types.h"
#include "engine/types/zoned_texts.h"

namespace engine {

namespace {

bool has_offset(FrameEdge edge) {
  return edge == FrameEdge::Preceding || edge == FrameEdge::Following;
}

Int128 whole_at(const Column& column, size_t row) {
  switch (column.type().kind()) {
    case TypeKind::Bigint:
    case TypeKind::Timestamp:
      return column.data<int64_t>()[row];
    case TypeKind::Decimal:
      return column.data<Int128>()[row];
    default:
      return column.data<int32_t>()[row];
  }
}

Int128 whole_of(const Value& value) {
  if (const auto* small = std::get_if<int32_t>(&value.payload())) return *small;
  if (const auto* large = std::get_if<int64_t>(&value.payload())) return *large;
  if (const auto* decimal = std::get_if<Decimal>(&value.payload())) return decimal->unscaled;
  return 0;
}

// Adds or subtracts the offset. Decimals of 38 digits, and offsets of that size, fit into 128 bits. A sum that does
// not fit is replaced by the most distant value.
Int128 added(Int128 base, Int128 offset, bool subtract) {
  Int128 sum = 0;
  const bool is_over = subtract ? __builtin_sub_overflow(base, offset, &sum)
                                : __builtin_add_overflow(base, offset, &sum);
  if (!is_over) return sum;
  constexpr Int128 kMost = static_cast<Int128>(~static_cast<unsigned __int128>(0) >> 1);
  return subtract ? -kMost : kMost;
}

// Returns a date or time in microseconds. Values out of range are replaced by the most distant value.
int64_t us_at(const Column& column, size_t row) {
  constexpr int64_t kUsPerMs = 1'000, kUsPerDay = 86'400'000'000;
  const TypeKind kind = column.type().kind();
  const bool is_short = kind == TypeKind::Date || kind == TypeKind::Time;
  const int64_t count = is_short ? column.data<int32_t>()[row] : column.data<int64_t>()[row];
  int64_t us = 0;
  if (!__builtin_mul_overflow(count, kind == TypeKind::Date ? kUsPerDay : kUsPerMs, &us)) return us;
  return count < 0 ? INT64_MIN : INT64_MAX;
}

// Returns the date or time moved by the interval, in microseconds. A result that does not fit is replaced by the most
// distant value. For a time of day, only the time part of the interval is used.
int64_t moved_us(const Column& column, size_t row, const Interval& by, bool subtract,
                 const ZoneClock* zone) {
  const bool is_time = column.type().kind() == TypeKind::Time;
  const Interval moves = is_time ? Interval{by.us, 0, 0} : by;
  const auto moved = plus_in_zone(is_instant(column.type()) ? zone : nullptr, us_at(column, row),
                                  subtract ? opposite(moves) : moves);
  return moved ? *moved : subtract ? INT64_MIN : INT64_MAX;
}

}  // namespace

Result<Frames> Frames::of(const BoundFrame& frame, const OrderedRows& rows, RowsContext& context) {
  Frames made(frame, rows);
  made.zone_ = session_zone(context.eval());
  if (frame.start_offset)
    made.start_ = TRY(made.read_offset(*frame.start_offset, "starting", context));
  if (frame.end_offset) made.end_ = TRY(made.read_offset(*frame.end_offset, "ending", context));
  return made;
}

Result<Frames::Offset> Frames::read_offset(const BoundExpression& expression,
                                           std::string_view which, RowsContext& context) const {
  const Value value = TRY(evaluate_constant(expression, context.eval()));
  if (value.is_null())
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("frame {} offset must not be null", which)};
  Offset offset;
  if (expression.type.label() == label::kInterval) {
    offset.interval = TRY(parse_interval(value.as_string()));
    if (comparable_interval(value.as_string()) < comparable_interval("00:00:00"))
      return Error{ErrorCode::InvalidParameter,
                   "invalid preceding or following size in window function"};
    return offset;
  }
  if (const auto* number = std::get_if<double>(&value.payload())) offset.number = *number;
  offset.whole = whole_of(value);
  if (offset.whole < 0 || offset.number < 0 || std::isnan(offset.number))
    return frame_->unit == FrameUnit::Range
               ? Error{ErrorCode::InvalidParameter,
                       "invalid preceding or following size in window function"}
               : Error{ErrorCode::InvalidParameter,
                       fmt::format("frame {} offset must not be negative", which)};
  constexpr Int128 kMostRows = Int128{1} << 40;  // more rows than any table has
  offset.count = static_cast<size_t>(std::min(offset.whole, kMostRows));
  return offset;
}

void Frames::begin_partition(size_t first, size_t end) {
  partition_ = not_null_ = {first, end};
  if (frame_->unit == FrameUnit::Range && rows_->order_column &&
      (has_offset(frame_->start) || has_offset(frame_->end))) {
    const Column& column = *rows_->order_column;
    while (!not_null_.is_empty() && column.is_null(not_null_.first)) ++not_null_.first;
    while (!not_null_.is_empty() && column.is_null(not_null_.end - 1)) --not_null_.end;
  }
  start_reached_ = end_reached_ = not_null_.first;
}

FrameRows Frames::whole(size_t row) {
  const size_t first = edge(row, frame_->start, start_, true, start_reached_);
  return {first, std::max(first, edge(row, frame_->end, end_, false, end_reached_))};
}

// Returns the start of the frame or, unless `is_start` is set, its end, which is the first row after the frame.
size_t Frames::edge(size_t row, FrameEdge edge, const Offset& offset, bool is_start,
                    size_t& reached) {
  if (edge == FrameEdge::UnboundedPreceding) return partition_.first;
  if (edge == FrameEdge::UnboundedFollowing) return partition_.end;
  if (edge == FrameEdge::CurrentRow) {
    if (frame_->unit == FrameUnit::Rows) return is_start ? row : row + 1;
    return is_start ? rows_->group_first(row) : rows_->group_end(row);
  }
  const bool is_before = edge == FrameEdge::Preceding;
  if (frame_->unit == FrameUnit::Range) return by_value(row, edge, offset, is_start, reached);
  if (frame_->unit == FrameUnit::Rows) {
    const size_t at = is_start ? row : row + 1;
    return is_before ? at - std::min(offset.count, at - partition_.first)
                     : at + std::min(offset.count, partition_.end - at);
  }
  const size_t first_group = rows_->group_of[partition_.first];
  const size_t end_group = size_t{rows_->group_of[partition_.end - 1]} + 1;
  const size_t group = size_t{rows_->group_of[row]} + (is_start ? 0 : 1);
  return rows_->groups[is_before ? group - std::min(offset.count, group - first_group)
                                 : group + std::min(offset.count, end_group - group)];
}

// Returns the start or end of a RANGE frame with an offset. The frame of a row with a null value consists of the rows
// with a null value.
size_t Frames::by_value(size_t row, FrameEdge edge, const Offset& offset, bool is_start,
                        size_t& reached) const {
  if (rows_->order_column->is_null(row))
    return is_start ? rows_->group_first(row) : rows_->group_end(row);
  const bool is_ascending = !rows_->order->is_descending;
  const bool subtract = (edge == FrameEdge::Preceding) == is_ascending;
  const bool less = is_start != is_ascending;
  while (reached < not_null_.end && is_in_range(reached, row, offset, subtract, less) != is_start)
    ++reached;
  return reached;
}

// Compares the value in row `value` with a bound, which is the value in row `base` plus or minus the offset. Returns
// whether the value is at most the bound if `less` is set, otherwise whether it is at least the bound.
bool Frames::is_in_range(size_t value, size_t base, const Offset& offset, bool subtract,
                         bool less) const {
  const Column& column = *rows_->order_column;
  if (column.type().is_time_like()) {
    const int64_t bound = moved_us(column, base, offset.interval, subtract, zone_.get());
    return less ? us_at(column, value) <= bound : us_at(column, value) >= bound;
  }
  if (column.type().kind() != TypeKind::Double) {
    const Int128 bound = added(whole_at(column, base), offset.whole, subtract);
    const Int128 asked = whole_at(column, value);
    return less ? asked <= bound : asked >= bound;
  }
  const double from = column.data<double>()[base], asked = column.data<double>()[value];
  // As in PostgreSQL, NaN is greater than all other values, and only NaN is in range of NaN.
  if (std::isnan(asked)) return std::isnan(from) || !less;
  if (std::isnan(from)) return less;
  if (std::isinf(offset.number) && std::isinf(from) && (subtract ? from > 0 : from < 0))
    return true;
  const double bound = subtract ? from - offset.number : from + offset.number;
  return less ? asked <= bound : asked >= bound;
}

FrameRanges Frames::ranges(size_t row, const FrameRows& whole) const {
  if (!excludes()) return {whole};
  FrameRows out{row, row + 1};
  if (frame_->exclusion != FrameExclusion::CurrentRow)
    out = {rows_->group_first(row), rows_->group_end(row)};
  FrameRanges left{};
  left[0] = {whole.first, std::min(whole.end, out.first)};
  if (frame_->exclusion == FrameExclusion::Ties && row >= whole.first && row < whole.end)
    left[1] = {row, row + 1};
  left[2] = {std::max(whole.first, out.end), whole.end};
  return left;
}

}  // namespace engine
