#include "server/connect/outside/connect_replies.h"

#include "server/connect/outside/connect_client.h"

namespace server {
namespace {

engine::JsonTree json(std::string_view text) { return *engine::parse_json_tree(text); }

TEST(ConnectReplies, a_list_with_states_and_definitions_is_read_by_name) {
  const auto connectors = connectors_in(json(R"({
    "orders": {"status": {"name": "orders", "type": "sink",
                          "connector": {"state": "RUNNING", "worker_id": "10.0.0.1:8083"},
                          "tasks": [{"id": 1, "state": "FAILED", "worker_id": "w", "trace": "java.io.E: no\n\tat x"},
                                    {"id": 0, "state": "RUNNING", "worker_id": "w"}]},
               "info": {"name": "orders", "type": "sink", "tasks": [],
                        "config": {"connector.class": "X", "tasks.max": "2", "batch": 7}}},
    "access": {"status": {"name": "access", "connector": {"state": "PAUSED", "worker_id": "w"}, "tasks": []},
               "info": {"name": "access", "type": "source", "config": {}, "tasks": []}}})"));
  ASSERT_EQ(connectors.size(), 2u);
  EXPECT_EQ(connectors[0].name, "access");
  EXPECT_EQ(connectors[0].state, ConnectorState::Paused);
  EXPECT_EQ(connectors[0].type, engine::ConnectorType::Source);
  const ConnectorInfo& orders = connectors[1];
  EXPECT_EQ(orders.class_name, "X");
  EXPECT_EQ(orders.config.at("batch"), "7");
  ASSERT_EQ(orders.tasks.size(), 2u);
  EXPECT_EQ(orders.tasks[0].state, ConnectorState::Running);
  EXPECT_EQ(orders.tasks[1].trace, "java.io.E: no\n\tat x");
}

TEST(ConnectReplies, offsets_keep_the_spelling_of_their_numbers) {
  const auto offsets = offsets_in(json(
      R"({"offsets":[{"partition":{"server":"crm"},"offset":{"lsn":24023128,"ts_usec":1.50}}]})"));
  ASSERT_EQ(offsets.size(), 1u);
  EXPECT_EQ(offsets[0].partition, R"({"server":"crm"})");
  EXPECT_EQ(offsets[0].offset, R"({"lsn":24023128,"ts_usec":1.50})");
  EXPECT_EQ(
      offsets_json(offsets),
      R"({"offsets":[{"partition":{"server":"crm"},"offset":{"lsn":24023128,"ts_usec":1.50}}]})");
}

TEST(ConnectReplies, a_wrong_configuration_has_one_line_for_each_property) {
  const Error error =
      connect_error(400,
                    "Connector configuration is invalid and contains the following 2 error(s):\n"
                    "Missing required configuration \"topic\" which has no default value.\n"
                    "Invalid value x for configuration tasks.max: Not a number of type INT\n"
                    "You can also find the above list of errors at the endpoint "
                    "`/connector-plugins/{c}/config/validate`",
                    "access", "X");
  EXPECT_EQ(error.code, ErrorCode::InvalidParameter);
  EXPECT_EQ(error.detail,
            "Missing required configuration \"topic\" which has no default value.\n"
            "Invalid value x for configuration tasks.max: Not a number of type INT");
}

TEST(ConnectReplies, errors_have_the_code_that_their_status_means) {
  EXPECT_EQ(connect_error(404, "Connector c not found", "c", "").code, ErrorCode::UndefinedObject);
  EXPECT_EQ(connect_error(409, "Connector c already exists", "c", "").code,
            ErrorCode::DuplicateObject);
  EXPECT_EQ(
      connect_error(409, "Cannot complete request momentarily due to stale configuration", "c", "")
          .code,
      ErrorCode::ObjectState);
  EXPECT_EQ(connect_error(400, "Connectors must be in the STOPPED state before their offsets ...",
                          "c", "")
                .code,
            ErrorCode::ObjectState);
  EXPECT_EQ(
      connect_error(
          500,
          "Failed to find any class that implements Connector and which name matches com.acme.X",
          "c", "com.acme.X")
          .message,
      "class com.acme.X is not built in");
  EXPECT_EQ(connect_error(500, "Request timed out", "c", "").code, ErrorCode::NetworkFailure);
}

TEST(ConnectReplies, a_body_names_the_initial_state_only_if_it_is_not_running) {
  ConnectorDefinition definition;
  definition.name = "c";
  definition.config = {{"connector.class", "X"}};
  EXPECT_EQ(create_json(definition), R"({"name":"c","config":{"connector.class":"X"}})");
  definition.initial_state = TargetState::Stopped;
  EXPECT_EQ(create_json(definition),
            R"({"name":"c","config":{"connector.class":"X"},"initial_state":"STOPPED"})");
}

TEST(ConnectReplies, urls_of_workers_may_have_credentials) {
  const auto endpoints = parse_connect_urls("http://ann:a%40b@one:8083/, https://two:8083/connect");
  ASSERT_TRUE(endpoints);
  ASSERT_EQ(endpoints->size(), 2u);
  EXPECT_EQ((*endpoints)[0].url, "http://one:8083");
  EXPECT_EQ((*endpoints)[0].user_and_password, "ann:a@b");
  EXPECT_EQ((*endpoints)[1].url, "https://two:8083/connect");
  for (const std::string_view wrong : {"", "one:8083", "ftp://one", "http://", "http://a b"})
    EXPECT_FALSE(parse_connect_urls(wrong)) << wrong;
}

}  // namespace
}  // namespace server
