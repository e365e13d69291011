// The rows of a cursor that was declared with SCROLL, and its position in them.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/sql/ast_session.h"
#include "engine/types/column.h"

namespace server::pg {

// Keeps all rows that have arrived, numbered from 1. The position is the number of the present row:
// 0 is before the first row, and the number of rows plus one is after the last row. A FETCH moves
// the position forward or backward, by one or by several rows:
//
//   begin(what) -> next(), advance(n), next(), ... -> is_done()
//
// Owner: the portal, which charges the kept rows.
class ScrollRows {
 public:
  struct Run {
    std::span<const engine::ColumnPtr> columns;
    size_t first_row, end_row;
  };

  // Begins a FETCH. `count`: nothing for ALL.
  void begin(engine::FetchDirection direction, std::optional<int64_t> count, bool has_ended);
  void end_fetch() { is_open_ = false; }
  bool is_open() const { return is_open_; }
  // Returns the maximum number of rows that the FETCH returns.
  std::optional<uint64_t> limit() const { return left_; }

  void add(std::vector<engine::ColumnPtr> columns, size_t rows);
  // Returns the rows to send next; nothing if they have not arrived yet or if all rows have been
  // sent.
  std::optional<Run> next(bool has_ended);
  // Notes that this number of rows from next() has been sent.
  void advance(size_t rows);
  bool is_done() const { return is_done_; }

 private:
  struct Chunk {
    std::vector<engine::ColumnPtr> columns;
    uint64_t first;  // number of the first row of `columns`
    size_t rows;
  };
  void go_to(uint64_t row);
  void go_from_end(uint64_t rows);
  void stop_at(uint64_t position);
  const Chunk& chunk_of(uint64_t row) const;

  std::vector<Chunk> chunks_;
  uint64_t count_ = 0, position_ = 0;
  // The state of the present FETCH.
  uint64_t next_ = 0;
  std::optional<uint64_t> left_ = 0;
  // The number of the requested row, counted from the end. Set only until the end is known.
  std::optional<uint64_t> from_end_;
  bool is_backward_ = false, is_done_ = true, is_open_ = false;
};

}  // namespace server::pg
