// What sessions need of the other nodes of a cluster: their rows go to whoever leads a partition, and what is to be
// read is as far as its leader has it.
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

// By partition: how far it was read.
using ReadEnds = std::map<storage::TopicPartition, Offset>;

// Threads: any; answered on another one.
class ClusterTopics {
 public:
  virtual ~ClusterTopics() = default;
  // Each record once, whoever leads; the partitions independently of each other. Where it fails the error says whether
  // rows may be there.
  virtual void append(storage::AppendRequest request, storage::AppendDone done) = 0;
  // Rows that were made of what was read, as far as `read_to` tells: each part is appended unless rows of its keys have
  // come since. Parts without it are appended in any case.
  struct Change {
    storage::TopicPartition partition;
    std::string batches;
    std::optional<Offset> read_to = {};
    std::string topic = {};  // its name, for commit()
  };
  struct Changed {
    Result<storage::AppendedBatch> appended;  // the last; the error says whether more may be there
    size_t batches_there = 0;                 // so many of the first, for certain
    // Nothing else of it is there, since rows of its keys have come.
    bool was_overtaken() const {
      return !appended && appended.error().code == ErrorCode::ObjectState;
    }
  };
  using ChangesDone = std::function<void(std::vector<Changed>)>;  // in the order of the parts
  virtual void append_changes(std::vector<Change> parts, ChangesDone done) = 0;
  // The same of all parts or none: one transaction. ObjectState: rows of the keys of a part have come since.
  using CommitDone = std::function<void(Result<std::vector<storage::AppendedBatch>>)>;
  virtual void commit(std::vector<Change> parts, CommitDone done) = 0;
  // Whatever was acknowledged before the call lies before these ends.
  using Ends = std::vector<std::pair<storage::TopicPartition, Offset>>;
  // For `wait_ms` at most where rows that were acknowledged lie behind a transaction that is open: ObjectState then.
  virtual void ask_ends(std::vector<storage::TopicPartition> partitions, int64_t wait_ms,
                        std::function<void(Result<Ends>)> done) = 0;
  // The ends that somebody was told here, if the question was no older than that (of the monotonic clock); nothing where one of
  // them was not.
  virtual std::optional<Ends> ends_asked_since(std::span<const storage::TopicPartition> partitions,
                                               int64_t asked_us) const = 0;
  // Behind what statements of this node have written to them since then.
  virtual Ends written_since(std::span<const storage::TopicPartition> partitions,
                             int64_t since_us) const = 0;
  // Not where it has been dropped by now, which definitions may say a moment later.
  virtual bool has_topic(const Uuid& topic) const = 0;
  // Whether this node has, or is about to have, the partition's records.
  virtual bool has_replica(const storage::TopicPartition& partition) const = 0;
  virtual int32_t self() const = 0;
  // Of its first partition; 1 where it is not known.
  virtual int replicas_of(const Uuid& topic) const = 0;
  // Nothing where nobody leads it just now.
  virtual std::optional<int32_t> leader_of(const storage::TopicPartition& partition) const = 0;
  // All nodes that are known, by id.
  virtual std::vector<engine::NodeStatus> nodes() const = 0;
};

}  // namespace server
