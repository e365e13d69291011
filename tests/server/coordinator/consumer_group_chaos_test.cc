// Members of the consumer protocol join, leave, hang and vanish in any order; the log is slow or fails, and the
// coordinator restarts. No partition may ever be used by two members, and all must be used in the end.
#include <fmt/format.h>

#include <random>

#include "tests/server/coordinator/consumer_group_fixture.h"

using namespace server::coordinator;

namespace {

struct ConsumerClient {
  std::string id = {};
  int32_t epoch = -1;  // -1: has not joined
  AssignedPartitions uses = {};
  bool has_something_to_say = false, says_all = false;
  // `asked_us` is the time of the client's last request, and `heard_us` that of its last answered request.
  int64_t asked_us = 0, heard_us = 0;
  std::shared_ptr<std::optional<ConsumerGroupHeartbeatAnswer>> asked = {};
};

class ConsumerGroupChaos : public ConsumerGroupTest, public testing::WithParamInterface<uint32_t> {
 protected:
  void act(ConsumerClient& client) {
    if (client.asked) return;
    if (client.epoch < 0) {
      if (random() % 2 == 0) client = {.id = fmt::format("m{}", ++last_member)};
      if (client.id.empty()) return;
      client.uses.clear();
      ask_as(client, joining(client.id));
      return;
    }
    if (random() % 12 == 0) {
      ask_as(client, beat_request(client.id, kLeavesForGood));
      client.uses.clear();
      return;
    }
    if (random() % 20 == 0) return (void)(client = {});  // the client crashes
    ConsumerGroupHeartbeat request = beat_request(client.id, client.epoch);
    if (std::exchange(client.has_something_to_say, false) || random() % 4 == 0)
      request.owned = client.uses;
    if (std::exchange(client.says_all, false)) {
      request.rebalance_timeout_ms = kLong;
      request.topics = {"t"};
      request.owned = client.uses;
    }
    ask_as(client, request);
  }

  // The rebalance time-out is an hour, because these clients are slow. A member that exceeds it would be
  // removed without learning of it immediately.
  static constexpr int32_t kLong = 3'600'000;
  static ConsumerGroupHeartbeat joining(const std::string& id) {
    ConsumerGroupHeartbeat request = join_request(id);
    request.rebalance_timeout_ms = kLong;
    return request;
  }
  void ask_as(ConsumerClient& client, ConsumerGroupHeartbeat request) {
    client.asked_us = clock.monotonic_us();
    client.asked = begin(std::move(request));
  }

  void look(ConsumerClient& client) {
    if (!client.asked || !client.asked->has_value()) return;
    const ConsumerGroupHeartbeatAnswer answer = **std::exchange(client.asked, nullptr);
    if (answer.error == kUnknownMemberId || answer.error == kFencedMemberEpoch ||
        answer.error == kGroupIdNotFound) {
      client.epoch = -1;
      client.uses.clear();
      return;
    }
    // After an error the client does not know whether its request took effect, so it sends its whole
    // state again, as Kafka's clients do.
    if (answer.error != KafkaError::None) return (void)(client.says_all = true);
    client.epoch = answer.member_epoch;
    client.heard_us = client.asked_us;
    if (answer.assignment) {
      client.uses = *answer.assignment;
      client.has_something_to_say = true;
    }
  }

  // Checks that no partition is used by two members, among the members whose sessions cannot have
  // expired.
  void expect_apart() {
    std::map<TopicIdPartition, std::string> used;
    for (const ConsumerClient& client : clients)
      if (client.epoch >= 0 && clock.monotonic_us() - client.heard_us < 45'000'000) {
        for (const TopicIdPartition& each : client.uses)
          EXPECT_TRUE(used.emplace(each, client.id).second)
              << each.partition << " by " << client.id << " and " << used[each];
      }
  }

  void disturb() {
    switch (random() % 24) {
      case 0:
        port.holds_appends = true;
        break;
      case 1:
      case 2:
        port.holds_appends = false;
        settle();
        break;
      case 3:
        for (ConsumerClient& client : clients) look(client);
        shard.reset();
        port.crash(random() % (port.under_way() + 1));
        lead();
        break;
      case 4:
        if (port.under_way() > 0) port.fail_append({ErrorCode::DiskFull, "full"});
        break;
      case 5:
        pass_ms(static_cast<int64_t>(random() % 40'000));
        break;
      default:
        pass_ms(static_cast<int64_t>(random() % 3'000));
    }
  }

  std::mt19937 random;
  std::vector<ConsumerClient> clients = std::vector<ConsumerClient>(4);
  int last_member = 0;
};

}  // namespace

TEST_P(ConsumerGroupChaos, no_partition_is_used_by_two_and_all_are_used_in_the_end) {
  random.seed(GetParam());
  for (int step = 0; step < 400; ++step) {
    act(clients[random() % clients.size()]);
    disturb();
    for (ConsumerClient& client : clients) look(client);
    expect_apart();
    if (HasFailure()) return;
  }
  port.holds_appends = false;
  settle();
  for (int round = 0; round < 60; ++round)
    for (ConsumerClient& client : clients) {
      look(client);
      if (client.epoch < 0) {
        if (client.id.empty()) client.id = fmt::format("m{}", ++last_member);
        ask_as(client, joining(client.id));
      } else {
        ConsumerGroupHeartbeat request = joining(client.id);
        request.member_epoch = client.epoch;
        request.owned = client.uses;
        ask_as(client, request);
      }
      look(client);
      pass_ms(1'000);
      expect_apart();
    }
  size_t used = 0;
  for (const ConsumerClient& client : clients) used += client.uses.size();
  EXPECT_EQ(used, 6u);
  EXPECT_EQ(described().state, "Stable");
  EXPECT_EQ(described().members.size(), clients.size());
  shard->resign_all();
  EXPECT_EQ(shard->state_bytes(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, ConsumerGroupChaos, testing::Range(0u, 100u));
