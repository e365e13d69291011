// Where a stage ends: in a topic, in an exchange, or with whoever asked.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "engine/exec/exchange_block.h"
#include "engine/exec/operator.h"
#include "engine/exec/ports.h"
#include "engine/exec/running_times.h"
#include "engine/exec/time_ahead.h"
#include "engine/formats/format.h"
#include "engine/java/java_time.h"
#include "engine/plan/plan.h"
#include "records/batch_builder.h"

namespace engine {

struct OutputTarget {
  Uuid topic;
  int32_t partitions = 1;
  int32_t first_partition = 0;  // of an exchange: where the writer's own begin
  // Behind these comes one for the writer's progress (engine/exec/exchange_lanes.h).
  bool is_time_ordered = false;
};

// An output that gathers what is written until the next commit, as record batches that every consumer
// takes (max.message.bytes), unless a single record is larger. Rows may share what they hold, so that a
// small batch becomes gigabytes: they are written a slice's bytes at a time.
class LogOutput : public Operator {
 public:
  LogOutput(TaskContext& context, const OutputPlan& plan, OutputTarget target);
  Status process(Batch batch, size_t port) override;
  bool has_rest() const override { return rest_.rows > 0; }
  Status resume() override;
  void visit_rest(const VisitRecord& visit) const override;
  void own_rest() override;
  // Moves what was gathered since the last call into `out`.
  void take(std::vector<OutputBatch>& out);

 protected:
  virtual Status write(const Batch& batch, RowRange range) = 0;
  // A record that is larger than any value may be is a failed one.
  void append(PartitionId partition, int64_t timestamp, std::optional<std::string_view> key,
              std::optional<std::string_view> value, const Batch& batch, size_t row);
  // Likewise one that is a block of these rows of the batch.
  void append_block(PartitionId partition, std::string_view block, const Batch& batch,
                    std::span<const uint32_t> rows);
  // The only record of its batch, in the partition behind those of the rows.
  void append_progress(std::string_view value);
  const OutputTarget& target() const { return target_; }
  int32_t partitions() const { return target_.partitions; }

 private:
  std::vector<size_t> bytes_of_rest() const;
  records::BatchBuilder& builder_for(PartitionId partition, size_t record_bytes);
  void refuse(const Batch& batch, size_t row, size_t bytes);
  void finish(int32_t partition, records::BatchBuilder& builder);

  const OutputTarget target_;
  size_t name_bytes_ = 0;  // of a record whose format writes the names of the columns
  Batch rest_;
  size_t row_ = 0;  // of the rest: the first that is not written
  // Of the partitions that were written to since the last commit: a query has as many outputs as its
  // source has partitions, and one builder for each pair would be millions.
  std::map<int32_t, records::BatchBuilder> builders_;
  std::vector<OutputBatch> finished_;  // in the order in which they are to be appended
};

// Writes records in the sink's formats; keys decide the partition as Kafka's producers do, records
// without a key go to the partition that their source came from.
class TopicOutput final : public LogOutput {
 public:
  static Result<std::unique_ptr<TopicOutput>> make(TaskContext& context, const OutputPlan& plan,
                                                   OutputTarget target);
  Status process(Batch batch, size_t port) override;

 private:
  TopicOutput(TaskContext& context, const OutputPlan& plan, OutputTarget target);
  Status write(const Batch& batch, RowRange range) override;
  std::optional<int64_t> timestamp_of(const Batch& batch, size_t row);
  // The rows of the range to write, in order: all, or of each key the newest when updates may be merged.
  std::vector<uint32_t> chosen_rows(const Batch& batch, RowRange range,
                                    const EncodedRows& keys) const;
  void append_window(const Batch& batch, size_t row, std::string& key) const;

  const OutputPlan plan_;
  std::vector<int> key_columns_, value_columns_;
  std::unique_ptr<Writer> key_writer_, value_writer_;
  std::optional<TimePattern> timestamp_pattern_;
  std::string windowed_key_;  // scratch
};

// Writes rows for the next stage of the same query (engine/exec/exchange_block.h). Notes who moves the
// event time on: the next stage knows only where a record lies in the exchange.
class ExchangeOutput final : public LogOutput {
 public:
  static Result<std::unique_ptr<ExchangeOutput>> make(TaskContext& context, const OutputPlan& plan,
                                                      OutputTarget target);

  void append_scalars(std::vector<int64_t>& out) const override;
  void restore_scalars(std::span<const int64_t>& scalars) override;
  const StreamTime* stream_time() const override { return &stream_time_; }

  // --- Of a time-ordered exchange
  bool is_time_ordered() const { return target().is_time_ordered; }
  // These records of the stage's stream are taken next.
  void note_taken(const Batch& records);
  // Where the task stands with what it commits next: in each of its inputs, and in its stream.
  struct Standing {
    std::vector<Offset> next;
    Offset stream_next;
    bool is_at_end = false;  // of all inputs, as far as could be read
  };
  // Tells it to the readers. Returns what they need no more of what they were told.
  std::pair<PartitionRef, Offset> tell_progress(Standing standing);

 private:
  ExchangeOutput(TaskContext& context, const OutputPlan& plan, OutputTarget target);
  Status write(const Batch& batch, RowRange range) override;
  void note_time(const Batch& batch, size_t row);
  std::vector<int64_t> order_times_of(const Batch& batch, RowRange range) const;

  const OutputPlan plan_;
  ExchangeColumns columns_;
  std::unique_ptr<Writer> key_writer_;
  const TimeAhead ahead_;
  StreamTime stream_time_;
  RunningTimes times_;
  int64_t told_time_ = -1;  // what the readers know last
  int64_t told_times_ = 0;  // how often they were told: the end of that partition
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
