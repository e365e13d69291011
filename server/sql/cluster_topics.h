// The interface through which sessions write and read topics. Rows are appended at the leaders of
// their partitions. Reads first learn from the leaders up to which offset rows were acknowledged. A
// lone node leads all partitions itself (LocalTopics); a node of a cluster asks the other nodes.
#pragma once
#include <cstdint>
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

class Loop;

// Topics: the append fails if a table of the topics no longer exists (check_is_there()). NewTopic:
// the append makes no such check, because no definition refers to the topic yet.
enum class AppendTo : uint8_t { Topics, NewTopic };

// The offset up to which each partition was read.
using ReadEnds = std::map<storage::TopicPartition, Offset>;

// Threads: any; callbacks run on another thread, or within the call.
class ClusterTopics {
 public:
  virtual ~ClusterTopics() = default;
  // Appends each record once, even if leaders change. A lone node appends all parts of the request
  // or none. In a cluster, each partition is appended independently, and an error states whether
  // some rows may have been written. Waits while the queue of a leader is full. Fails with
  // UnknownTopic if a topic no longer exists. `here` is the loop of the caller, whose thread may
  // write a single append itself (docs/adr/0069); null if it is unknown.
  virtual void append(storage::AppendRequest request, AppendTo to, Loop* here,
                      storage::AppendDone done) = 0;
  // Returns whether rows that depend on earlier reads (UPDATE, DELETE) have to be appended by
  // append_changes() or commit(). If not, append() is enough, because the table locks of this node
  // (TableLocks) exclude all other SQL writers.
  virtual bool appends_conditionally() const = 0;
  // Rows for one partition that were computed from rows which the statement has read. If `read_to`
  // is set, the change is appended only if no row with one of its keys was written at or after this
  // offset. Without `read_to` it is always appended.
  struct Change {
    storage::TopicPartition partition;
    std::string batches;
    std::optional<Offset> read_to = {};
    std::string topic = {};  // the topic's name, for commit()
  };
  struct Changed {
    // The position of the last batch, or an error. The error states whether batches after the first
    // `batches_there` may have been written.
    Result<storage::AppendedBatch> appended;
    // number of batches that are certainly written; they are the first batches of the change
    size_t batches_there = 0;
    // Returns whether the rest was not written because another writer has meanwhile written rows
    // with the same keys.
    bool was_overtaken() const {
      return !appended && appended.error().code == ErrorCode::ObjectState;
    }
  };
  // One result for each of `parts`, in their order.
  using ChangesDone = std::function<void(std::vector<Changed>)>;
  virtual void append_changes(std::vector<Change> parts, ChangesDone done) = 0;
  // Appends all parts or none, in one transaction. Fails with ObjectState if other writers have
  // meanwhile written rows with keys of a part.
  using CommitDone = std::function<void(Result<std::vector<storage::AppendedBatch>>)>;
  virtual void commit(std::vector<Change> parts, CommitDone done) = 0;
  using Ends = std::vector<std::pair<storage::TopicPartition, Offset>>;
  // Returns whether a read has to call ask_ends(), because other nodes may have acknowledged rows.
  // If not, this node's CommittedEnds has the ends of all rows, and ask_ends() answers within the
  // call with the ends of this node's log.
  virtual bool asks_leaders() const = 0;
  // Asks the leaders for ends that are greater than all offsets acknowledged before the call. An
  // open transaction may have begun before some acknowledged rows, so that these rows are not
  // readable yet. In this case waits at most `wait_ms` for the end of the transaction, and then
  // fails with ObjectState.
  virtual void ask_ends(std::vector<storage::TopicPartition> partitions, int64_t wait_ms,
                        std::function<void(Result<Ends>)> done) = 0;
  // Returns the ends that the leaders have reported, if this node has asked the leader of each
  // partition at or after `asked_us` (monotonic clock). Otherwise returns nothing.
  virtual std::optional<Ends> ends_asked_since(std::span<const storage::TopicPartition> partitions,
                                               int64_t asked_us) const = 0;
  // Returns the ends of the rows that statements of this node have written to these partitions
  // since `since_us` (monotonic clock).
  virtual Ends written_since(std::span<const storage::TopicPartition> partitions,
                             int64_t since_us) const = 0;
  // Returns whether the topic exists. For a topic that has just been dropped it already returns
  // false, even if this node's definitions still contain the topic for a moment.
  virtual bool has_topic(const Uuid& topic) const = 0;
  // Returns whether this node has the partition's records, or will have them soon.
  virtual bool has_replica(const storage::TopicPartition& partition) const = 0;
  // Returns the number of replicas of the topic's first partition; 1 if unknown.
  virtual int replicas_of(const Uuid& topic) const = 0;
  // Returns the node that leads the partition; nothing while the partition has no leader, and on a
  // lone node, which has no number.
  virtual std::optional<int32_t> leader_of(const storage::TopicPartition& partition) const = 0;
  // Returns all known nodes of a cluster, by id.
  virtual std::vector<engine::NodeStatus> nodes() const = 0;
};

}  // namespace server
