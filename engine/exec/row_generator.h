// Generates the rows of a generated stream or table. A row depends only on the seed and its number.
// Only columns that contain the time are an exception (docs/adr/0045).
#pragma once
#include <memory>
#include <vector>

#include "engine/plan/generator.h"
#include "engine/types/batch.h"
#include "engine/types/schema.h"

namespace engine {

// Generates the values of one column.
class ColumnGenerator {
 public:
  virtual ~ColumnGenerator() = default;
  // Appends the values of the rows from number `first` on, one for each timestamp.
  virtual void append(int64_t first, std::span<const int64_t> timestamps, Column& column) const = 0;
};

// Threads: belongs to a task.
class RowGenerator {
 public:
  // Returns a generator of the plan's rows. Fails with CorruptRecord if a rule does not fit the type of its column;
  // the planner has checked this for statements.
  static Result<RowGenerator> make(const GeneratorPlan& plan, const Schema& schema);

  // Returns the rows `first` to `first + count - 1`, as generated at `now_ms`: the columns of the
  // schema, and the offsets, times and presence bits of the rows.
  Batch rows(int64_t first, size_t count, int64_t now_ms) const;

 private:
  RowGenerator() = default;
  int64_t time_of(int64_t row, int64_t now_ms) const;

  GeneratorPlan plan_;
  std::vector<SqlType> types_;
  std::vector<std::unique_ptr<ColumnGenerator>> columns_;
};

}  // namespace engine
