// The port through which sessions reach the other nodes of a cluster: rows are appended at the
// leaders of their partitions, and reads wait for the leaders' acknowledged ends.
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engine/system_tables/information.h"
#include "storage/log/requests.h"

namespace server {

// For each partition: the offset up to which it was read.
using ReadEnds = std::map<storage::TopicPartition, Offset>;

// Threads: any; the callbacks run on another one.
class ClusterTopics {
 public:
  virtual ~ClusterTopics() = default;
  // Appends each record once, even if leaders change. Partitions are independent of each other. On
  // failure the error states whether some rows may have been written.
  virtual void append(storage::AppendRequest request, storage::AppendDone done) = 0;
  // Rows that were computed from rows read before. A part with `read_to` is appended only if no row
  // with one of its keys was written at or after that offset; a part without it is always appended.
  struct Change {
    storage::TopicPartition partition;
    std::string batches;
    std::optional<Offset> read_to = {};
    std::string topic = {};  // the topic's name, for commit()
  };
  struct Changed {
    Result<storage::AppendedBatch> appended;  // the last batch; an error states if more may exist
    size_t batches_there = 0;                 // leading batches that are certainly written
    // True if nothing beyond `batches_there` was written, since other rows with its keys were
    // written in the meantime.
    bool was_overtaken() const {
      return !appended && appended.error().code == ErrorCode::ObjectState;
    }
  };
  using ChangesDone = std::function<void(std::vector<Changed>)>;  // in the order of the parts
  virtual void append_changes(std::vector<Change> parts, ChangesDone done) = 0;
  // Appends all parts or none, in one transaction. Fails with ObjectState if rows with keys of a
  // part were written in the meantime.
  using CommitDone = std::function<void(Result<std::vector<storage::AppendedBatch>>)>;
  virtual void commit(std::vector<Change> parts, CommitDone done) = 0;
  // Asks the leaders for ends behind everything that was acknowledged before the call.
  using Ends = std::vector<std::pair<storage::TopicPartition, Offset>>;
  // If acknowledged rows lie behind an open transaction, waits at most `wait_ms` for its end, then
  // fails with ObjectState.
  virtual void ask_ends(std::vector<storage::TopicPartition> partitions, int64_t wait_ms,
                        std::function<void(Result<Ends>)> done) = 0;
  // The ends that leaders reported to this node in reply to questions sent at or after `asked_us`
  // (monotonic clock). Returns nothing if one of the partitions has no such answer.
  virtual std::optional<Ends> ends_asked_since(std::span<const storage::TopicPartition> partitions,
                                               int64_t asked_us) const = 0;
  // The ends behind the rows that statements of this node wrote to these partitions since
  // `since_us`.
  virtual Ends written_since(std::span<const storage::TopicPartition> partitions,
                             int64_t since_us) const = 0;
  // False if the topic has been dropped. This node's definitions may still list it for a moment.
  virtual bool has_topic(const Uuid& topic) const = 0;
  // Whether this node has, or is about to have, the partition's records.
  virtual bool has_replica(const storage::TopicPartition& partition) const = 0;
  virtual int32_t self() const = 0;
  // Number of replicas of the topic's first partition; 1 if unknown.
  virtual int replicas_of(const Uuid& topic) const = 0;
  // The node that leads the partition; nothing while it has no leader.
  virtual std::optional<int32_t> leader_of(const storage::TopicPartition& partition) const = 0;
  // All known nodes, by id.
  virtual std::vector<engine::NodeStatus> nodes() const = 0;
};

}  // namespace server
