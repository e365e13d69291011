// A task of a sink that writes rows to a database. One transaction writes the rows and the position
// after them.
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

// RESET OFFSETS writes a position to __connect_state that has this text in place of the id of the
// topic. The next start of the task stores this position in the database, and so replaces the
// position there.
inline constexpr std::string_view kTopicOfReset = "reset";

struct TableTaskPlan {
  TaskIdentity identity;
  std::function<Result<std::unique_ptr<TableWriter>>()> open;
  std::vector<std::string> topics;
  engine::RowMapping mapping;
  size_t batch_records = 0;     // most records of one transaction
  bool is_exactly_once = true;  // false: positions are stored in __connect_state only
  bool begins_at_end = false;   // without a stored position, a partition is read from its end
  BadRecordPolicy bad_records;
  std::shared_ptr<const engine::TransformChain> transforms = {};  // null: none
};

// For each range of records of a partition, the task does three steps:
//   1. it writes the rows in a transaction, which also moves the position in the database;
//   2. it commits dead letters to their topic; a crash may repeat them, but loses none;
//   3. it commits the transaction.
// If the positions in the database and in __connect_state differ, the one in the database is right.
// If the position in the database was changed by another task, this task ends, because both write
// to the same tables.
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
    Offset next{0};     // after the last record that was written
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
  // Writes the next records of the partition. Returns whether it has further records that can be
  // written at once.
  Result<bool> step(Partition& partition);
  Status write(Partition& partition, std::vector<Record> records, Offset end);
  // Applies the transforms. Removes the records that cannot be converted to rows, and returns them.
  std::vector<BadRecord> transform(std::vector<Record>& records) const;
  Status commit_bad(std::vector<BadRecord> bad);
  Status copy_positions();

  const TableTaskPlan plan_;
  // Only the task's thread uses the members below.
  std::unique_ptr<TableWriter> writer_;
  engine::TableRowReader rows_;
  std::map<std::pair<std::string, PartitionId>, Partition> partitions_;
};

}  // namespace server
