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

// Returns the error for the records from `begin` to `log_start`, which were deleted from the topic
// before the connector has read them.
Error deleted_records(const std::string& connector, std::string_view topic, PartitionId partition,
                      Offset begin, Offset log_start);

struct SinkTaskPlan {
  TaskIdentity identity;
  std::function<Result<std::unique_ptr<SinkWriter>>()> open;
  std::vector<std::string> topics;
  engine::SinkLimits limits;
  bool begins_at_end = false;  // a partition without a position begins at its end
  BadRecordPolicy bad_records;
  std::shared_ptr<const engine::TransformChain> transforms = {};  // null: none
};

// The steps for a range of records:
//   1. the intent is committed: the name of the object, and its first and last offset;
//   2. the object is written, made durable, and gets its name;
//   3. the position after the range is committed, and the intent deleted.
// After a crash, steps 2 and 3 are repeated for each stored intent. The object then gets the same
// bytes again, because the intent fixes its range of offsets. Dead letters (copies of records that
// cannot be written) are part of the commit of step 3. If they have more than some MB, a part of
// them is committed earlier, and a crash may repeat that part.
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
    Offset scanned{0};  // end of the records that were counted for the next object
    Offset end{0};      // end of the records that can be read
    int64_t records = 0, bytes = 0;
    int64_t since_us = 0;            // time at which the first of these records was seen
    int64_t first_timestamp_ms = 0;  // timestamp of the first of these records
  };
  Status open() override;
  Result<bool> step() override;
  Status settle() override { return {}; }
  void close() override;

  Result<Partition> make_partition(const storage::TopicInfo& topic, PartitionId number) const;
  // Counts new records, and writes the next object if it is complete. Returns whether more can be done
  // without a pause.
  Result<bool> step(Partition& partition);
  bool is_complete(const Partition& partition) const;
  Status write_object(Partition& partition, Offset end);
  Status carry_out(const engine::SinkObject& object, const storage::TopicPartition& id);
  // Returns the name of the topic as the outside system gets it, after the transforms.
  std::string routed(const std::string& topic) const;
  // Applies the transforms to the records, and returns those that a transform cannot take.
  std::vector<BadRecord> transform(std::vector<SinkRecord>& records) const;
  // Reads the records of the object once more and writes them; returns the records that could not be written.
  Result<std::vector<BadRecord>> write_records(const engine::SinkObject& object,
                                               const storage::TopicPartition& id);
  // Commits the changes together with the dead letters of the bad records, and adds the bad records
  // to the task's counters.
  Status commit(std::vector<StateChange> changes, std::vector<BadRecord> bad = {});

  const SinkTaskPlan plan_;
  // The members below are used on the task's thread.
  std::unique_ptr<SinkWriter> writer_;
  std::map<std::pair<std::string, PartitionId>, Partition> partitions_;
};

}  // namespace server
