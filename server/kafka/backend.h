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

// Where the replicas of a new topic go, and whose it is.
struct Replication {
  int32_t factor = -1;  // -1: as the server chooses
  // Of each partition, by hand; empty: as many as `factor` says, where the server chooses.
  std::vector<std::vector<NodeId>> assigned = {};
  std::optional<std::string> owner = {};  // a role
};

using TopicConfig = std::map<std::string, std::string>;

struct LogDirectory {
  std::string path;
  // Of its disk; -1 where the system does not tell.
  int64_t total_bytes = -1, usable_bytes = -1;
};

// Threads: belongs to one loop, and answers there. Nothing here blocks. An answer may come inside
// the call.
class Backend {
 public:
  virtual ~Backend() = default;

  // The topics of now; never changes.
  virtual std::shared_ptr<const storage::TopicSnapshot> topics() const = 0;
  // Answered when the topic's partitions take records; in a cluster, when they have replicas, which do so soon. Fails
  // with TopicExists, InvalidParameter.
  virtual void create_topic(std::string name, int32_t partition_count, TopicConfig config,
                            Replication replication,
                            std::function<void(Result<storage::TopicInfo>)> done) = 0;
  // Queries that read or write it stop, and say why. Fails with UnknownTopic.
  virtual void delete_topic(std::string name, std::function<void(Status)> done) = 0;

  // Adds partitions until there are `partition_count`, their replicas by hand where any are `assigned`. Fails with
  // UnknownTopic, InvalidParameter.
  virtual void grow_topic(std::string name, int32_t partition_count,
                          std::vector<std::vector<NodeId>> assigned,
                          std::function<void(Status)> done) = 0;

  // The topic's settings are these from the answer on, in place of those that it has when
  // `replaces_all`. Fails with UnknownTopic, InvalidParameter.
  virtual void configure_topic(std::string name, std::vector<storage::ConfigChange> changes,
                               bool replaces_all, std::function<void(Status)> done) = 0;
  // The settings of groups of now; they never change.
  virtual std::shared_ptr<const storage::GroupConfigs> group_configs() const = 0;
  // As configure_topic(); a group of this name need not be there. Fails with InvalidParameter, LimitExceeded.
  virtual void configure_group(std::string name, std::vector<storage::ConfigChange> changes,
                               bool replaces_all, std::function<void(Status)> done) = 0;
  // The settings for all topics that have none of their own, by the broker's names. Fails with InvalidParameter.
  virtual void configure_topic_defaults(std::vector<storage::ConfigChange> /*changes*/,
                                        bool /*replaces_all*/, std::function<void(Status)> done) {
    done(Error{ErrorCode::NotSupported, "there are no settings for all topics here"});
  }
  // The quotas of now; they never change.
  virtual std::shared_ptr<const storage::ClientQuotas> quotas() const = 0;
  // Fails with LimitExceeded.
  virtual void alter_quotas(std::vector<storage::QuotaChange> changes,
                            std::function<void(Status)> done) = 0;

  // The users of now, with their rights; they never change.
  virtual std::shared_ptr<const storage::Users> users() const {
    return std::make_shared<const storage::Users>();
  }
  // What `change` makes of the users as they are then; it may be asked again when another change was faster. It runs on
  // another thread.
  using UsersChange =
      std::function<Result<std::vector<storage::UserChange>>(const storage::Users&)>;
  virtual void change_users(UsersChange /*change*/, std::function<void(Status)> done) {
    done(Error{ErrorCode::NotSupported, "there are no users here"});
  }

  // What `change` makes of the cluster's partitions and nodes as they are then: "cluster" parts of a command, or none;
  // it may be asked again when another change was faster. It runs on another thread.
  using ClusterChange =
      std::function<std::vector<std::string>(const storage::ClusterSnapshot& cluster)>;
  virtual void change_cluster(ClusterChange /*change*/, std::function<void(Status)> done) {
    done(Error{ErrorCode::NotSupported, "this server is not part of a cluster"});
  }

  // Of each the replica that is there and whose log reaches furthest: an unclean election loses least with it. None where
  // not all nodes can tell. Fails with NetworkFailure where one that is there does not.
  using BestLogs = std::map<storage::TopicPartition, NodeId>;
  virtual void find_best_logs(std::vector<storage::TopicPartition> /*partitions*/,
                              std::function<void(Result<BestLogs>)> done) {
    done(BestLogs());
  }

  // Answered after the sync. Requests of one loop are appended in the order of the calls.
  virtual void append(storage::AppendRequest request, storage::AppendDone done) = 0;
  // Makes of the answer to an append one that comes after so long at the latest: with ReadTimeout, when others have not
  // got the record by then, and perhaps will. Where there is one node there is nobody to wait for.
  virtual storage::AppendDone answered_within(int64_t /*timeout_ms*/, storage::AppendDone done) {
    return done;
  }
  // Records before `start`, which lies within the partition, are not to be read any more. Fails with
  // UnknownTopic.
  virtual void delete_records(const storage::TopicPartition& partition, Offset start,
                              int32_t timeout_ms, std::function<void(Status)> done) = 0;
  virtual void allocate_producer_id(std::function<void(Result<ProducerId>)> done) = 0;
  virtual std::shared_ptr<const storage::PartitionStatus> find_partition(
      const storage::TopicPartition& partition) const = 0;
  // Not in a turn.
  virtual storage::LogReader& reader() = 0;
  virtual coordinator::Groups& groups() = 0;
  virtual coordinator::Transactions& transactions() = 0;
  // Asks who coordinates the transaction, on whichever node.
  virtual void join_transaction(coordinator::AddPartitions request,
                                coordinator::Done<coordinator::TransactionAnswer> done) {
    transactions().ask(std::move(request), std::move(done));
  }
  // Taken before that, for what is appended because of the answer. Null where there is one node: what comes from its
  // coordinator and what it ends come in one order.
  virtual std::shared_ptr<storage::TransactionGuard> guard_transaction(
      const storage::TopicPartition& /*partition*/, ProducerId /*producer*/) {
    return nullptr;
  }
  // Which of the partitions this node leads still: what it says by what it knows of their logs is old otherwise, and it may
  // not know. Not those of which the others do not say. Where there is one node it leads all.
  using ConfirmedLeaders = std::set<storage::TopicPartition>;
  virtual void confirm_leads(std::set<storage::TopicPartition> partitions,
                             std::function<void(ConfirmedLeaders)> done) {
    done(std::move(partitions));
  }
  // Where the log lies, and how much room there is.
  virtual LogDirectory log_directory() const = 0;
  // The cluster as of now; null where there is one node.
  virtual std::shared_ptr<const ClusterView> cluster() const { return nullptr; }
  // How far the metadata log has been applied.
  virtual Revision metadata_revision() const = 0;

  // Topics that Metadata requests of this loop have asked for and that are not there yet.
  int topics_in_the_making = 0;
};

}  // namespace server::kafka
