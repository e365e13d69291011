// The interface through which Kafka requests reach topics and their logs. server/node implements it
// over the metadata log and storage::Log; tests implement it over a log in memory.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "server/coordinator/groups.h"
#include "server/coordinator/transactions.h"
#include "storage/log/log_reader.h"
#include "storage/log/partition_status.h"
#include "storage/log/requests.h"
#include "storage/log/transaction_guards.h"
#include "storage/meta/client_quotas.h"
#include "storage/meta/cluster_table.h"
#include "storage/meta/topic_configs.h"
#include "storage/meta/topic_table.h"
#include "storage/meta/users.h"

namespace server::kafka {

struct ClusterView;

// The replicas and the owner of a new topic.
struct Replication {
  int32_t factor = -1;  // -1: the server chooses the number
  // The replicas of each partition, if the client has chosen them. Empty: the server chooses
  // `factor` replicas for each.
  std::vector<std::vector<NodeId>> assigned = {};
  std::optional<std::string> owner = {};  // name of a role; nothing: no owner
};

using TopicConfig = std::map<std::string, std::string>;

struct LogDirectory {
  std::string path;
  // Size of the disk and free space on it; -1: the system does not report them.
  int64_t total_bytes = -1, usable_bytes = -1;
};

// Threads: used on one loop only. Callbacks run on this loop, possibly within the call. No function
// blocks.
class Backend {
 public:
  virtual ~Backend() = default;

  // Returns the topics at the moment of the call. The snapshot never changes.
  virtual std::shared_ptr<const storage::TopicSnapshot> topics() const = 0;
  // Creates a topic, and calls `done` when its partitions accept records. In a cluster `done` is
  // called earlier: when each partition has replicas, which accept records soon after. Fails with
  // TopicExists, InvalidParameter.
  virtual void create_topic(std::string name, int32_t partition_count, TopicConfig config,
                            Replication replication,
                            std::function<void(Result<storage::TopicInfo>)> done) = 0;
  // Deletes the topic. Queries that read or write it stop and report the reason. Fails with
  // UnknownTopic.
  virtual void delete_topic(std::string name, std::function<void(Status)> done) = 0;

  // Adds partitions until the topic has `partition_count`. The new partitions get the replicas
  // `assigned`, unless the list is empty. Fails with UnknownTopic, InvalidParameter.
  virtual void grow_topic(std::string name, int32_t partition_count,
                          std::vector<std::vector<NodeId>> assigned,
                          std::function<void(Status)> done) = 0;

  // Changes the topic's settings. When the answer arrives, the new settings are in force. With
  // `replaces_all`, all settings that are not in `changes` are removed. Fails with UnknownTopic,
  // InvalidParameter.
  virtual void configure_topic(std::string name, std::vector<storage::ConfigChange> changes,
                               bool replaces_all, std::function<void(Status)> done) = 0;
  // Returns the settings of groups at the moment of the call. The object never changes.
  virtual std::shared_ptr<const storage::GroupConfigs> group_configs() const = 0;
  // Changes a group's settings as configure_topic() does. The group need not exist. Fails with
  // InvalidParameter, LimitExceeded.
  virtual void configure_group(std::string name, std::vector<storage::ConfigChange> changes,
                               bool replaces_all, std::function<void(Status)> done) = 0;
  // Changes the defaults of settings, for all topics without a setting of their own. The names are
  // those of the broker's settings. Fails with InvalidParameter.
  virtual void configure_topic_defaults(std::vector<storage::ConfigChange> /*changes*/,
                                        bool /*replaces_all*/, std::function<void(Status)> done) {
    done(Error{ErrorCode::NotSupported, "settings for all topics are not supported here"});
  }
  // Returns the quotas at the moment of the call. The object never changes.
  virtual std::shared_ptr<const storage::ClientQuotas> quotas() const = 0;
  // Changes the quotas. Fails with LimitExceeded.
  virtual void alter_quotas(std::vector<storage::QuotaChange> changes,
                            std::function<void(Status)> done) = 0;

  // Returns the users with their rights at the moment of the call. The object never changes.
  virtual std::shared_ptr<const storage::Users> users() const {
    return std::make_shared<const storage::Users>();
  }
  // Changes users. `change` computes the changes from the current users. It runs on another thread,
  // and runs again if a concurrent change was applied first.
  using UsersChange =
      std::function<Result<std::vector<storage::UserChange>>(const storage::Users&)>;
  virtual void change_users(UsersChange /*change*/, std::function<void(Status)> done) {
    done(Error{ErrorCode::NotSupported, "users are not supported here"});
  }

