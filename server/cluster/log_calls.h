// Finds the ends of partition logs. For a partition without a leader, finds the replica that would
// lose the fewest records as leader.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "server/cluster/cluster_messages.h"
#include "server/cluster/open_questions.h"

namespace server {

// ask() asks all live nodes that have a replica. The best log is the longest one of the newest
// leader epoch (Raft's rule for votes, and KIP-966's for unclean recovery). A log that ends in an
// older epoch is worse even if it is longer: a newer leader did not have its last records, so they
// were never acknowledged under the newer epoch.
//
// Threads: one loop. Owner: ClusterMember.
class LogCalls {
 public:
  // The replica with the best log, for each partition. Partitions without a live replica are
  // missing. If a live node has not answered within two seconds, the whole result is
  // NetworkFailure.
  using Best = std::map<storage::TopicPartition, NodeId>;
  using Done = std::function<void(Result<Best>)>;
  struct Around {
    NodeId self;
    const Clock& clock;
    std::function<void(NodeId, ClusterMessage)> send;
    std::function<std::shared_ptr<const storage::ClusterSnapshot>()> cluster;
    std::function<LogsReported::Log(const storage::TopicPartition&)>
        log_of;  // end of this node's log
  };
  explicit LogCalls(Around around) : around_(std::move(around)), questions_(around_.clock) {}

  void ask(const std::vector<storage::TopicPartition>& partitions, Done done);
  // Asks the leaders for the high watermarks. Partitions whose leader does not answer are missing
  // in the result. The result is only displayed; no decision depends on it.
  using EndsDone = std::function<void(std::map<storage::TopicPartition, Offset>)>;
  void ask_leaders(const std::vector<storage::TopicPartition>& partitions, EndsDone done);
  void on_message(NodeId from, const AskLogs& message);
  void on_message(NodeId from, const LogsReported& message);
  void tick() { questions_.tick(); }

 private:
  using Asked = std::map<NodeId, std::vector<storage::TopicPartition>>;
  struct Found {
    Asked asked;
    std::map<storage::TopicPartition, std::pair<LogsReported::Log, NodeId>> best;
    void take(NodeId node, const std::vector<LogsReported::Log>& logs);
  };
  using FoundDone = std::function<void(const Found&, const std::set<NodeId>& silent)>;
  void begin(Asked asked, int64_t patience_us, FoundDone done);
  std::vector<LogsReported::Log> logs_of(
      const std::vector<storage::TopicPartition>& partitions) const;
  static Result<Best> answer(const Found& found, const std::set<NodeId>& silent);

  const Around around_;
  OpenQuestions questions_;
  std::map<uint64_t, Found> found_;  // answers to open questions, by number
};

}  // namespace server
