// A task of a sink that sends batches of records, at least once.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/connect/transforms/transform_chain.h"
#include "server/connect/batches/batch_writer.h"
#include "server/connect/connect_task.h"
#include "server/connect/ports.h"

namespace server {

struct BatchTaskPlan {
  TaskIdentity identity;
  std::function<Result<std::unique_ptr<BatchWriter>>()> open;
  std::vector<std::string> topics;
  size_t batch_records = 1;    // most records of one batch
  bool begins_at_end = false;  // without a stored position, a partition is read from its end
  BadRecordPolicy bad_records;
  std::shared_ptr<const engine::TransformChain> transforms = {};  // null: none
};

// For the records of each partition, the task does two steps:
//   1. it sends the records in batches, in their order, one batch at a time;
//   2. it commits the position after the records, and their dead letters, to __connect_state.
// A crash between the two steps sends the records again. Step 2 follows after 1 MB of records,
// after a second, and at the end of the task.
//
// Threads and owner: those of ConnectTask.
class BatchTask final : public ConnectTask {
 public:
  BatchTask(TaskSurroundings around, BatchTaskPlan plan);
  ~BatchTask() override;

 private:
  struct Partition {
    std::string topic;
    storage::TopicPartition id;
    Offset next{0};       // after the last record that was sent
    Offset end{0};        // end of the records that can be read
    Offset committed{0};  // the position in __connect_state
  };
  Status open() override;
  Result<bool> step() override;
  Status settle() override { return commit(); }
  void close() override;

  Result<Partition> make_partition(const storage::TopicInfo& topic, PartitionId number) const;
  // Sends the next records of the partition. Returns whether it has further records that can be
  // sent at once.
  Result<bool> step(Partition& partition);
  // Sends the records. `end` is the offset after their last one, or after offsets without records
  // that follow it.
  Status send(Partition& partition, std::vector<SinkRecord> records, Offset end);
  std::vector<BadRecord> transform(std::vector<SinkRecord>& records) const;
  // Commits the positions of all partitions and the dead letters in bad_.
  Status commit();

  const BatchTaskPlan plan_;
  // Only the task's thread uses the members below.
  std::unique_ptr<BatchWriter> writer_;
  std::map<std::pair<std::string, PartitionId>, Partition> partitions_;
  std::vector<BadRecord> bad_;  // not committed yet
  int64_t committed_us_ = 0;
};

}  // namespace server
