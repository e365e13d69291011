// The port through which Kafka requests reach topics and their logs. server/node implements it over
// the metadata log and storage::Log; tests over a log in memory.
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
  int32_t factor = -1;  // -1: as the server chooses
  // The replicas of each partition, chosen by hand. Empty: the server chooses `factor` replicas for
  // each.
  std::vector<std::vector<NodeId>> assigned = {};
  std::optional<std::string> owner = {};  // a role
};

using TopicConfig = std::map<std::string, std::string>;

struct LogDirectory {
  std::string path;
  // Size of the disk and free space on it; -1: the system does not report them.
  int64_t total_bytes = -1, usable_bytes = -1;
};

// Threads: belongs to one loop, and answers there. Nothing here blocks. An answer may arrive within
// the call.
class Backend {
 public:
  virtual ~Backend() = default;

  // The topics at the moment of the call; the snapshot never changes.
  virtual std::shared_ptr<const storage::TopicSnapshot> topics() const = 0;
  // Calls back when the topic's partitions accept records. In a cluster it calls back when they
  // have replicas, which accept records soon after. Fails with TopicExists, InvalidParameter.
  virtual void create_topic(std::string name, int32_t partition_count, TopicConfig config,
                            Replication replication,
                            std::function<void(Result<storage::TopicInfo>)> done) = 0;
  // Queries that read or write the topic stop and report the reason. Fails with UnknownTopic.
  virtual void delete_topic(std::string name, std::function<void(Status)> done) = 0;

  // Adds partitions up to `partition_count`. Their replicas are `assigned`, unless that is empty.
  // Fails with UnknownTopic, InvalidParameter.
  virtual void grow_topic(std::string name, int32_t partition_count,
                          std::vector<std::vector<NodeId>> assigned,
                          std::function<void(Status)> done) = 0;

  // Changes the topic's settings; they hold when the answer arrives. With `replaces_all` all
  // settings that are not in `changes` are removed. Fails with UnknownTopic, InvalidParameter.
  virtual void configure_topic(std::string name, std::vector<storage::ConfigChange> changes,
                               bool replaces_all, std::function<void(Status)> done) = 0;
  // The settings of groups at the moment of the call; the object never changes.
  virtual std::shared_ptr<const storage::GroupConfigs> group_configs() const = 0;
  // Changes a group's settings as configure_topic() does. The group need not exist. Fails with
  // InvalidParameter, LimitExceeded.
  virtual void configure_group(std::string name, std::vector<storage::ConfigChange> changes,
                               bool replaces_all, std::function<void(Status)> done) = 0;
  // Changes the defaults of all topics without a setting of their own; names are the broker's.
  // Fails with InvalidParameter.
  virtual void configure_topic_defaults(std::vector<storage::ConfigChange> /*changes*/,
                                        bool /*replaces_all*/, std::function<void(Status)> done) {
    done(Error{ErrorCode::NotSupported, "settings for all topics are not supported here"});
  }
  // The quotas at the moment of the call; the object never changes.
  virtual std::shared_ptr<const storage::ClientQuotas> quotas() const = 0;
  // Fails with LimitExceeded.
  virtual void alter_quotas(std::vector<storage::QuotaChange> changes,
                            std::function<void(Status)> done) = 0;

  // The users with their rights at the moment of the call; the object never changes.
  virtual std::shared_ptr<const storage::Users> users() const {
    return std::make_shared<const storage::Users>();
  }
  // `change` computes the changes from the users as they are when it runs. It runs on another
  // thread, and runs again if a concurrent change was applied first.
  using UsersChange =
      std::function<Result<std::vector<storage::UserChange>>(const storage::Users&)>;
  virtual void change_users(UsersChange /*change*/, std::function<void(Status)> done) {
    done(Error{ErrorCode::NotSupported, "users are not supported here"});
  }

  // `change` computes from the cluster's partitions and nodes, as they are when it runs, the
  // "cluster" parts of a command; it may return none. It runs on another thread, and runs again if
  // a concurrent change was applied first.
  using ClusterChange =
      std::function<std::vector<std::string>(const storage::ClusterSnapshot& cluster)>;
  virtual void change_cluster(ClusterChange /*change*/, std::function<void(Status)> done) {
    done(Error{ErrorCode::NotSupported, "this server is not part of a cluster"});
  }

  // Finds, for each partition, the live replica whose log reaches furthest: an unclean election
  // loses least with it. The result is empty while the cluster's feature level is too low to ask
  // all nodes. Fails with NetworkFailure if a live node does not answer.
  using BestLogs = std::map<storage::TopicPartition, NodeId>;
  virtual void find_best_logs(std::vector<storage::TopicPartition> /*partitions*/,
                              std::function<void(Result<BestLogs>)> done) {
    done(BestLogs());
  }

  // Calls back after the sync. Requests of one loop are appended in the order of the calls.
  virtual void append(storage::AppendRequest request, storage::AppendDone done) = 0;
  // Wraps `done`, the callback of an append, so that it is called after `timeout_ms` at the latest.
  // It then gets ReadTimeout: the replicas do not have the record yet, though they may get it
  // later. A single node has no replicas to wait for.
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
  // Must not be called within a turn.
  virtual storage::LogReader& reader() = 0;
  virtual coordinator::Groups& groups() = 0;
  virtual coordinator::Transactions& transactions() = 0;
  // Sends the request to the transaction's coordinator, on any node.
  virtual void join_transaction(coordinator::AddPartitions request,
                                coordinator::Done<coordinator::TransactionAnswer> done) {
    transactions().ask(std::move(request), std::move(done));
  }
  // Guards appends that follow from the answer of join_transaction(); taken before that call. Null
  // on a single node, where the coordinator's answers and its end markers arrive in one order.
  virtual std::shared_ptr<storage::TransactionGuard> guard_transaction(
      const storage::TopicPartition& /*partition*/, ProducerId /*producer*/) {
    return nullptr;
  }
  // Finds the partitions that this node still leads, as the other replicas confirm. An answer from
  // this node's own log would be out of date if another node has become leader unnoticed.
  // Partitions without confirmation are missing. A single node leads all partitions.
  using ConfirmedLeaders = std::set<storage::TopicPartition>;
  virtual void confirm_leads(std::set<storage::TopicPartition> partitions,
                             std::function<void(ConfirmedLeaders)> done) {
    done(std::move(partitions));
  }
  // The directory of the log, and the space on its disk.
  virtual LogDirectory log_directory() const = 0;
  // The cluster at the moment of the call; null on a single node.
  virtual std::shared_ptr<const ClusterView> cluster() const { return nullptr; }
  // The revision up to which the metadata log has been applied.
  virtual Revision metadata_revision() const = 0;

  // Topics that Metadata requests of this loop are creating.
  int topics_in_the_making = 0;
};

}  // namespace server::kafka
