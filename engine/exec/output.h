// Where a stage ends: in a topic, in an exchange, or with whoever asked.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "engine/exec/operator.h"
#include "engine/exec/ports.h"
#include "engine/formats/format.h"
#include "engine/java/java_time.h"
#include "engine/plan/plan.h"
#include "records/batch_builder.h"

namespace engine {

// An output that gathers what one micro-batch writes.
class LogOutput : public Operator {
 public:
  using Operator::Operator;
  // Moves what was gathered since the last call into `out`.
  virtual void take(std::vector<OutputBatch>& out) = 0;
};

struct OutputTarget {
  Uuid topic;
  int32_t partitions = 1;
};

// Writes records in the sink's formats; keys decide the partition as Kafka's producers do, records
// without a key go to the partition that their source came from.
class TopicOutput final : public LogOutput {
 public:
  static Result<std::unique_ptr<TopicOutput>> make(TaskContext& context, const OutputPlan& plan,
                                                   OutputTarget target);
  Status process(Batch batch, size_t port) override;
  void take(std::vector<OutputBatch>& out) override;

 private:
  TopicOutput(TaskContext& context, const OutputPlan& plan, OutputTarget target);
  Status append(const Batch& batch, const EncodedRows& keys, const EncodedRows& values);
  std::optional<int64_t> timestamp_of(const Batch& batch, size_t row);
  // The rows to write, in order: all, or of each key the newest when updates may be merged.
  std::vector<uint32_t> chosen_rows(const Batch& batch, const EncodedRows& keys) const;
  void append_window(const Batch& batch, size_t row, std::string& key) const;

  const OutputPlan plan_;
  const OutputTarget target_;
  std::vector<int> key_columns_, value_columns_;
  std::unique_ptr<Writer> key_writer_, value_writer_;
  std::optional<TimePattern> timestamp_pattern_;
  std::vector<records::BatchBuilder> builders_;  // one a partition
  std::string windowed_key_;                     // scratch
};

// Writes rows for the next stage of the same query (engine/exec/exchange_codec.h).
class ExchangeOutput final : public LogOutput {
 public:
  static Result<std::unique_ptr<ExchangeOutput>> make(TaskContext& context, const OutputPlan& plan,
                                                      OutputTarget target);
  Status process(Batch batch, size_t port) override;
  void take(std::vector<OutputBatch>& out) override;

 private:
  ExchangeOutput(TaskContext& context, const OutputPlan& plan, OutputTarget target);

  const OutputPlan plan_;
  const OutputTarget target_;
  std::vector<int> key_columns_, value_columns_;
  std::unique_ptr<Writer> key_writer_;
  std::vector<records::BatchBuilder> builders_;
};

// Hands batches to a function: push queries and tests.
class CallbackOutput final : public Operator {
 public:
  using Take = std::function<void(Batch batch)>;
  CallbackOutput(TaskContext& context, Take take) : Operator(context), take_(std::move(take)) {}
  Status process(Batch batch, size_t) override {
    take_(std::move(batch));
    return {};
  }

 private:
  Take take_;
};

}  // namespace engine
