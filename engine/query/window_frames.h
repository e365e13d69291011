// Computes window frames: for each row, the rows of its partition that a window function covers.
// Used only by the source files in this folder.
#pragma once
#include <array>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "engine/query/rows_run.h"
#include "engine/types/postgres_texts.h"
#include "engine/types/zone_clock.h"

namespace engine {

// All rows of a window step, sorted by partition, then by the window's order.
struct OrderedRows {
  size_t rows = 0;
  std::vector<ColumnPtr> computed;  // each column has `rows` values
  std::vector<size_t> partitions;   // start of each partition, and the end of the last one
  std::vector<size_t>
      groups;  // start of each group of rows that are equal in the order, and the end of the last
               // group; no group spans partitions
  std::vector<uint32_t> group_of;    // index of the group of each row
  const RowsOrder* order = nullptr;  // the window's order; null unless it has one key
  ColumnPtr order_column;            // values of the order's only key

  size_t group_first(size_t row) const { return groups[group_of[row]]; }
  size_t group_end(size_t row) const { return groups[group_of[row] + 1]; }
};

struct FrameRows {
  size_t first = 0, end = 0;
  bool operator==(const FrameRows&) const = default;
  bool is_empty() const { return first >= end; }
};
// The rows of a frame, in order. EXCLUDE may split the frame into up to three ranges, some of them empty.
using FrameRanges = std::array<FrameRows, 3>;

// Computes the frames of one call.
//
// Threads: the run's. Owner: the computation of one column.
class Frames {
 public:
  // Evaluates the offsets of the frame. Fails with InvalidParameter if an offset is null or negative.
  static Result<Frames> of(const BoundFrame& frame, const OrderedRows& rows, RowsContext& context);

  void begin_partition(size_t first, size_t end);
  // Returns the frame of a row, without regard to EXCLUDE. It must be called for the rows in their
  // order.
  FrameRows whole(size_t row);
  FrameRanges ranges(size_t row, const FrameRows& whole) const;

  bool begins_with_partition() const { return frame_->start == FrameEdge::UnboundedPreceding; }
  bool excludes() const { return frame_->exclusion != FrameExclusion::None; }

 private:
  // An offset of a frame. Only one member is set, depending on the unit of the frame and the type
  // of the ordered column. Dates and times use the interval.
  struct Offset {
    size_t count = 0;
    Int128 whole = 0;
    double number = 0;
    Interval interval = {};
  };

  Frames(const BoundFrame& frame, const OrderedRows& rows) : frame_(&frame), rows_(&rows) {}
  Result<Offset> read_offset(const BoundExpression& expression, std::string_view which,
                             RowsContext& context) const;
  size_t edge(size_t row, FrameEdge edge, const Offset& offset, bool is_start, size_t& reached);
  size_t by_value(size_t row, FrameEdge edge, const Offset& offset, bool is_start,
                  size_t& reached) const;
  bool is_in_range(size_t value, size_t base, const Offset& offset, bool subtract, bool less) const;

  const BoundFrame* frame_;
  const OrderedRows* rows_;
  Offset start_, end_;
  ZoneClockPtr zone_;               // time zone in which timestamps are moved by days; null: UTC
  FrameRows partition_, not_null_;  // `not_null_`: rows with a value, for RANGE
  size_t start_reached_ = 0, end_reached_ = 0;
};

}  // namespace engine
