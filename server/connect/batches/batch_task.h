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
  bool begins_at_end = false;  // a partition without a position begins at its end
  BadRecordPolicy bad_records;
  std::shared_ptr<const engine::TransformChain> transforms = {};  // null: none
};

// The steps for the records of a partition:
//   1. the records are sent in batches, in their order, one batch at a time;
//   2. the position after them is committed to __connect_state together with their dead letters.
// A crash between the two steps sends the records again. The position is committed after 1 MB of records, after a second,
// and at the end of the task.
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
    Offset next{0};       // behind the last record that was sent
    Offset end{0};        // end of the records that can be read
    Offset committed{0};  // the position in __connect_state
  };
  Status open() override;
  Result<bool> step() override;
  Status settle() override { return commit(); }
  void close() override;

  Result<Partition> make_partition(const storage::TopicInfo& topic, PartitionId number) const;
  // Returns whether more can be done without a pause.
  Result<bool> step(Partition& partition);
  // Sends the records, whose range of offsets ends at `end`.
  Status send(Partition& partition, std::vector<SinkRecord> records, Offset end);
  std::vector<BadRecord> transform(std::vector<SinkRecord>& records) const;
  // Commits the positions and the dead letters so far.
  Status commit();

  const BatchTaskPlan plan_;
  // The members below are used on the task's thread.
  std::unique_ptr<BatchWriter> writer_;
  std::map<std::pair<std::string, PartitionId>, Partition> partitions_;
  std::vector<BadRecord> bad_;  // not committed yet
  int64_t committed_us_ = 0;
};

}  // namespace server
