// The first rows of a table in an order, for ORDER BY with LIMIT.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/query/select_rows.h"

namespace engine {

// The order and the number of the needed rows. The column numbers of the keys are numbers of the
// table's columns.
struct TopRows {
  // Most rows that are found this way. Each part of the table keeps 16 bytes for each of them, which are not charged to
  // the memory limit.
  static constexpr size_t kMost = 10'000;

  std::vector<SortKey> keys;
  size_t count;
};

// Returns the rows of the plan's table that the result needs, if the result consists of the first rows of one table in
// the order of its columns, and the columns of the result cannot fail for a row; otherwise nullopt.
std::optional<TopRows> top_rows_of(const SelectRowsPlan& plan);

// Finds rows that cannot be among the needed ones, because enough rows precede them. The rows of a table may be taken
// in any order and in several parts.
//
// Threads: one at a time. Owner: a scan, of one part of the table.
class TopCandidates {
 public:
  explicit TopCandidates(TopRows top) : top_(std::move(top)) {}
  const TopRows& top() const { return top_; }

  // Removes those of the `rows` of the batch that are certainly not needed. Rows with equal keys remain.
  void keep(const std::vector<ColumnPtr>& columns, std::vector<uint32_t>& rows);

 private:
  // The beginning of a row's sort keys, encoded so that Places are ordered like their rows. Rows whose keys differ only
  // after this beginning have the same Place.
  using Place = std::array<uint64_t, 2>;
  const TopRows top_;
  // The first places so far, at most `count`, as a heap with the last place in front.
  std::vector<Place> first_;
};

}  // namespace engine
