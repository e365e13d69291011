// The interface through which the metadata and the sessions ask about the other nodes. A lone node
// is treated as a cluster with one node: local_facts() answers for it, so callers need no special
// case.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>

#include "base/ids.h"
#include "base/result.h"
#include "server/metadata/definition_command.h"
#include "server/metadata/topic_change.h"
#include "storage/log/log.h"
#include "storage/meta/feature_level.h"
#include "storage/meta/metadata_log.h"
#include "storage/meta/topic_table.h"

namespace server {

// Features that some servers do not support. If supports() returns false for a feature, the caller
// refuses the statement with not_in_cluster_yet().
enum class Feature : uint8_t {
  AdvisoryLocks,
  BarrierReads,  // SELECTs over tables of queries at a barrier (read.consistency = 'prefix')
  Generators,    // queries that generate rows
  Links,         // links to other Kafka clusters
  KeptWindows,   // windows that are kept as long as their sources keep records
  // SERIAL columns without a sequence, which only works if all rows are written by one node
  LocalSerials,
  MaterializedViews,  // CREATE MATERIALIZED VIEW
  LoneProcessingLog,  // the stream of failed records, to which a lone node appends directly
  // CREATE OR REPLACE that replaces a definition without a query by one with a query
  QueryReplacesSource,
  RowLocks,          // FOR UPDATE, FOR SHARE
  ShareGroups,       // Kafka's share groups
  TableRebuilds,     // building a new table while the old one is in use
  TableRewrites,     // ALTER TABLE that writes all rows of the table again
  TopicReplacement,  // TRUNCATE that replaces the table's topic by a new one
};

// Whether the process that began a transaction still runs: There: yes; Away: it does not answer;
// Gone: it has ended.
enum class Presence : uint8_t { There, Away, Gone };

// Threads: any. Owner: the node; it outlives all users.
class ClusterFacts {
 public:
  virtual ~ClusterFacts() = default;
  virtual bool supports(Feature feature) const = 0;
  // Returns the feature level that all nodes support.
  virtual storage::FeatureLevel level() const = 0;
  // Returns the number that distinguishes this node's temporary tables from the temporary tables of
  // other nodes; nothing on a node that is alone.
  virtual std::optional<int32_t> node_number() const = 0;

  // --- Transactions that contain definitions

  // Whether sessions of other processes may have begun or may end a transaction of the metadata.
  virtual bool has_other_processes() const = 0;
  // Returns this process, which the metadata names as the owner of its transactions; nothing if no
  // other process exists. Fails with NotLeader before this process has joined the cluster.
  virtual Result<std::optional<NodeProcess>> process() const = 0;
  // Returns the presence of another process, whose transactions may have to be undone.
  virtual Presence presence(const NodeProcess& process) const = 0;
  // Calls `done` when the other nodes have applied the metadata log up to `revision`, or have not
  // answered for a long time. A statement that defines something is answered only then, so that the
  // definition exists on each node.
  virtual void announce(Revision revision, std::function<void()> done) const = 0;

  // --- Partitions

  // Returns whether replicas of topics are assigned to nodes: the command that creates or changes a
  // topic then contains the result of place(). Replication then decides which partitions are in
  // this node's log; otherwise all partitions are.
  virtual bool places_replicas() const = 0;
  // Adds the assignments of the topic's new partitions to the command.
  virtual Status place(const ReplicaWish& wish, const storage::TopicDelta& delta,
                       storage::MetadataCommand& command) const = 0;
  // Returns whether this node has, or will have, replicas of the topic's partitions. The partitions
  // are created empty as soon as the topic is known, so that tasks and sessions can wait for their
  // records.
  virtual bool has_replicas(const storage::TopicInfo& topic) const = 0;
  // Returns the readable end of a partition at its leader, and waits some seconds at most. `log` is
  // this node's.
  virtual Result<Offset> find_end(const storage::Log& log,
                                  const storage::TopicPartition& partition) const = 0;
  // Whether the commits of each query are written to a replicated journal, whose number is part of
  // the command that creates the query. A node then runs only those tasks for whose journal it has
  // a replica; otherwise it runs all tasks.
  virtual bool has_replicated_journals() const = 0;
};

// The facts of a lone node. It supports every feature. Tests derive facts of a cluster from it.
class LocalFacts : public ClusterFacts {
 public:
  bool supports(Feature) const override { return true; }
  storage::FeatureLevel level() const override { return storage::kNewestLevel; }
  std::optional<int32_t> node_number() const override { return std::nullopt; }
  bool has_other_processes() const override { return false; }
  Result<std::optional<NodeProcess>> process() const override {
    return std::optional<NodeProcess>();
  }
  Presence presence(const NodeProcess&) const override { return Presence::There; }
  void announce(Revision, std::function<void()> done) const override { done(); }
  bool places_replicas() const override { return false; }
  Status place(const ReplicaWish&, const storage::TopicDelta&,
               storage::MetadataCommand&) const override {
    return {};
  }
  bool has_replicas(const storage::TopicInfo&) const override { return true; }
  Result<Offset> find_end(const storage::Log& log,
                          const storage::TopicPartition& partition) const override;
  bool has_replicated_journals() const override { return false; }
};

const ClusterFacts& local_facts();

}  // namespace server
