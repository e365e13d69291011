// Last operator of a stage: writes rows to a topic or an exchange, or passes them to the client's query.
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
  int32_t first_partition = 0;  // exchanges: first partition of this writer
  // Set for time-ordered exchanges. The partition after the writer's lanes then has the writer's
  // progress (engine/exec/exchange_lanes.h).
  bool is_time_ordered = false;
};

// An output that collects rows until the next commit, in record batches of the size that every
// consumer accepts (max.message.bytes); only a single record may be larger. Rows may share their
// values, so a small batch of rows can become gigabytes of records. Therefore only a limited number
// of bytes is written in each slice of work.
class LogOutput : public Operator {
 public:
  LogOutput(TaskContext& context, const OutputPlan& plan, OutputTarget target);
  Status process(Batch batch, size_t port) override;
  bool has_rest() const override { return rest_.rows > 0; }
  Status resume() override;
  void visit_rest(const VisitRecord& visit) const override;
  void own_rest() override;
  // Moves the batches gathered since the last call into `out`.
  void take(std::vector<OutputBatch>& out);

 protected:
  virtual Status write(const Batch& batch, RowRange range) = 0;
  // Appends a record. A record larger than the limit for values is reported as failed.
  void append(PartitionId partition, int64_t timestamp, std::optional<std::string_view> key,
              std::optional<std::string_view> value, const Batch& batch, size_t row);
  // Appends a record that is a block of these rows of the batch. A record that is too large is reported as failed.
  void append_block(PartitionId partition, std::string_view block, const Batch& batch,
                    std::span<const uint32_t> rows);
  // Appends a progress record, in a batch of its own, to the partition after the writer's lanes.
  void append_progress(std::string_view value);
  const OutputTarget& target() const { return target_; }
  int32_t partitions() const { return target_.partitions; }

 private:
  std::vector<size_t> bytes_of_rest() const;
  records::BatchBuilder& builder_for(PartitionId partition, size_t record_bytes);
  void refuse(const Batch& batch, size_t row, size_t bytes);
  void finish(int32_t partition, records::BatchBuilder& builder);

  const OutputTarget target_;
  size_t name_bytes_ = 0;  // bytes of the column names, if each record contains them
  Batch rest_;
  size_t row_ = 0;  // first row of rest_ that is not written yet
  // The builders of those partitions to which the task has written since the last commit. Only
  // these exist: a query has as many tasks as its source has partitions, so one builder per task
  // and target partition could be millions.
  std::map<int32_t, records::BatchBuilder> builders_;
  std::vector<OutputBatch> finished_;  // in the order in which they must be appended
};

// Writes records in the formats of the topic. The key determines the partition, as in Kafka's
// producers. A record without a key is written to the partition with the same number as that of its
// source record.
class TopicOutput final : public LogOutput {
 public:
  static Result<std::unique_ptr<TopicOutput>> make(TaskContext& context, const OutputPlan& plan,
                                                   OutputTarget target);
  Status process(Batch batch, size_t port) override;

 private:
  TopicOutput(TaskContext& context, const OutputPlan& plan, OutputTarget target);
  Status write(const Batch& batch, RowRange range) override;
  std::optional<int64_t> timestamp_of(const Batch& batch, size_t row);
  // Returns the rows of the range that are written, in order: all rows, or the newest row of each key if updates may
  // be merged.
  std::vector<uint32_t> chosen_rows(const Batch& batch, RowRange range,
                                    const EncodedRows& keys) const;
  void append_window(const Batch& batch, size_t row, std::string& key) const;

  const OutputPlan plan_;
  std::vector<int> key_columns_, value_columns_;
  std::unique_ptr<Writer> key_writer_, value_writer_;
  std::optional<TimePattern> timestamp_pattern_;
  std::string windowed_key_;  // buffer that is reused for each key
};

// Writes rows for the next stage of the same query (engine/exec/exchange_block.h). Also determines
// which source record moves event time, because the next stage knows only the positions of records
// in the exchange.
class ExchangeOutput final : public LogOutput {
 public:
  static Result<std::unique_ptr<ExchangeOutput>> make(TaskContext& context, const OutputPlan& plan,
                                                      OutputTarget target);

  void append_scalars(std::vector<int64_t>& out) const override;
  void restore_scalars(std::span<const int64_t>& scalars) override;
  const StreamTime* stream_time() const override { return &stream_time_; }

  // --- Time-ordered exchanges
  bool is_time_ordered() const { return target().is_time_ordered; }
  // Notes the times of the source records that the stage is about to process. The merge times of
  // the rows are computed from these times.
  void note_taken(const Batch& records);
  // How far the task will be with its next commit: `next` has the offset of the next record of each input, and
  // `stream_next` that of the stream from whose records the rows are made.
  struct Standing {
    std::vector<Offset> next;
    Offset stream_next;
    bool is_at_end = false;  // at the readable end of all inputs
  };
  // Appends a progress record with this position, for the readers. Returns the progress partition,
  // and the offset before which its records can be trimmed.
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
  int64_t told_time_ = -1;  // time of the last progress record
  int64_t told_times_ = 0;  // number of progress records, which is also their end offset
};

// Passes batches to a function; push queries and tests use it.
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
