// Which rows of a generator are due: what stands for its input. A task reads them as it reads a partition.
#pragma once
#include <optional>
#include <vector>

#include "base/clock.h"
#include "engine/exec/ports.h"
#include "engine/plan/generator.h"

namespace server {

// Rows are due one after the other from the moment of the first poll, which asks for the row that the task goes on with:
// those that would have come while it did not run are not made up for. Nor are more than a second of them, when the log
// or the processor were too slow, or it was paused.
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

  // The rows below it are due.
  Offset due() const;
  // How often to look: a row is late by so much. Nothing when all have been due.
  std::optional<int64_t> interval_ms() const;

 private:
  const int64_t rows_per_second_, number_of_rows_;
  const Clock& clock_;
  // The row that was due at a moment; none before the first poll.
  std::optional<int64_t> begun_row_;
  int64_t begun_us_ = 0;
};

}  // namespace server
