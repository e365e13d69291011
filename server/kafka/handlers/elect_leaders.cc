#include <map>
#include <memory>

#include "server/kafka/handlers/handlers.h"
#include "server/kafka/leaders.h"
#include "server/kafka/wire_errors.h"
#include "storage/meta/partition_requests.h"

namespace server::kafka {

namespace {

using storage::Election;
using storage::TopicPartition;
using ElectLeadersAnswer = ElectLeadersResponse::Result::Partition;

void refuse(ElectLeadersAnswer& answer, KafkaError error, std::string message) {
  answer.error_code = error;
  answer.error_message = std::move(message);
}

// Records the reason why no election takes place.
void refuse(ElectLeadersAnswer& answer, const Error& error, Election how) {
  KafkaError code = kafka_error(error.code);
  if (error.code == ErrorCode::ObjectState) code = kElectionNotNeeded;
  if (error.code == ErrorCode::NotLeader)
    code = how == Election::Preferred ? kPreferredLeaderNotAvailable : kEligibleLeadersNotAvailable;
  refuse(answer, code, error.message);
}

// The partitions for which the request demands elections, by topic. If the request names no
// partitions, they are all partitions.
struct Elections {
  Election how;
  bool are_all = false;
  std::map<std::string, std::map<int32_t, ElectLeadersAnswer>> answers;
  std::map<TopicPartition, ElectLeadersAnswer*> asked;
  Reply<ElectLeadersResponse> reply;
  Backend::BestLogs best = {};  // replicas with the longest logs, for an unclean election

  void add(const storage::TopicInfo& topic, int32_t index) {
    ElectLeadersAnswer& answer = answers[topic.name][index];
    answer.partition_id = index;
    asked[{topic.id, PartitionId{index}}] = &answer;
  }
  std::vector<std::string> plan(const storage::ClusterSnapshot& cluster) {
    std::vector<std::string> parts;
    for (const auto& [partition, answer] : asked) {
      answer->error_code = KafkaError::None;
      answer->error_message.reset();
      const auto wanted = best.find(partition);
      const auto leader =
          wanted == best.end() ? std::nullopt : std::optional<NodeId>(wanted->second);
      const auto elected = storage::with_elected_leader(cluster, partition, how, leader);
      if (elected)
        parts.push_back(storage::encode_elect_leader(partition, how, leader));
      else
        refuse(*answer, elected.error(), how);
    }
    return parts;
  }
  // Returns the partitions that would get a leader without all records.
  std::vector<TopicPartition> unclean(const storage::ClusterSnapshot& cluster) const {
    std::vector<TopicPartition> partitions;
    if (how == Election::Unclean)
      for (const auto& [partition, answer] : asked)
        if (storage::with_elected_leader(cluster, partition, how)) partitions.push_back(partition);
    return partitions;
  }
  void fail(const Error& error) {
    for (const auto& [partition, answer] : asked)
      if (answer->error_code == KafkaError::None)
        refuse(*answer, kafka_error(error.code), error.message);
    answer();
  }
  // Sends the answer. As in Kafka, the answer to a request for all partitions contains only the
  // partitions with an election or an error.
  void answer() {
    ElectLeadersResponse response;
    for (const auto& [topic, partitions] : answers)
      for (const auto& [index, partition] : partitions) {
        if (are_all && partition.error_code == kElectionNotNeeded) continue;
        auto& results = response.replica_election_results;
        if (results.empty() || results.back().topic != topic) results.emplace_back().topic = topic;
        results.back().partition_result.push_back(partition);
      }
    reply.send(response);
  }
};

void elect(Backend& backend, const std::shared_ptr<Elections>& elections) {
  backend.change_cluster(
      [elections](const storage::ClusterSnapshot& cluster) { return elections->plan(cluster); },
      [elections](const Status& done) {
        done ? elections->answer() : elections->fail(done.error());
      });
}

// Finds the replica with the longest log for each partition with an unclean election, and then
// elects the leaders.
void find_leaders(Backend& backend, const storage::ClusterSnapshot& cluster,
                  const std::shared_ptr<Elections>& elections) {
  std::vector<TopicPartition> unclean = elections->unclean(cluster);
  if (unclean.empty()) return elect(backend, elections);
  backend.find_best_logs(std::move(unclean),
                         [&backend, elections](Result<Backend::BestLogs> found) {
                           if (!found) return elections->fail(found.error());
                           elections->best = *std::move(found);
                           elect(backend, elections);
                         });
}

}  // namespace

// Elects leaders. On a single node each partition has one replica, which leads it, so no election
// takes place.
void handle_elect_leaders(HandlerContext& context, ElectLeadersRequest request,
                          Reply<ElectLeadersResponse> reply) {
  const auto how = static_cast<Election>(request.election_type);
  if (how != Election::Preferred && how != Election::Unclean) {
    ElectLeadersResponse response;
    response.error_code = KafkaError::InvalidRequest;
    return reply.send(response);
  }
  const auto topics = context.backend.topics();
  const auto view = context.backend.cluster();
  auto elections =
      std::make_shared<Elections>(Elections{how, !request.topic_partitions, {}, {}, reply});
  if (request.topic_partitions) {
    for (const ElectLeadersRequest::TopicPartition& asked : *request.topic_partitions) {
      const storage::TopicInfo* topic = topics->find(asked.topic);
      for (const int32_t index : asked.partitions) {
        if (topic && index >= 0 && index < topic->partition_count) {
          elections->add(*topic, index);
          continue;
        }
        ElectLeadersAnswer& unknown = elections->answers[asked.topic][index];
        unknown.partition_id = index;
        refuse(unknown, KafkaError::UnknownTopicOrPartition, "the partition does not exist");
      }
    }
  } else {
    for (const auto& [name, topic] : topics->by_name())
      for (int32_t index = 0; index < topic.partition_count; ++index) elections->add(topic, index);
  }
  if (view) return find_leaders(context.backend, *view->metadata, elections);
  for (const auto& [partition, answer] : elections->asked)
    refuse(*answer, kElectionNotNeeded, "the partition has its preferred leader");
  elections->answer();
}

}  // namespace server::kafka
