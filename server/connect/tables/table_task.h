// A task of a sink that writes the rows of a table and its position in one transaction of a database.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/connect/table_rows.h"
#include "engine/connect/transforms/transform_chain.h"
#include "server/connect/connect_task.h"
#include "server/connect/ports.h"
#include "server/connect/tables/table_writer.h"

namespace server {

// RESET OFFSETS writes a position with this text as the id of the topic to __connect_state. At its
// next start the task stores such a position in the database, in place of the one there.
inline constexpr std::string_view kTopicOfReset = "reset";

struct TableTaskPlan {
  TaskIdentity identity;
  std::function<Result<std::unique_ptr<TableWriter>>()> open;
  std::vector<std::string> topics;
  engine::RowMapping mapping;
  size_t batch_records = 0;     // most records of one transaction
  bool is_exactly_once = true;  // false: positions are stored in __connect_state only
  bool begins_at_end = false;   // a partition without a position begins at its end
  BadRecordPolicy bad_records;
  std::shared_ptr<const engine::TransformChain> transforms = {};  // null: none
};

// The steps for a range of records of a partition:
//   1. the rows are written in a transaction, which also moves the position in the database;
//   2. dead letters are committed to their topic; a crash may repeat them, but loses none;
//   3. the transaction is committed;
// If the position in the database differs from the one in __connect_state, the one in the database
// is right. If the position in the database has changed since this task has read it, another task
// writes to the tables, and this task ends.
//
// Threads and owner: those of ConnectTask.
class TableTask final : public ConnectTask {
 public:
  TableTask(TaskSurroundings around, TableTaskPlan plan);
  ~TableTask() override;

 private:
  struct Partition {
    TablePartition place;
    storage::TopicPartition id;
    Offset next{0};     // behind the last record that was written
    Offset end{0};      // end of the records that can be read
    Offset copied{-1};  // the position in __connect_state
  };
  // A record while it becomes a row.
  struct Record : SinkRecord {
    std::string target;  // the topic after the transforms
  };
  Status open() override;
  Result<bool> step() override;
  Status settle() override { return {}; }
  void close() override;

  Result<Partition> make_partition(const storage::TopicInfo& topic, PartitionId number);
  // Returns whether more can be done without a pause.
  Result<bool> step(Partition& partition);
  Status write(Partition& partition, std::vector<Record> records, Offset end);
  // Removes the records that cannot be converted to rows, and returns them.
  std::vector<BadRecord> transform(std::vector<Record>& records) const;
  Status commit_bad(std::vector<BadRecord> bad);
  Status copy_positions();

  const TableTaskPlan plan_;
  // The members below are used on the task's thread.
  std::unique_ptr<TableWriter> writer_;
  engine::TableRowReader rows_;
  std::map<std::pair<std::string, PartitionId>, Partition> partitions_;
};

}  // namespace server
