// One step of a running query: takes batches, gives batches to the next.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/expr/program.h"
#include "engine/functions/kernel.h"
#include "engine/state/store.h"
#include "engine/types/batch.h"

namespace engine {

// What went wrong with single records while the query went on.
class ProcessingLog {
 public:
  virtual ~ProcessingLog() = default;
  // `offset` of the source record, in the partition that the task reads; -1 where it is not known.
  virtual void record_failed(std::string_view message, int32_t partition, int64_t offset) = 0;
};

// What all operators of a task share.
struct TaskContext {
  const EvalContext& eval;
  ProcessingLog& log;
  // Whether the output may keep only the newest of several updates of a key in one micro-batch.
  bool merge_updates = true;

  // One line for each failed row that has a message.
  void report(const RowErrors& errors, const Batch& batch) const;
};

// Threads: belongs to one task. Owner: the task's chain of operators.
class Operator {
 public:
  explicit Operator(TaskContext& context) : context_(context) {}
  virtual ~Operator() = default;

  // Takes a batch at one of its ports (joins have two) and pushes what follows from it. An error
  // ends the task.
  virtual Status process(Batch batch, size_t port) = 0;

  // Numbers that are part of the task's position (stream time). `restore_scalars` consumes its own
  // from the front.
  virtual void append_scalars(std::vector<int64_t>&) const {}
  virtual void restore_scalars(std::span<const int64_t>&) {}

  void feed(Operator* next, size_t port) {
    next_ = next;
    next_port_ = port;
  }

 protected:
  // The program's columns over these; what fails is null there, and reported.
  std::vector<ColumnPtr> evaluate(const Program& program, const std::vector<ColumnPtr>& columns,
                                  const Batch& batch) const;
  Status push(Batch batch) {
    return batch.rows == 0 ? Status{} : next_->process(std::move(batch), next_port_);
  }
  TaskContext& context() const { return context_; }

 private:
  TaskContext& context_;
  Operator* next_ = nullptr;
  size_t next_port_ = 0;
};

}  // namespace engine
