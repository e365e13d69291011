// A task of a sink that writes objects, such as files. The records of a partition are divided into
// ranges, and each range becomes one object, exactly once.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/connect/sink_objects.h"
#include "engine/connect/transforms/transform_chain.h"
#include "server/connect/connect_task.h"
#include "server/connect/ports.h"

namespace server {

// Returns the error of a connector whose records from `begin` to `log_start` were deleted from the
// topic before it has read them.
Error deleted_records(const std::string& connector, std::string_view topic, PartitionId partition,
                      Offset begin, Offset log_start);

struct SinkTaskPlan {
  TaskIdentity identity;
  std::function<Result<std::unique_ptr<SinkWriter>>()> open;
  std::vector<std::string> topics;
  engine::SinkLimits limits;
  bool begins_at_end = false;  // without a stored position, a partition is read from its end
  BadRecordPolicy bad_records;
  std::shared_ptr<const engine::TransformChain> transforms = {};  // null: none
};

// For each range of records, the task does three steps:
//   1. it commits an intent: the name of the object, and its first and last offset;
//   2. it writes the object, makes it durable, and gives it its name;
//   3. it commits the position after the range, and deletes the intent.
// After a crash, steps 2 and 3 are repeated for each stored intent. The object then gets the same
// bytes again, because the intent stores its range of offsets. The commit of step 3 contains the
// dead letters (copies of records that cannot be written). If they have more than some MB, a part
// of them is committed earlier, and a crash may repeat that part.
//
// Threads and owner: those of ConnectTask.
class SinkTask final : public ConnectTask {
 public:
  SinkTask(TaskSurroundings around, SinkTaskPlan plan);
  ~SinkTask() override;

 private:
  struct Partition {
    std::string topic;
    storage::TopicPartition id;
    Offset begin{0};    // first offset of the next object
    Offset scanned{0};  // offset after the last record that was counted for the next object
    Offset end{0};      // end of the records that can be read
    int64_t records = 0, bytes = 0;
    int64_t since_us = 0;            // when the first of these records was read
    int64_t first_timestamp_ms = 0;  // timestamp of the first of these records
  };
  Status open() override;
  Result<bool> step() override;
  Status settle() override { return {}; }
  void close() override;

  Result<Partition> make_partition(const storage::TopicInfo& topic, PartitionId number) const;
  // Counts the next records of the partition, and writes an object if it is complete. Returns
  // whether more records can be read at once.
  Result<bool> step(Partition& partition);
  bool is_complete(const Partition& partition) const;
  Status write_object(Partition& partition, Offset end);
  Status carry_out(const engine::SinkObject& object, const storage::TopicPartition& id);
  // Returns the name that the transforms give to the topic.
  std::string routed(const std::string& topic) const;
  // Applies the transforms to the records, and returns the records for which a transform has
  // failed.
  std::vector<BadRecord> transform(std::vector<SinkRecord>& records) const;
  // Reads the records of the object from the log again, and writes them. Returns the records that
  // could not be written.
  Result<std::vector<BadRecord>> write_records(const engine::SinkObject& object,
                                               const storage::TopicPartition& id);
  // Commits the changes and the dead letters of the bad records. Adds the bad records to the
  // counters of the task.
  Status commit(std::vector<StateChange> changes, std::vector<BadRecord> bad = {});

  const SinkTaskPlan plan_;
  // Only the task's thread uses the members below.
  std::unique_ptr<SinkWriter> writer_;
  std::map<std::pair<std::string, PartitionId>, Partition> partitions_;
};

}  // namespace server
