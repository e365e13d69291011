// Checks the connectors of a node of a cluster: the node runs a task only while it leads the task's partition, and a
// task that another node has replaced writes nothing.
#include <atomic>

#include "tests/server/connect/connect_fixture.h"

namespace server {
namespace {

class MemberConnectorsTest : public ConnectTest {
 protected:
  MemberConnectorsTest() {
    leads_ = [this](const storage::TopicPartition&) { return is_leader_.load(); };
    restart();
  }
  ~MemberConnectorsTest() override { stop(); }
  void create(ConnectorConfig more = {{"shared", "true"}}) {
    ConnectorConfig config{{"connector.class", "file"}, {"file", "in/log"}, {"topic", "t"}};
    config.merge(more);
    const auto created = server_->create("c", config);
    ASSERT_TRUE(created) << created.error().message << created.error().detail;
  }
  // Writes a record of the state, as another node does.
  void put(const std::string& key, std::optional<std::string> value) {
    const auto written =
        submit_commit(
            server_->connect_log(),
            {{}, {{key, std::move(value)}}, engine::connect_state_partition("c", 0), kNoCondition})
            .get();
    ASSERT_TRUE(written) << written.error().message;
  }
  // Returns the refusal of the configuration by CREATE CONNECTOR, after a check that a validation
  // reports the same refusal.
  std::string error_of(const ConnectorConfig& config,
                       engine::ConnectorType type = engine::ConnectorType::Source) {
    const auto created = server_->create("refused", config, type);
    if (created) return "created";
    const auto checked = server_->call<CheckedConfig>([&](Connectors& to, auto done) {
      ConnectorDefinition definition;
      definition.name = "refused";
      definition.type = type;
      definition.config = config;
      to.validate(std::move(definition), done);
    });
    const std::string refusal = created.error().message + ". " + created.error().hint;
    std::string seen;
    if (!checked) seen = checked.error().message + ". " + checked.error().hint;
    if (checked)
      for (const CheckedProperty& property : checked->properties)
        for (const std::string& error : property.errors) seen += error;
    EXPECT_EQ(seen, refusal);
    EXPECT_EQ(checked ? ErrorCode::InvalidParameter : checked.error().code, created.error().code);
    return refusal;
  }
  std::atomic<bool> is_leader_ = true;
};

TEST_F(MemberConnectorsTest, a_task_runs_while_the_node_leads_its_partition) {
  write("in/log", "1\n2\n");
  create();
  EXPECT_EQ(wait_for_values("t", 2), Values({"1", "2"}));
  EXPECT_EQ(wait_for_state("c", ConnectorState::Running), ConnectorState::Running);
  is_leader_ = false;
  const auto has_ended =
      eventually<bool>([&] { return server_->runs() == 0; }, [](bool none) { return none; });
  EXPECT_TRUE(has_ended);
  write("in/log", "3\n");
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_EQ(server_->values("t"), Values({"1", "2"}));
  is_leader_ = true;
  EXPECT_EQ(wait_for_values("t", 3), Values({"1", "2", "3"}));
}

TEST_F(MemberConnectorsTest, a_pinned_task_runs_on_its_node_whichever_node_leads) {
  is_leader_ = false;
  write("in/log", "1\n");
  create({{"node", "1"}});
  EXPECT_EQ(wait_for_values("t", 1), Values({"1"}));
}

TEST_F(MemberConnectorsTest, a_commit_of_another_node_fences_the_task) {
  write("in/log", "1\n");
  create();
  EXPECT_EQ(wait_for_values("t", 1), Values({"1"}));
  const Uuid id = server_->image()->connectors->find("c")->second->id;
  put(engine::commit_key("c", 0), engine::encode_commit({100, id}));
  write("in/log", "2\n");
  // The task ends, and starts again at the position.
  EXPECT_EQ(wait_for_values("t", 2), Values({"1", "2"}));
}

TEST_F(MemberConnectorsTest, a_task_of_a_dropped_connector_writes_nothing) {
  write("in/log", "1\n");
  create();
  EXPECT_EQ(wait_for_values("t", 1), Values({"1"}));
  EXPECT_EQ(wait_for_state("c", ConnectorState::Running), ConnectorState::Running);
  // Another node has dropped the connector, and this node does not know it yet.
  put(engine::commit_key("c", 0), std::nullopt);
  write("in/log", "2\n");
  EXPECT_TRUE(
      eventually<bool>([&] { return server_->runs() == 0; }, [](bool none) { return none; }));
  EXPECT_EQ(server_->values("t"), Values({"1"}));
}

TEST_F(MemberConnectorsTest, classes_that_do_not_run_in_a_cluster_are_refused) {
  EXPECT_NE(error_of({{"connector.class", "file"}, {"file", "in/log"}, {"topic", "t"}})
                .find("Add \"node\" = '1'"),
            std::string::npos);
  EXPECT_NE(
      error_of({{"connector.class", "file"}, {"file", "in/log"}, {"topic", "t"}, {"node", "2"}})
          .find("Connect to node 2"),
      std::string::npos);
  EXPECT_NE(
      error_of({{"connector.class", "file"}, {"input.path", "in"}, {"topic", "t"}, {"node", "1"}})
          .find("sources of directories yet"),
      std::string::npos);
  EXPECT_NE(error_of({{"connector.class", "FileStreamSource"}, {"file", "in/log"}, {"topic", "t"}})
                .find("on a single server"),
            std::string::npos);
  EXPECT_NE(error_of({{"connector.class", "webhook"}, {"topic", "t"}, {"signature.scheme", "none"}})
                .find("webhooks yet"),
            std::string::npos);
  EXPECT_NE(error_of({{"connector.class", "file"}, {"topics", "t"}, {"output.path", "out"}},
                     engine::ConnectorType::Sink)
                .find("sink connectors yet"),
            std::string::npos);
  EXPECT_NE(error_of({{"connector.class", "file"},
                      {"file", "in/log"},
                      {"topic", "t"},
                      {"node", "1"},
                      {"shared", "true"}})
                .find("Keep \"node\" for files of one node"),
            std::string::npos);
}

}  // namespace
}  // namespace server
