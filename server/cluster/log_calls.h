// How far the logs of partitions are: of those that nobody leads, which replica loses least when it is to lead all the same.
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

// ask() asks all that have a replica and are there. The longest log of the newest leader epoch is the best one (Raft's rule for
// votes, and the one of KIP-966 for unclean recovery): what lies behind the end of an older epoch was never
// acknowledged by a newer leader.
//
// Threads: one loop. Owner: ClusterMember.
class LogCalls {
 public:
  // Partitions of which no replica is there are not among them. NetworkFailure where a node that is there has
  // not answered within two seconds.
  using Best = std::map<storage::TopicPartition, NodeId>;
  using Done = std::function<void(Result<Best>)>;
  struct Around {
    NodeId self;
    const Clock& clock;
    std::function<void(NodeId, ClusterMessage)> send;
    std::function<std::shared_ptr<const storage::ClusterSnapshot>()> cluster;
    std::function<LogsTold::Log(const storage::TopicPartition&)> log_of;  // this node's
  };
  explicit LogCalls(Around around) : around_(std::move(around)), questions_(around_.clock) {}

  void ask(const std::vector<storage::TopicPartition>& partitions, Done done);
  // Their high watermarks, as their leaders say, without those that do not. For whoever tells people: nothing is decided by it.
  using EndsDone = std::function<void(std::map<storage::TopicPartition, Offset>)>;
  void ask_leaders(const std::vector<storage::TopicPartition>& partitions, EndsDone done);
  void on_message(NodeId from, const AskLogs& message);
  void on_message(NodeId from, const LogsTold& message);
  void tick() { questions_.tick(); }

 private:
  using Asked = std::map<NodeId, std::vector<storage::TopicPartition>>;
  struct Found {
    Asked asked;
    std::map<storage::TopicPartition, std::pair<LogsTold::Log, NodeId>> best;
    void take(NodeId node, const std::vector<LogsTold::Log>& logs);
  };
  using FoundDone = std::function<void(const Found&, const std::set<NodeId>& silent)>;
  void begin(Asked asked, int64_t patience_us, FoundDone done);
  std::vector<LogsTold::Log> logs_of(const std::vector<storage::TopicPartition>& partitions) const;
  static Result<Best> answer(const Found& found, const std::set<NodeId>& silent);

  const Around around_;
  OpenQuestions questions_;
  std::map<uint64_t, Found> found_;  // of the questions
};

}  // namespace server
