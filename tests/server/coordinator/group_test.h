// A coordinator of groups for tests, whose clock moves only when a test advances it.
#pragma once
#include <gtest/gtest.h>

#include <optional>

#include "server/coordinator/group_shard.h"
#include "server/coordinator/groups.h"
#include "tests/server/coordinator/memory_port.h"
#include "tests/server/coordinator/memory_shared_log.h"

namespace server::coordinator {

inline const PartitionId kPartition{0};

class GroupTest : public testing::Test {
 protected:
  GroupTest() { lead(); }

  void make_topic(const std::string& name, int32_t partitions) {
    ASSERT_TRUE(topics.apply(storage::encode_create_topic({new_id(), name, partitions, {}})));
  }
  void delete_topic(const std::string& name) {
    ASSERT_TRUE(topics.apply(storage::encode_delete_topic(topics.snapshot()->find(name)->id)));
  }

  // Makes this node the leader of the partition with an empty memory, as after a restart.
  void lead() {
    shard.emplace(
        settings, port, memory, [this] { return topics.snapshot(); }, [this] { return configs; },
        [this] { return new_id(); }, &shared_log);
    shard->lead(kPartition, port.epoch);
    settle();
  }
  Uuid new_id() {
    Uuid id;
    store_be(id.bytes.data(), ++last_id);
    return id;
  }

  // Runs all tasks and timers that are due.
  void settle() {
    port.settle();
    while (shard->next_us() && *shard->next_us() <= clock.monotonic_us()) {
      shard->run_due();
      port.settle();
    }
  }
  void pass_ms(int64_t ms) {
    for (; ms > 0; ms -= 10) {
      clock.advance_us(std::min<int64_t>(ms, 10) * 1000);
      settle();
    }
  }

  GroupPartition& partition() { return *shard->find(kPartition); }

  template <class Request>
  std::shared_ptr<std::optional<typename Request::Answer>> begin(Request request) {
    auto answer = std::make_shared<std::optional<typename Request::Answer>>();
    partition().handle(std::move(request), [answer](typename Request::Answer given) {
      EXPECT_FALSE(answer->has_value()) << "answered twice";
      *answer = std::move(given);
    });
    settle();
    return answer;
  }
  template <class Request>
  typename Request::Answer ask(Request request) {
    const auto answer = begin(std::move(request));
    EXPECT_TRUE(answer->has_value()) << "not answered";
    return answer->value_or(typename Request::Answer{});
  }

  static JoinGroup join_request(const std::string& member_id = "",
                                const std::string& metadata = "m") {
    JoinGroup join;
    join.group_id = "g";
    join.session_timeout_ms = 10'000;
    join.rebalance_timeout_ms = 60'000;
    join.member_id = member_id;
    join.protocol_type = "consumer";
    join.protocols = {{"range", metadata}};
    join.client_id = "client";
    join.client_host = "/127.0.0.1";
    return join;
  }
  static SyncGroup sync_request(const std::string& member_id, int32_t generation,
                                std::map<std::string, std::string> assignments = {}) {
    SyncGroup sync;
    sync.group_id = "g";
    sync.member_id = member_id;
    sync.generation = generation;
    sync.assignments = std::move(assignments);
    return sync;
  }
  KafkaError beat(const std::string& member_id, int32_t generation) {
    return ask(GroupHeartbeat{"g", generation, member_id, {}}).error;
  }
  static CommitOffsets commit_request(int64_t offset, const std::string& topic = "t",
                                      int32_t partition = 0) {
    CommitOffsets commit;
    commit.group_id = "g";
    commit.topics = {{topic, {{partition, offset, -1, "note"}}}};
    return commit;
  }
  KafkaError commit(CommitOffsets request) {
    return ask(std::move(request)).topics.at(0).second.at(0).error;
  }
  int64_t committed(const std::string& topic = "t", int32_t partition = 0) {
    FetchOffsets fetch;
    fetch.group_id = "g";
    fetch.topics = {{topic, {partition}}};
    return ask(std::move(fetch)).topics.at(0).second.at(0).offset;
  }
  // Makes a group with `members` members in its first generation; the first member leads.
  std::vector<std::string> stable_group(int members) {
    std::vector<std::shared_ptr<std::optional<JoinedGroup>>> joining;
    for (int i = 0; i < members; ++i) joining.push_back(begin(join_request()));
    pass_ms(settings.initial_rebalance_delay_ms * (members + 1));
    std::vector<std::string> ids;
    std::map<std::string, std::string> assignments;
    for (const auto& joined : joining) {
      if (!joined->has_value()) {
        ADD_FAILURE() << "has not joined";
        return {};
      }
      EXPECT_EQ((*joined)->error, KafkaError::None);
      ids.push_back((*joined)->member_id);
      assignments[ids.back()] = "work of " + ids.back();
    }
    for (const std::string& id : ids)
      if (id != (*joining[0])->leader) begin(sync_request(id, 1));
    begin(sync_request((*joining[0])->leader, 1, assignments));
    EXPECT_EQ(state(), "Stable");
    return ids;
  }
  std::string state() { return ask(DescribeGroup{"g"}).state; }

  int last_id = 0;
  std::shared_ptr<const storage::GroupConfigs> configs =
      std::make_shared<const storage::GroupConfigs>();
  GroupSettings settings{.initial_rebalance_delay_ms = 300};
  SimulatedClock clock{1'700'000'000'000};
  MemoryBudget memory{size_t{64} << 20};
  storage::TopicTable topics;
  MemoryPort port{clock};
  MemorySharedLog shared_log;
  std::optional<GroupShard> shard;
};

}  // namespace server::coordinator
