// Checks the records of __connect_state.
#include "engine/connect/state_record.h"

#include <gtest/gtest.h>

namespace engine {
namespace {

TEST(StateRecord, keys_are_json_that_is_read_again) {
  const std::string key = position_key("a\"b", R"({"filename":"x"})");
  EXPECT_EQ(key, R"(["position","a\"b",{"filename":"x"}])");
  const auto parsed = parse_state_key(key);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->kind, "position");
  EXPECT_EQ(parsed->connector, "a\"b");
  EXPECT_EQ(parsed->rest, R"({"filename":"x"})");
  EXPECT_EQ(intent_key("c", "t", PartitionId(3)), R"(["intent","c","t",3])");
  for (const char* wrong : {"", "[]", "{}", "[1,2,3]", "[\"a\",\"b\"]", "x"})
    EXPECT_FALSE(parse_state_key(wrong)) << wrong;
}

TEST(StateRecord, values_are_read_as_they_were_written) {
  const PositionValue position{R"({"position":120})", Uuid::random()};
  EXPECT_EQ(parse_position(encode_position(position)).value(), position);
  const auto commit = parse_commit(encode_commit({7, position.connector}));
  ASSERT_TRUE(commit);
  EXPECT_EQ(commit->commit, 7);
  EXPECT_EQ(commit->connector, position.connector);
  EXPECT_FALSE(parse_position("{}"));
  EXPECT_FALSE(parse_position("7"));
}

TEST(StateRecord, a_state_of_a_cluster_has_the_node_and_the_figures) {
  TaskStateValue state{"RUNNING", "waits", Uuid::random(), 17};
  EXPECT_EQ(parse_task_state(encode_task_state(state)).value(), state);
  state.worker = "n1:8088";
  state.counts = {.records = 5, .commits = 2, .restarts = 1, .lag_bytes = 0, .lag_records = 4};
  EXPECT_EQ(parse_task_state(encode_task_state(state)).value(), state);
  EXPECT_EQ(parse_state_key(restart_key("c", 0))->kind, "restart");
}

TEST(StateRecord, equal_positions_have_equal_texts) {
  EXPECT_EQ(canonical_json_object("{ \"b\": {\"d\":1, \"c\":2}, \"a\": [1 ,2] }").value(),
            R"({"a":[1,2],"b":{"c":2,"d":1}})");
  EXPECT_FALSE(canonical_json_object("[1]"));
  EXPECT_FALSE(canonical_json_object("{"));
}

TEST(StateRecord, tasks_of_a_connector_use_successive_partitions) {
  const int32_t first = connect_state_partition("crm", 0).value();
  EXPECT_EQ(connect_state_partition("crm", 1).value(), (first + 1) % kConnectStatePartitions);
}

}  // namespace
}  // namespace engine
