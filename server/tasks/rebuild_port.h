// The interface through which a rebuild writes to the topic of its table. The topic may be led by
// other nodes, and the rebuilt query may move to another node (docs/adr/0157).
#pragma once
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "base/uuid.h"
#include "records/batch.h"
#include "server/metadata/image.h"

namespace server {

// The topics of a rebuild: `to` becomes equal to `from`.
struct RebuildTopics {
  Uuid from, to;
  std::string name_of_to;
  // Number of partitions of each of the two topics. Because the numbers are equal, a key is in the
  // same partition of both.
  int32_t partitions = 0;
};

// Changes of a table's topic. Readers of committed records see all of them or none.
//
// Threads: one that may wait. Owner: TablePublisher.
class TableChanges {
 public:
  virtual ~TableChanges() = default;
  // Adds a record with the key, the time and the headers of `record`; no value: a deletion.
  virtual Status add(PartitionId partition, const records::RecordView& record,
                     std::optional<std::string_view> value) = 0;
  // Writes the records that add() has collected, if they are enough for a batch. Must not be called
  // while a reader of the log has a snapshot open, because a snapshot must be short.
  virtual Status flush() = 0;
  // Makes all records visible. After NetworkFailure, it is unknown whether the records are visible
  // or will be. After any other error, they never become visible.
  virtual Status commit() = 0;
};

// Threads: the rebuilds' thread, which may wait. Calls that wait fail with ShuttingDown when
// `must_stop` is set. Owner: the node.
class RebuildPort {
 public:
  virtual ~RebuildPort() = default;
  // Whether this node runs the tasks of the query, and so takes the steps of its rebuild.
  virtual bool runs(const DefinedQuery& query) const = 0;
  // Returns an id that no other rebuild and no other attempt of a rebuild has.
  virtual Result<ProducerId> allocate_publisher() = 0;
  // Waits until the outputs of the stopped queries are visible, and until no node can run the
  // queries with a definition from before the stop. `query` is the new query of the rebuild.
  virtual Status fence(const DefinedQuery& query, const std::atomic<bool>& must_stop) = 0;
  // Begins to write to the topic. First aborts changes that an earlier call has left open, and
  // waits until this node can read all committed records of both topics.
  virtual Result<std::unique_ptr<TableChanges>> begin(const RebuildTopics& topics,
                                                      ProducerId publisher,
                                                      const std::atomic<bool>& must_stop) = 0;
  // Aborts changes that were not committed.
  virtual Status abort(const RebuildTopics& topics, ProducerId publisher) = 0;
};

}  // namespace server
