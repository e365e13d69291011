// Members join, leave, hang and vanish in any order; the log is slow or fails, and the coordinator restarts. The
// invariants must hold nevertheless.
#include <fmt/format.h>

#include <random>
#include <set>

#include "tests/server/coordinator/group_test.h"

using namespace server::coordinator;

namespace {

// A client of a group that does not always follow the protocol.
struct Client {
  std::string id;
  int32_t generation = -1;
  bool leads = false;
  std::vector<std::string> members;  // the members to which it assigns partitions
  std::shared_ptr<std::optional<JoinedGroup>> joining;
  std::shared_ptr<std::optional<SyncedGroup>> syncing;
};

class GroupChaos : public GroupTest {
 protected:
  void run(uint32_t seed) {
    SCOPED_TRACE(seed);
    random.seed(seed);
    make_topic("t", 1);
    for (int step = 0; step < 400; ++step) {
      act(clients[random() % clients.size()]);
      disturb();
      for (Client& client : clients) look(client);
    }
    end();
  }

  void act(Client& client) {
    if ((client.joining && !client.joining->has_value()) ||
        (client.syncing && !client.syncing->has_value()))
      return;
    switch (random() % 8) {
      case 0:
      case 1:
        return join(client);
      case 2:
      case 3:
        return sync(client);
      case 4:
        return leave(client);
      case 5:
        client = {};  // the client crashes
        return;
      case 6:
        return commit_as(client);
      default:
        if (!client.id.empty()) begin(GroupHeartbeat{"g", client.generation, client.id, {}});
    }
  }
  void join(Client& client) {
    JoinGroup request = join_request(client.id, random() % 4 == 0 ? "other" : "m");
    request.needs_member_id = random() % 2 == 0;
    if (random() % 4 == 0) request.protocols.push_back({"roundrobin", "m"});
    client.joining = begin(request);
  }
  void sync(Client& client) {
    if (client.id.empty()) return;
    SyncGroup request = sync_request(client.id, client.generation);
    if (client.leads)
      for (const std::string& member : client.members)
        request.assignments[member] = work_of(member, client.generation);
    client.syncing = begin(request);
  }
  void leave(Client& client) {
    LeaveGroup request;
    request.group_id = "g";
    request.members = {{client.id}};
    begin(request);
    client = {};
  }
  void commit_as(const Client& client) {
    CommitOffsets request = commit_request(++last_offset);
    if (random() % 4 > 0) {
      request.member_id = client.id;
      request.generation = client.generation;
    }
    commits.emplace_back(last_offset, begin(request));
  }
  static std::string work_of(const std::string& member, int32_t generation) {
    return fmt::format("{} of {}", generation, member);
  }

  void disturb() {
    switch (random() % 20) {
      case 0:
        port.holds_appends = true;
        break;
      case 1:
      case 2:
        port.holds_appends = false;
        settle();
        break;
      case 3:
        restart();
        break;
      case 4:
        if (port.under_way() > 0) port.fail_append({ErrorCode::DiskFull, "full"});
        break;
      case 5:
        pass_ms(static_cast<int64_t>(random() % 70'000));
        break;
      default:
        pass_ms(static_cast<int64_t>(random() % 2'000));
    }
  }
  void restart() {
    for (Client& client : clients) look(client);
    shard.reset();
    port.crash(random() % (port.under_way() + 1));
    lead();
    leaders.clear();  // a generation without an assignment may be used again
    check_commits();
  }

  void look(Client& client) {
    if (client.joining && client.joining->has_value()) {
      const JoinedGroup joined = **std::exchange(client.joining, nullptr);
      if (joined.error == KafkaError::None) {
        EXPECT_EQ(leaders.try_emplace(joined.generation, joined.leader).first->second,
                  joined.leader)
            << "two leaders in generation " << joined.generation;
        client.generation = joined.generation;
        client.leads = joined.leader == joined.member_id;
        client.members.clear();
        for (const auto& member : joined.members) client.members.push_back(member.id);
        EXPECT_TRUE(client.leads || client.members.empty());
      } else if (joined.error != kMemberIdRequired) {
        client = {};
        return;
      }
      client.id = joined.member_id;
    }
    if (client.syncing && client.syncing->has_value()) {
      const SyncedGroup synced = **std::exchange(client.syncing, nullptr);
      if (synced.error == KafkaError::None) {
        EXPECT_EQ(synced.assignment, work_of(client.id, client.generation));
      }
      if (synced.error == kUnknownMemberId) client = {};
    }
  }

  // Checks that the stored offset is the last acknowledged one, or a later one whose commit was not
  // answered.
  void check_commits() {
    int64_t acknowledged = -1;
    std::set<int64_t> possible;
    for (const auto& [offset, answer] : commits) {
      if (!answer->has_value()) continue;
      const KafkaError error = (*answer)->topics.at(0).second.at(0).error;
      if (error == KafkaError::None) {
        acknowledged = offset;
        possible.clear();
      } else if (error == kNotCoordinator) {
        possible.insert(offset);  // the offset may have been stored
      }
    }
    const int64_t found = committed();
    EXPECT_TRUE(found == acknowledged || possible.contains(found))
        << found << " and not " << acknowledged;
  }

  void end() {
    port.holds_appends = false;
    settle();
    restart();
    pass_ms(20'000);
    EXPECT_EQ(partition().list().size(), state() == "Dead" ? 0u : 1u);
    shard->resign_all();
    for (const Client& client : clients) {
      EXPECT_TRUE(!client.joining || client.joining->has_value());
      EXPECT_TRUE(!client.syncing || client.syncing->has_value());
    }
    for (const auto& [offset, answer] : commits) EXPECT_TRUE(answer->has_value());
    EXPECT_EQ(shard->state_bytes(), 0u);
  }

  std::mt19937 random;
  std::vector<Client> clients = std::vector<Client>(5);
  std::map<int32_t, std::string> leaders;
  int64_t last_offset = 0;
  std::vector<std::pair<int64_t, std::shared_ptr<std::optional<CommittedOffsets>>>> commits;
};

class GroupChaosSeed : public GroupChaos, public testing::WithParamInterface<uint32_t> {};

}  // namespace

TEST_P(GroupChaosSeed, every_request_is_answered_once_and_rightly) { run(GetParam()); }

INSTANTIATE_TEST_SUITE_P(Seeds, GroupChaosSeed, testing::Range(1u, 101u));
