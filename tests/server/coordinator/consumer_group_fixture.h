// Members of a group by the consumer protocol that subscribe to a topic of six partitions, for tests.
#pragma once
#include <set>

#include "tests/server/coordinator/group_test.h"

namespace server::coordinator {

class ConsumerGroupTest : public GroupTest {
 protected:
  ConsumerGroupTest() { make_topic("t", 6); }

  static ConsumerGroupHeartbeat join_request(const std::string& member) {
    ConsumerGroupHeartbeat request;
    request.group_id = "g";
    request.member_id = member;
    request.rebalance_timeout_ms = 60'000;
    request.topics = {"t"};
    request.owned.emplace();
    request.client_id = "client";
    request.client_host = "/127.0.0.1";
    return request;
  }
  static JoinGroup classic_request(const std::string& member_id = "",
                                   const std::string& metadata = "m") {
    return GroupTest::join_request(member_id, metadata);
  }
  static ConsumerGroupHeartbeat beat_request(const std::string& member, int32_t epoch) {
    ConsumerGroupHeartbeat request;
    request.group_id = "g";
    request.member_id = member;
    request.member_epoch = epoch;
    request.client_id = "client";
    request.client_host = "/127.0.0.1";
    return request;
  }
  ConsumerGroupHeartbeatAnswer ask_group(ConsumerGroupHeartbeat request) {
    return ask(std::move(request));
  }
  ConsumerGroupHeartbeatAnswer join(const std::string& member) { return ask(join_request(member)); }
  // Sends a heartbeat, with the owned partitions of `t` if they are given.
  ConsumerGroupHeartbeatAnswer beat(const std::string& member, int32_t epoch,
                                    const std::optional<std::vector<int32_t>>& owned = {}) {
    ConsumerGroupHeartbeat request = beat_request(member, epoch);
    if (owned) {
      request.owned.emplace();
      for (const int32_t each : *owned)
        request.owned->push_back({topics.snapshot()->find("t")->id, each});
    }
    return ask(std::move(request));
  }
  static std::vector<int32_t> numbers(const ConsumerGroupHeartbeatAnswer& answer) {
    std::vector<int32_t> all;
    EXPECT_TRUE(answer.assignment) << "is told nothing";
    for (const TopicIdPartition& each : answer.assignment.value_or(AssignedPartitions()))
      all.push_back(each.partition);
    return all;
  }
  ConsumerGroupDescription described() { return ask(DescribeConsumerGroup{"g"}); }
  // Checks that no partition is used by two members.
  void expect_disjoint() {
    std::set<TopicIdPartition> all;
    for (const auto& member : described().members)
      for (const TopicIdPartition& each : member.assigned)
        EXPECT_TRUE(all.insert(each).second) << "used by two";
  }
};

}  // namespace server::coordinator
