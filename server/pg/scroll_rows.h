// The rows of a cursor that was declared with SCROLL, and where it stands in them.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/sql/ast_session.h"
#include "engine/types/column.h"

namespace server::pg {

// All rows that have come are kept, numbered from 1: position 0 is before the first, one more than there are is after the
// last. A FETCH is a number of rows forward or backward from some row:
//
//   begin(what) -> next(), advance(n), next(), ... -> is_done()
//
// Owner: the portal, which charges what is kept.
class ScrollRows {
 public:
  struct Run {
    std::span<const engine::ColumnPtr> columns;
    size_t first_row, end_row;
  };

  // `count` is none for ALL.
  void begin(engine::FetchDirection direction, std::optional<int64_t> count, bool has_ended);
  void end_fetch() { is_open_ = false; }
  bool is_open() const { return is_open_; }
  // How many rows the FETCH gives at most.
  std::optional<uint64_t> limit() const { return left_; }

  void add(std::vector<engine::ColumnPtr> columns, size_t rows);
  // Rows that are to go next; none where they have not come yet, or all have gone.
  std::optional<Run> next(bool has_ended);
  // So many of those of next() have gone.
  void advance(size_t rows);
  bool is_done() const { return is_done_; }

 private:
  struct Chunk {
    std::vector<engine::ColumnPtr> columns;
    uint64_t first;  // the number of its first row
    size_t rows;
  };
  void go_to(uint64_t row);
  void go_from_end(uint64_t rows);
  void stop_at(uint64_t position);
  const Chunk& chunk_of(uint64_t row) const;

  std::vector<Chunk> chunks_;
  uint64_t count_ = 0, position_ = 0;
  // Of the FETCH.
  uint64_t next_ = 0;
  std::optional<uint64_t> left_ = 0;
  std::optional<uint64_t> from_end_;  // which row it is can be told when all have come
  bool is_backward_ = false, is_done_ = true, is_open_ = false;
};

}  // namespace server::pg