  // Changes the metadata of the cluster. `change` gets the current partitions and nodes, and
  // returns the encoded "cluster" parts of a metadata command; without a part nothing is changed.
  // It runs on another thread, and runs again if a concurrent change was applied first.
  using ClusterChange =
      std::function<std::vector<std::string>(const storage::ClusterSnapshot& cluster)>;
  virtual void change_cluster(ClusterChange /*change*/, std::function<void(Status)> done) {
    done(Error{ErrorCode::NotSupported, "this server is not part of a cluster"});
  }

  // Finds, for each partition, the live replica with the longest log: an unclean election (of a
  // leader that is not in sync) loses the fewest records if it elects this replica. The result is
  // empty while the cluster's feature level is too low to ask all nodes. Fails with NetworkFailure
  // if a live node does not answer.
  using BestLogs = std::map<storage::TopicPartition, NodeId>;
  virtual void find_best_logs(std::vector<storage::TopicPartition> /*partitions*/,
                              std::function<void(Result<BestLogs>)> done) {
    done(BestLogs());
  }

  // Appends records, and calls `done` after the records are synced to disk. Requests of one loop
  // are appended in the order of the calls.
  virtual void append(storage::AppendRequest request, storage::AppendDone done) = 0;
  // Wraps `done`, the callback of an append, so that it is called after `timeout_ms` at the latest.
  // After the timeout `done` gets ReadTimeout: some replicas do not have the records yet, but they
  // may still get them. A single node has no replicas to wait for.
  virtual storage::AppendDone answered_within(int64_t /*timeout_ms*/, storage::AppendDone done) {
    return done;
  }
  // Makes records before `start`, which lies within the partition, unreadable. Fails with
  // UnknownTopic.
  virtual void delete_records(const storage::TopicPartition& partition, Offset start,
                              int32_t timeout_ms, std::function<void(Status)> done) = 0;
  virtual void allocate_producer_id(std::function<void(Result<ProducerId>)> done) = 0;
  virtual std::shared_ptr<const storage::PartitionStatus> find_partition(
      const storage::TopicPartition& partition) const = 0;
  // Returns the reader of the log that belongs to this loop. Must not be called between the
  // reader's begin_turn() and end_turn().
  virtual storage::LogReader& reader() = 0;
  virtual coordinator::Groups& groups() = 0;
  virtual coordinator::Transactions& transactions() = 0;
  // Sends the request to the transaction's coordinator, which may be on another node.
  virtual void join_transaction(coordinator::AddPartitions request,
                                coordinator::Done<coordinator::TransactionAnswer> done) {
    transactions().ask(std::move(request), std::move(done));
  }
  // Returns a guard for the records that a producer appends after join_transaction() has answered.
  // The caller takes the guard before it calls join_transaction(): the guard notices an end marker
  // that arrives between the two calls. Returns null on a single node, which needs no guard,
  // because the coordinator's answers and its end markers arrive in their order.
  virtual std::shared_ptr<storage::TransactionGuard> guard_transaction(
      const storage::TopicPartition& /*partition*/, ProducerId /*producer*/) {
    return nullptr;
  }
  // Finds those of the partitions that this node still leads, as confirmed by the other replicas.
  // Another node may have become the leader of a partition without this node's knowledge; an answer
  // from this node's log could then be out of date. Partitions without a confirmation are not in
  // the result. A single node leads all partitions.
  using ConfirmedLeaders = std::set<storage::TopicPartition>;
  virtual void confirm_leads(std::set<storage::TopicPartition> partitions,
                             std::function<void(ConfirmedLeaders)> done) {
    done(std::move(partitions));
  }
  // Returns the directory of the log, and the space on the disk.
  virtual LogDirectory log_directory() const = 0;
  // Returns whether this node always leads all partitions and coordinates all groups and
  // transactions, as a single node does. If not, the leaders can change at any time, and answers
  // may need confirm_leads().
  virtual bool leads_all() const { return true; }
  virtual bool has_share_groups() const { return true; }
  // Returns the nodes as they describe themselves to clients at the moment of the call. Returns
  // null on a single node, which describes itself by its NodeView.
  virtual std::shared_ptr<const ClusterView> cluster() const { return nullptr; }
  // Returns the revision up to which this node has applied the metadata log.
  virtual Revision metadata_revision() const = 0;

  // Number of topics that Metadata requests on this loop are creating at present.
  int topics_in_the_making = 0;
};

}  // namespace server::kafka
