// Checks the names of the objects that sinks write (files, S3), the intents that name an object before it is written,
// and the stored positions.
#include "engine/connect/sink_objects.h"

#include <gtest/gtest.h>

namespace engine {
namespace {

TEST(SinkObjects, an_intent_is_read_back_only_by_its_connector) {
  const Uuid connector = Uuid::random();
  const SinkObject object{"t", "topic id", PartitionId(3), Offset{7}, Offset{90}, "t+3+7.json"};
  const std::string json = encode_intent(object, connector);
  EXPECT_EQ(parse_intent(json, connector).value(), std::optional(object));
  EXPECT_EQ(parse_intent(json, Uuid::random()).value(), std::nullopt);
  const std::string damaged = R"({"connector":")" + connector.to_string() + R"(","first":7})";
  EXPECT_EQ(parse_intent(damaged, connector).error().code, ErrorCode::DataCorrupted);
}

TEST(SinkObjects, names_sort_in_the_order_of_the_offsets) {
  EXPECT_EQ(sink_object_name("a.b", PartitionId(0), Offset{42}, "csv"), "a.b+0+0000000042.csv");
  EXPECT_LT(sink_object_name("t", PartitionId(0), Offset{99}, "csv"),
            sink_object_name("t", PartitionId(0), Offset{100}, "csv"));
}

TEST(SinkObjects, positions_have_the_form_of_kafka_connect) {
  EXPECT_EQ(sink_partition_json("t", PartitionId(2)), R"({"kafka_partition":2,"kafka_topic":"t"})");
  EXPECT_EQ(sink_offset_json({Offset{5}}), R"({"kafka_offset":5})");
  const auto offset = parse_sink_offset(sink_offset_json({Offset{5}, "id"}));
  ASSERT_TRUE(offset);
  EXPECT_EQ(offset->next, Offset{5});
  EXPECT_EQ(offset->topic_id, "id");
  EXPECT_EQ(parse_sink_partition(R"({"kafka_topic":"t","kafka_partition":2})"),
            std::optional(std::pair(std::string("t"), PartitionId(2))));
  for (const char* bad : {R"({"kafka_topic":"t"})", R"({"kafka_partition":1})", "{}", "x",
                          R"({"kafka_topic":"t","kafka_partition":-1})",
                          R"({"kafka_topic":"t","kafka_partition":1e9})"})
    EXPECT_FALSE(parse_sink_partition(bad)) << bad;
  for (const char* bad : {"{}", "null", R"({"kafka_offset":-1})", R"({"kafka_offset":"1"})"})
    EXPECT_FALSE(parse_sink_offset(bad)) << bad;
}

}  // namespace
}  // namespace engine
