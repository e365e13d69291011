// The other nodes of the cluster, as this node's parts use them. A lone node is a cluster of one, without peers. The
// two cases are two implementations, so callers need no case distinction.
#pragma once
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "server/cluster/group_calls.h"
#include "server/cluster/request_calls.h"
#include "server/kafka/local_client.h"
#include "server/locks/named_locks.h"
#include "server/node/coordinators.h"
#include "server/node/kafka_part.h"
#include "server/node/server_metrics.h"
#include "server/node/settings.h"
#include "server/pg/notifications.h"
#include "server/sql/session.h"
#include "server/tasks/query_tasks.h"
#include "server/tasks/rebuild_port.h"
#include "storage/state/state_store.h"

namespace server {

// The parts of the node that apply the commits of replicated journals. All of them outlive the
// peers' thread.
struct JournalParts {
  storage::Log& log;
  storage::StateStore& state;
  const Clock& clock;
  const std::vector<Shard*>& shards;
  QueryTasks& queries;
  std::function<MetadataImagePtr()> image;
  std::function<void(std::vector<std::string>)> rebuild_soon;
  int64_t journal_bytes = 0;  // bytes of commits after which a journal gets a snapshot
};

// The parts of the node that rebuilds of tables use. All of them outlive the peers.
struct RebuildParts {
  storage::Log& log;
  const Clock& clock;
  MemoryBudget& memory;
  size_t most_bytes;  // limit for the changed rows of a table in a cluster
};

// The result of FindLeader for a partition: which node leads it.
enum class Leads : uint8_t { ThisNode, OtherNode, NoNode };

// The functions from the beginning up to leave() are called in the order of their declarations.
//
// Threads: the owner's, unless stated otherwise. Owner: the node.
class Peers {
 public:
  virtual ~Peers() = default;
  // Reads the metadata.
  virtual Status begin(const std::atomic<bool>& must_stop) = 0;
  virtual storage::MetadataLog& metadata() = 0;
  virtual const ClusterFacts& facts() const = 0;
  virtual KafkaPart& kafka() = 0;
  virtual std::string cluster_id() const = 0;
  // Returns the id of this node; none for a lone node.
  virtual std::optional<int32_t> node_id() const = 0;
  // Returns the address for other nodes; none for a lone node.
  virtual std::optional<Address> address() const = 0;
  // On a node of a cluster, opens the replicated journals through which the tasks of this node
  // commit.
  virtual Status open_journals(JournalParts parts) = 0;
  // Returns the runner of queries for the metadata thread. It passes all calls to `queries`.
  using FindTopics = std::function<std::shared_ptr<const storage::TopicSnapshot>()>;
  virtual QueryRunner& query_runner(QueryRunner& queries, storage::Log& log,
                                    FindTopics find_topics) = 0;
  // Sets the function that returns the revision that this node has applied. It is called on any thread.
  virtual void use_applied(std::function<Revision()> find_applied) = 0;
  // Reports that the queries of the metadata are started: copies of topics that no query reads may be deleted from then
  // on.
  virtual void queries_are_started() = 0;
  virtual std::unique_ptr<ClusterTopics> open_topics(SqlParts& parts) = 0;
  // Sets the coordinators that answer questions of other nodes. `own_groups` may call back on any thread.
  using OwnGroups = std::function<void(std::function<void(GroupCalls::Groups)>)>;
  virtual void use_coordinators(const CoordinatorPlace& place, coordinator::Groups& groups,
                                coordinator::Transactions& transactions, const Clock& clock,
                                OwnGroups own_groups) = 0;
  // Sets the function that handles requests of Kafka's protocol that other nodes pass to this node; it may call back on
  // any thread.
  virtual void use_requests(RequestCalls::Handle handle) = 0;
  virtual void start_journals() = 0;
  // Opens the interface that rebuilds use. Called after open_journals().
  virtual std::unique_ptr<RebuildPort> open_rebuilds(RebuildParts parts) = 0;
  // Registers this node; `clients` is the address for Kafka clients.
  virtual Status join(const Address& clients, const std::atomic<bool>& must_stop) = 0;

  // --- Called on any thread, also before begin()
  virtual void on_durable(std::span<const storage::TopicPartition> partitions) = 0;

  // --- Any thread
  // Returns the unclean elections in the metadata that the node has read so far.
  virtual storage::UncleanElections unclean_elections() const = 0;
  virtual bool lacks_replicas(const storage::TopicPartition& partition) const = 0;
  // Returns a function that finds the leader of each partition as of the time of this call.
  using FindLeader = std::function<Leads(const storage::TopicPartition&)>;
  virtual FindLeader leaders() const = 0;
  // Asks the leaders for the ends of partitions that other nodes lead; leaves out those that do not answer.
  virtual void find_ends(
      std::vector<storage::TopicPartition> partitions,
      std::function<void(const std::map<storage::TopicPartition, Offset>&)> done) = 0;
  // Finds the consumer groups of the other nodes.
  virtual void ask_groups(std::function<void(GroupCalls::Told)> done) = 0;
  // Returns the function that passes a request of Kafka's protocol to another node, on any thread; empty if no other
  // node exists.
  virtual kafka::LocalClient::Relay relay() = 0;
  // Whether a temporary table belongs to a session of an earlier process of this node, or of a node that was removed.
  virtual bool is_left_over(const std::string& temporary_table) const = 0;
  // The locks of the sessions of all nodes.
  virtual NamedLocks& locks() = 0;
  // Returns the function that passes messages of NOTIFY to the other nodes; empty if no other node exists.
  virtual pg::NotifyNodes notify_nodes() = 0;
  // Sets the channels of this node's sessions, which get the messages of the other nodes.
  virtual void use_notifications(std::shared_ptr<pg::Notifications> channels) = 0;
  // is_suspended(): whether this node has lost the leadership of its partitions. is_isolated():
  // whether it can acknowledge no writes.
  virtual bool is_suspended() const = 0;
  virtual bool is_isolated() const = 0;
  // Facts for SHOW SERVER: one line per node.
  virtual std::vector<engine::ServerFact> server_facts() const = 0;
  // Figures for /metrics.
  virtual std::optional<MetricsSources::Cluster> health() const = 0;

  // --- The end of the node
  // leave() moves the leadership of partitions to other nodes that can lead them.
  virtual void leave() = 0;
  // Called before the shards stop.
  virtual void stop_journals() = 0;
  // Called after the front ends have stopped, and before the log is closed.
  virtual void stop_thread() = 0;
  // Called after the log is closed.
  virtual void close_journals() = 0;
};

// Open the node's side of a cluster, and of a node that is alone. open_lone() fails with ObjectState if the data
// directory belongs to a cluster; open_member() with ObjectState if the directory belongs to another node or cluster,
// and with NetworkFailure if the member cannot listen for other nodes. `on_changed` is called with partitions whose
// assignment has changed.
using AssignmentsChanged = std::function<void(std::span<const storage::TopicPartition>)>;
Result<std::unique_ptr<Peers>> open_lone(storage::Log& log);
Result<std::unique_ptr<Peers>> open_member(const NodeSettings& settings, storage::Log& log,
                                           const Clock& clock, AssignmentsChanged on_changed,
                                           const std::atomic<bool>& must_stop);

}  // namespace server
