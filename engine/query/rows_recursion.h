// Helper functions for WITH RECURSIVE. Used only by the source files in this folder.
#pragma once
#include "engine/query/rows_steps.h"
#include "engine/query/seen_rows.h"

namespace engine {

// Collects the rows of all rounds of a WITH RECURSIVE; each round computes new rows from those of the round before. A
// round may have few rows, so small chunks are merged from time to time.
//
// Threads: the run's. Owner: the recursion.
class GatheredRows {
 public:
  GatheredRows(bool takes_doubles, RowsContext& context)
      : takes_doubles_(takes_doubles), context_(context), seen_(context) {}

  // Adds the rows of a round. Returns those of them that are new, and charges their memory. Fails with OutOfMemory.
  Result<RowsChunks> add(RowsChunks rows);
  size_t count() const { return count_; }
  RowsChunks take();

 private:
  Result<RowsChunks> without_doubles(RowsChunks rows);
  void put_together();

  const bool takes_doubles_;
  RowsContext& context_;
  size_t count_ = 0;
  RowsChunks whole_, small_;
  size_t small_rows_ = 0;
  SeenRows seen_;
};

// Returns whether the output of the node depends on OuterRows that other steps provide. OuterRows
// that are provided within the node, or whose numbers are in `set_within`, do not count.
bool reads_outer_rows(const RowsNode& node, std::vector<size_t> set_within = {});

}  // namespace engine
