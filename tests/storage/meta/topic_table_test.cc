#include "storage/meta/topic_table.h"

namespace storage {
namespace {

TopicInfo topic(const std::string& name, int32_t partition_count = 4) {
  return {Uuid::random(), name, partition_count, {{"retention.ms", "1000"}}};
}

TEST(TopicTable, a_created_topic_is_found_by_name_and_id) {
  TopicTable table;
  const TopicInfo clicks = topic("clicks");
  ASSERT_TRUE(table.apply(encode_create_topic(clicks)));
  ASSERT_NE(table.snapshot()->find("clicks"), nullptr);
  EXPECT_EQ(*table.snapshot()->find("clicks"), clicks);
  EXPECT_EQ(*table.snapshot()->find(clicks.id), clicks);
  EXPECT_EQ(table.snapshot()->find("other"), nullptr);
}

TEST(TopicTable, a_name_is_free_again_after_deletion_and_the_id_is_not_the_same) {
  TopicTable table;
  const TopicInfo first = topic("clicks"), second = topic("clicks");
  ASSERT_TRUE(table.apply(encode_create_topic(first)));
  EXPECT_EQ(table.check(encode_create_topic(second)).error().code, ErrorCode::TopicExists);
  ASSERT_TRUE(table.apply(encode_delete_topic(first.id)));
  EXPECT_EQ(table.apply(encode_delete_topic(first.id)).error().code, ErrorCode::UnknownTopic);
  ASSERT_TRUE(table.apply(encode_create_topic(second)));
  EXPECT_EQ(table.snapshot()->find("clicks")->id, second.id);
}

TEST(TopicTable, partitions_are_added_and_never_taken_away) {
  TopicTable table;
  const TopicInfo clicks = topic("clicks", 4);
  ASSERT_TRUE(table.apply(encode_create_topic(clicks)));
  ASSERT_TRUE(table.apply(encode_grow_topic(clicks.id, 300)));
  EXPECT_EQ(table.snapshot()->find("clicks")->partition_count, 300);
  EXPECT_EQ(table.snapshot()->find("clicks")->config, clicks.config);
  EXPECT_EQ(table.apply(encode_grow_topic(clicks.id, 300)).error().code,
            ErrorCode::InvalidParameter);
  EXPECT_EQ(table.apply(encode_grow_topic(Uuid::random(), 5)).error().code,
            ErrorCode::UnknownTopic);
  EXPECT_EQ(table.snapshot()->find("clicks")->partition_count, 300);
}

TEST(TopicTable, settings_are_replaced_as_a_whole) {
  TopicTable table;
  const TopicInfo clicks = topic("clicks", 4);
  ASSERT_TRUE(table.apply(encode_create_topic(clicks)));
  const auto delta = table.apply(encode_configure_topic(clicks.id, {{"retention.bytes", "7"}}));
  ASSERT_TRUE(delta);
  EXPECT_EQ(delta->before->config, clicks.config);
  const std::map<std::string, std::string> changed = {{"retention.bytes", "7"}};
  EXPECT_EQ(delta->now->config, changed);
  EXPECT_EQ(table.snapshot()->find("clicks")->config, changed);
  EXPECT_EQ(table.snapshot()->find("clicks")->partition_count, 4);
  EXPECT_EQ(TopicTable::load(table.save())->snapshot()->by_name(), table.snapshot()->by_name());
  EXPECT_EQ(table.apply(encode_configure_topic(Uuid::random(), {})).error().code,
            ErrorCode::UnknownTopic);
}

// A program that knows only version 1 reports that it is too old for version 2. It must not report
// a damaged file.
TEST(TopicTable, only_changes_of_settings_are_of_version_2) {
  const TopicInfo clicks = topic("clicks");
  EXPECT_EQ(encode_configure_topic(clicks.id, {})[0], 2);
  EXPECT_EQ(encode_create_topic(clicks)[0], 1);
  EXPECT_EQ(encode_grow_topic(clicks.id, 9)[0], 1);
  TopicTable table;
  EXPECT_EQ(table.save()[0], 1);
}

TEST(TopicTable, a_snapshot_does_not_change) {
  TopicTable table;
  const auto before = table.snapshot();
  ASSERT_TRUE(table.apply(encode_create_topic(topic("clicks"))));
  EXPECT_EQ(before->find("clicks"), nullptr);
}

TEST(TopicTable, an_invalid_topic_is_refused_and_changes_nothing) {
  TopicTable table;
  EXPECT_FALSE(table.apply(encode_create_topic(topic(""))));
  EXPECT_FALSE(table.apply(encode_create_topic(topic("t", 0))));
  EXPECT_FALSE(table.apply(encode_create_topic({})));
  EXPECT_TRUE(table.snapshot()->by_name().empty());
}

TEST(TopicTable, names_that_kafka_refuses_are_refused_before_they_are_logged) {
  TopicTable table;
  ASSERT_TRUE(table.apply(encode_create_topic(topic("x.a"))));
  for (const std::string& name :
       {std::string("."), std::string(".."), std::string("../../etc/x"), std::string("a b"),
        std::string("caf\xc3\xa9"), std::string(250, 'a'), std::string("x_a")})
    EXPECT_EQ(table.check(encode_create_topic(topic(name))).error().code,
              ErrorCode::InvalidParameter)
        << name;
  EXPECT_EQ(table.check(encode_create_topic(topic("x.a"))).error().code, ErrorCode::TopicExists);
  EXPECT_TRUE(table.check(encode_create_topic(topic(std::string(249, 'a')))));
  // A topic that was logged before the rule on names existed is still applied.
  EXPECT_TRUE(table.apply(encode_create_topic(topic("a b"))));
  // When the other topic has been deleted, its name can be used again.
  ASSERT_TRUE(table.apply(encode_delete_topic(table.snapshot()->find("x.a")->id)));
  EXPECT_TRUE(table.check(encode_create_topic(topic("x_a"))));
}

TEST(TopicTable, the_whole_state_comes_back_from_its_bytes) {
  TopicTable table;
  ASSERT_TRUE(table.apply(encode_create_topic(topic("a"))));
  ASSERT_TRUE(table.apply(encode_create_topic(topic("b", 12))));
  const std::string saved = table.save();
  const auto loaded = TopicTable::load(saved);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->snapshot()->by_name(), table.snapshot()->by_name());
  for (size_t size = 0; size < saved.size(); ++size)
    EXPECT_FALSE(TopicTable::load(saved.substr(0, size))) << size;
}

TEST(TopicTable, damaged_and_newer_changes_are_refused) {
  TopicTable table;
  const std::string part = encode_create_topic(topic("clicks"));
  for (size_t size = 0; size < part.size(); ++size)
    EXPECT_FALSE(table.apply(part.substr(0, size))) << size;
  EXPECT_FALSE(table.apply(part + "x"));
  std::string newer = part;
  newer[0] = 3;
  EXPECT_EQ(table.apply(newer).error().code, ErrorCode::IncompatibleFormat);
}

}  // namespace
}  // namespace storage
