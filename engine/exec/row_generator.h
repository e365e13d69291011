// Makes the rows of a generated stream or table: a row follows from the seed and its number, and from nothing else, but
// for columns that hold the time (docs/adr/0045).
#pragma once
#include <memory>
#include <vector>

#include "engine/plan/generator.h"
#include "engine/types/batch.h"
#include "engine/types/schema.h"

namespace engine {

// The values of one column.
class ColumnGenerator {
 public:
  virtual ~ColumnGenerator() = default;
  // Appends those of `count` rows from number `first` on, whose times are given.
  virtual void append(int64_t first, std::span<const int64_t> timestamps, Column& column) const = 0;
};

// Threads: belongs to a task.
class RowGenerator {
 public:
  // Rules that do not fit their columns' types fail with CorruptRecord: a statement's have been checked.
  static Result<RowGenerator> make(const GeneratorPlan& plan, const Schema& schema);

  // Rows `first` to `first + count - 1`, made at `now_ms`: the columns of the schema, and offsets, times and presence.
  Batch rows(int64_t first, size_t count, int64_t now_ms) const;

 private:
  RowGenerator() = default;
  int64_t time_of(int64_t row, int64_t now_ms) const;

  GeneratorPlan plan_;
  std::vector<SqlType> types_;
  std::vector<std::unique_ptr<ColumnGenerator>> columns_;
};

}  // namespace engine
