// The port through which sessions write and read topics: rows are appended at the leaders of their
// partitions, and reads wait for the leaders' acknowledged ends. A lone node leads all partitions
// (LocalTopics); a node of a cluster asks the other nodes.
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

// Topics: the append fails if the tables of the topics no longer exist (check_is_there()).
// NewTopic: the append skips this check, because no definition refers to the topic yet.
enum class AppendTo : uint8_t { Topics, NewTopic };

// The offset up to which each partition was read.
using ReadEnds = std::map<storage::TopicPartition, Offset>;

// Threads: any; callbacks run on another thread, or within the call.
class ClusterTopics {
 public:
  virtual ~ClusterTopics() = default;
  // Appends each record once, even if leaders change. A lone node appends all parts or none; in a
  // cluster partitions are independent of each other, and on failure the error states whether some
  // rows may have been written. Waits while the queue of a leader is full. Fails with UnknownTopic
  // if a topic no longer exists. `here`: the caller's loop, whose thread may write a single append
  // inline (docs/adr/0069); null: unknown.
  virtual void append(storage::AppendRequest request, AppendTo to, Loop* here,
                      storage::AppendDone done) = 0;
  // Returns whether rows that depend on rows read before (UPDATE, DELETE) have to be appended by
  // append_changes() or commit(). Otherwise the table locks of this node (TableLocks) exclude all
  // other SQL writers, and append() suffices.
  virtual bool appends_conditionally() const = 0;
  // Rows for one partition that were computed from rows read before. A change with `read_to` is
  // appended only if no row with one of its keys was written at or after that offset; a change
  // without `read_to` is always appended.
  struct Change {
    storage::TopicPartition partition;
    std::string batches;
    std::optional<Offset> read_to = {};
    std::string topic = {};  // the topic's name, for commit()
  };
  struct Changed {
    // The position of the last batch. An error states whether further rows may have been written.
    Result<storage::AppendedBatch> appended;
    // number of batches at the beginning of the change that are certainly written
    size_t batches_there = 0;
    // Whether nothing beyond `batches_there` was written, because another writer wrote rows with
    // the same keys in the meantime.
    bool was_overtaken() const {
      return !appended && appended.error().code == ErrorCode::ObjectState;
    }
  };
  // One result for each of `parts`, in their order.
  using ChangesDone = std::function<void(std::vector<Changed>)>;
  virtual void append_changes(std::vector<Change> parts, ChangesDone done) = 0;
  // Appends all parts or none, in one transaction. Fails with ObjectState if rows with keys of a
  // part were written in the meantime.
  using CommitDone = std::function<void(Result<std::vector<storage::AppendedBatch>>)>;
  virtual void commit(std::vector<Change> parts, CommitDone done) = 0;
  using Ends = std::vector<std::pair<storage::TopicPartition, Offset>>;
  // Whether a read has to call ask_ends(), since other nodes may have acknowledged rows. Otherwise
  // CommittedEnds of this node has the ends of all rows, and ask_ends() answers within the call
  // with the ends in this node's log.
  virtual bool asks_leaders() const = 0;
  // Asks the leaders for ends that are greater than all offsets acknowledged before the call. If
  // acknowledged rows were written after the first record of an open transaction, waits at most
  // `wait_ms` for the end of the transaction, then fails with ObjectState.
  virtual void ask_ends(std::vector<storage::TopicPartition> partitions, int64_t wait_ms,
                        std::function<void(Result<Ends>)> done) = 0;
  // Returns the ends that leaders reported to this node in reply to questions sent at or after
  // `asked_us` (monotonic clock), or nothing if such an answer is missing for a partition.
  virtual std::optional<Ends> ends_asked_since(std::span<const storage::TopicPartition> partitions,
                                               int64_t asked_us) const = 0;
  // Returns the ends, in these partitions, of the rows that statements of this node have written
  // since `since_us` (monotonic clock).
  virtual Ends written_since(std::span<const storage::TopicPartition> partitions,
                             int64_t since_us) const = 0;
  // Whether the topic exists. Returns false for a dropped topic, even while this node's definitions
  // still list it for a moment.
  virtual bool has_topic(const Uuid& topic) const = 0;
  // Whether this node has, or is about to have, the partition's records.
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
