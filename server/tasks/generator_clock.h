// The clock of a generator: it determines which of the generated rows may be read now. The task of
// the generator reads the rows like the records of a partition.
#pragma once
#include <optional>
#include <vector>

#include "base/clock.h"
#include "engine/exec/ports.h"
#include "engine/plan/generator.h"

namespace server {

// Rows become due one after the other, beginning with the first call of poll(). This call begins
// with the task's next row, so no rows are generated for the time before, in which the task did not
// run. If the task falls more than a second behind (because the log or the processor is slow, or
// the task was paused), the clock starts again at the task's next row, and the rows of that time
// are not generated either.
//
// Threads: the task's.
// Owner:   the task's entry on its shard.
class GeneratorClock final : public engine::Sources {
 public:
  GeneratorClock(const engine::GeneratorPlan& plan, const Clock& clock)
      : rows_per_second_(plan.rows_per_second),
        number_of_rows_(plan.number_of_rows.value_or(INT64_MAX)),
        clock_(clock) {}

  Result<std::vector<engine::Polled>> poll(
      std::span<const std::pair<engine::PartitionRef, Offset>> positions,
      size_t max_bytes) override;
  void release() override {}

  // Returns the offset of the first row that is not due.
  Offset due() const;
  // Returns the interval between two polls, which is also the greatest delay of a row. Returns
  // nothing if all rows are due already.
  std::optional<int64_t> interval_ms() const;

 private:
  const int64_t rows_per_second_, number_of_rows_;
  const Clock& clock_;
  // The number of the row that was due at begun_us_; nothing before the first poll.
  std::optional<int64_t> begun_row_;
  int64_t begun_us_ = 0;
};

}  // namespace server
