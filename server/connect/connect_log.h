// Commits the records of connectors and their positions in the outside systems. One commit makes
// records, and the position after them, durable together. It fails if another task has written a
// newer position. So a task that was replaced by a new one can no longer change anything.
#pragma once
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "engine/connect/transforms/connect_record.h"
#include "storage/log/log.h"
#include "storage/log/log_reader.h"

namespace server {

// A record of __connect_state; without a value the key is deleted.
struct StateChange {
  std::string key;
  std::optional<std::string> value;
};

struct ConnectCommit {
  std::vector<storage::PartitionBatches> records;  // records for topics, in whole batches
  std::vector<StateChange> state;                  // changes of the connector's state; at least one
  PartitionId state_partition;
  // end of the records of __connect_state that the task has read. The commit fails if a record at
  // this offset or later has one of the keys in `state`.
  Offset since;
};

// The records of __connect_state by key, up to `end`.
struct ConnectState {
  struct Entry {
    std::string value;
    Offset offset;
  };
  std::map<std::string, Entry> entries;
  std::set<std::string> deleted;  // keys whose newest record deletes them
  Offset end{0};                  // the first offset that was not read
};

// Records of a partition for a sink.
struct FetchedRecords {
  struct Record {
    Offset offset;
    int64_t timestamp_ms = 0;
    std::optional<std::string> key, value;
    std::vector<engine::ConnectHeader> headers;
  };
  std::vector<Record> records;
  Offset log_start{0};  // start of the log; earlier records were deleted
  Offset next{0};       // the first offset that was not read
  Offset end{0};        // the end of the readable records
};

// Threads: any. Owner: the node.
class ConnectLog {
 public:
  virtual ~ConnectLog() = default;
  // Commits. When the commit is durable, calls `done` with the new end of the partition of
  // __connect_state. Fails with ObjectState, without writing anything, if one of the keys has a
  // newer record, and with DiskFull while the log accepts no records. After any other error the
  // commit may or may not be durable: the task ends, and the task that replaces it reads the
  // positions from the log.
  virtual void commit(ConnectCommit commit, std::function<void(Result<Offset>)> done) = 0;
  // Reads the records of the partition at and after state.end, and adds them to `state`. Waits for
  // the store.
  virtual Status read(PartitionId state_partition, ConnectState& state) = 0;
  // Reads committed records of a partition from `from` on, up to about `max_bytes`; at least one batch if one exists.
  virtual Result<FetchedRecords> fetch(const storage::TopicPartition& partition, Offset from,
                                       size_t max_bytes) = 0;
  // Called after DiskFull: waits until the log may accept records again, for some seconds at most.
  virtual void await_writable() = 0;
};

// The value of ConnectCommit::since for a commit without a condition.
inline constexpr Offset kNoCondition{INT64_MAX};

// Calls log.commit(), and returns its answer as a future. If the log is destroyed before it
// answers, the future has the error StorageFailure, since the outcome of the commit is unknown.
std::future<Result<Offset>> submit_commit(ConnectLog& log, ConnectCommit commit);

// The commits in a server without a cluster, where a commit is one append
// (storage/log/append_unless_changed.h).
class LocalConnectLog : public ConnectLog {
 public:
  // `find_state_topic` returns the id of __connect_state, or nothing before it exists.
  LocalConnectLog(storage::Log& log, const Clock& clock,
                  std::function<std::optional<Uuid>()> find_state_topic)
      : log_(log), clock_(clock), find_state_topic_(std::move(find_state_topic)) {}

  void commit(ConnectCommit commit, std::function<void(Result<Offset>)> done) override;
  Status read(PartitionId state_partition, ConnectState& state) override;
  Result<FetchedRecords> fetch(const storage::TopicPartition& partition, Offset from,
                               size_t max_bytes) override;
  void await_writable() override;

 protected:
  Result<storage::TopicPartition> in_log(PartitionId state_partition) const;
  const Clock& clock() const { return clock_; }
  // Returns the changes as one batch of records.
  static std::string state_batch(const std::vector<StateChange>& changes, int64_t now_ms);

 private:
  // Reads some of the records after state.end. Returns false if none are left.
  Result<bool> read_some(storage::LogReader& reader, const storage::TopicPartition& partition,
                         ConnectState& state);

  storage::Log& log_;
  const Clock& clock_;
  const std::function<std::optional<Uuid>()> find_state_topic_;
};

}  // namespace server
