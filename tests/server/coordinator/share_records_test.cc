#include "server/coordinator/share_records.h"

#include <gtest/gtest.h>

#include "server/coordinator/group_records.h"

namespace server::coordinator {

namespace {

TEST(ShareRecords, keys_are_read_as_they_were_written) {
  Uuid topic;
  topic.bytes.fill(7);
  const ShareGroupKey keys[] = {
      {.kind = ShareGroupRecord::Group, .group_id = "g"},
      {.kind = ShareGroupRecord::Member, .group_id = "g", .member_id = "m"},
      {.kind = ShareGroupRecord::Progress, .group_id = "g", .partition = {topic, 3}},
      {.kind = ShareGroupRecord::Change, .group_id = "g", .partition = {topic, 3}, .slot = 9},
  };
  for (const ShareGroupKey& key : keys) {
    const auto read = decode_key(encode(key));
    ASSERT_TRUE(read);
    EXPECT_EQ(std::get<ShareGroupKey>(*read), key);
    for (size_t size = 2; size < encode(key).size(); ++size)
      EXPECT_FALSE(decode_key(encode(key).substr(0, size)));
  }
}

TEST(ShareRecords, members_are_in_kafkas_layout) {
  const ShareMemberValue value{"r", "client", "/host", {"a", "b"}};
  const auto read = decode_share_member(encode(value));
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, value);
  const auto later = decode_share_member(std::string("\0\1", 2));
  ASSERT_FALSE(later);
  EXPECT_EQ(later.error().code, ErrorCode::IncompatibleFormat);
}

TEST(ShareRecords, progress_is_read_as_it_was_written) {
  ShareProgressValue value{4, 100, {}};
  value.ranges.emplace_back(
      100, SharePartition::Range{.end = 103, .state = RecordState::Available, .delivery_count = 2});
  value.ranges.emplace_back(103, SharePartition::Range{.end = 200, .state = RecordState::Archived});
  const std::string bytes = encode(value);
  const auto read = decode_share_progress(bytes);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->number, 4);
  EXPECT_EQ(read->start, 100);
  ASSERT_EQ(read->ranges.size(), 2u);
  EXPECT_EQ(read->ranges[0].second.delivery_count, 2);
  EXPECT_EQ(read->ranges[1].second.end, 200);
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(decode_share_progress(bytes.substr(0, size)));
  EXPECT_EQ(read->state_epoch, 0);
  value.leader_epoch = 5;
  value.state_epoch = 77;
  const auto owned = decode_share_progress(encode(value));
  ASSERT_TRUE(owned);
  EXPECT_EQ(owned->leader_epoch, 5);
  EXPECT_EQ(owned->state_epoch, 77);
  EXPECT_EQ(owned->ranges.size(), 2u);
  EXPECT_EQ(decode_share_epoch(encode_share_epoch(12)).value_or(0), 12);
}

}  // namespace

}  // namespace server::coordinator
