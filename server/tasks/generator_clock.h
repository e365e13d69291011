// The clock of a generator. It determines which rows are due. The task of the generator reads the
// rows like the records of a partition.
#pragma once
#include <optional>
#include <vector>

#include "base/clock.h"
#include "engine/exec/ports.h"
#include "engine/plan/generator.h"

namespace server {

// Rows become due one after the other from the first poll on. The first poll has the number of the
// task's next row, so no rows are generated for the time in which the task did not run. If the task
// falls more than a second behind, the clock starts again at the task's next row, and the rows of
// that time are not generated either. This happens if the log or the processor is slow, or if the
// task was paused.
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
  // Returns the interval of polls, which is also the greatest delay of a row. Returns nothing if
  // all rows are due already.
  std::optional<int64_t> interval_ms() const;

 private:
  const int64_t rows_per_second_, number_of_rows_;
  const Clock& clock_;
  // The number of the row that was due at begun_us_; nothing before the first poll.
  std::optional<int64_t> begun_row_;
  int64_t begun_us_ = 0;
};

}  // namespace server
