#include "server/coordinator/group_records.h"

#include <gtest/gtest.h>

using namespace server::coordinator;
using namespace std::string_literals;

TEST(GroupRecords, are_laid_out_as_kafka_lays_them_out) {
  EXPECT_EQ(encode(OffsetKey{"g", "t", 3}), "\0\1\0\1g\0\1t\0\0\0\3"s);
  EXPECT_EQ(encode(GroupKey{"g"}), "\0\2\0\1g"s);
  // Version 4: offset, leader epoch, metadata, time, and no tagged field.
  EXPECT_EQ(
      encode(OffsetValue{.offset = 7, .leader_epoch = 1, .metadata = "m", .commit_time_ms = 9}),
      "\0\4\0\0\0\0\0\0\0\7\0\0\0\1\2m\0\0\0\0\0\0\0\11\0"s);
  // The fields of version 1 are offset, metadata, commit time and expiry time.
  EXPECT_EQ(
      encode(OffsetValue{.offset = 7, .metadata = "m", .commit_time_ms = 9, .expire_time_ms = 10}),
      "\0\1\0\0\0\0\0\0\0\7\0\1m\0\0\0\0\0\0\0\11\0\0\0\0\0\0\0\12"s);
}

TEST(GroupRecords, come_back_as_they_were) {
  const OffsetKey key{"group", "topic", 12};
  EXPECT_EQ(std::get<OffsetKey>(decode_key(encode(key)).value()), key);
  OffsetValue offset{.offset = 5, .leader_epoch = 2, .metadata = "x", .commit_time_ms = 100};
  offset.topic_id.bytes[3] = 7;
  EXPECT_EQ(decode_offset_value(encode(offset)).value(), offset);
  const GroupValue group{
      .protocol_type = "consumer",
      .generation = 4,
      .protocol = "range",
      .leader = "a",
      .state_time_ms = 77,
      .members = {{"a", "instance", "client", "/1.2.3.4", 60'000, 10'000, "topics", "work"},
                  {"b", std::nullopt, "", "", 1, 2, "", ""}}};
  EXPECT_EQ(decode_group_value(encode(group)).value(), group);
}

TEST(GroupRecords, older_versions_are_read) {
  // Version 0 of an offset: offset, metadata, time.
  const auto offset = decode_offset_value("\0\0\0\0\0\0\0\0\0\7\0\1m\0\0\0\0\0\0\0\11"s);
  ASSERT_TRUE(offset);
  EXPECT_EQ(offset->offset, 7);
  EXPECT_EQ(offset->commit_time_ms, 9);
  EXPECT_EQ(offset->leader_epoch, -1);
  // Version 0 of a group's value has no times of rebalances and states, and no instance ids.
  const auto group = decode_group_value(
      "\0\0\0\1c\0\0\0\2\0\1r\0\1a\0\0\0\1\0\1a\0\0\0\0\0\0\0\12\0\0\0\0\0\0\0\0"s);
  ASSERT_TRUE(group);
  ASSERT_EQ(group->members.size(), 1u);
  EXPECT_EQ(group->members[0].session_timeout_ms, 10);
  EXPECT_EQ(group->members[0].rebalance_timeout_ms, 10);
}

TEST(GroupRecords, truncated_and_unknown_records_are_refused) {
  const std::string key = encode(OffsetKey{"group", "topic", 1});
  for (size_t size = 0; size < key.size(); ++size)
    EXPECT_FALSE(decode_key(std::string_view(key).substr(0, size))) << size;
  const std::string value = encode(GroupValue{.protocol_type = "consumer", .members = {{"a"}}});
  for (size_t size = 0; size < value.size(); ++size)
    EXPECT_FALSE(decode_group_value(std::string_view(value).substr(0, size))) << size;
  EXPECT_EQ(decode_key("\0\x63rest"s).error().code, ErrorCode::IncompatibleFormat);
  EXPECT_EQ(decode_offset_value("\0\x63rest"s).error().code, ErrorCode::IncompatibleFormat);
}
