// The interface by which TableTask writes rows to a database, which also stores the positions of
// the task.
#pragma once
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "engine/connect/table_rows.h"

namespace server {

// A partition whose position a database stores. A topic that was dropped and created again has another id.
struct TablePartition {
  std::string topic, topic_id;
  PartitionId partition;
};

struct PlacedRow {
  engine::TableRow row;
  std::string topic;  // after the transforms; the table follows from it
  Offset offset;
};

// Writes rows and positions into one database for one task. After a failed call the writer is
// unusable: the task makes a new writer, which reads the positions from the database again.
//
// Errors: if is_permanent(error) is true, the task becomes FAILED. FencedTask: another task has
// moved a position.
//
// Threads: the task's. Owner: the task.
class TableWriter {
 public:
  virtual ~TableWriter() = default;
  virtual Status start() = 0;
  // Returns the position of the partition in the database. If none is stored, or if `replaces` is
  // true, it first stores `otherwise` as the position.
  virtual Result<Offset> position(const TablePartition& partition, Offset otherwise,
                                  bool replaces) = 0;
  // A row that the database refuses.
  struct BadRow {
    size_t index;  // in the argument `rows` of apply()
    Error error;   // the message is only the reason
  };
  // Writes the rows, and moves the position from `from` to `to`, in a transaction that stays open
  // until commit(). Returns the rows that the database refuses, which are not written.
  virtual Result<std::vector<BadRow>> apply(const TablePartition& partition,
                                            std::vector<PlacedRow> rows, Offset from,
                                            Offset to) = 0;
  virtual Status commit() = 0;
};

}  // namespace server
