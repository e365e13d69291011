#include "server/coordinator/consumer_group_records.h"

#include <gtest/gtest.h>

#include "server/coordinator/group_records.h"

using namespace server::coordinator;

namespace {

std::string bytes(std::string_view hex) {
  std::string all;
  for (size_t i = 0; i < hex.size(); i += 2)
    all += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  return all;
}

Uuid topic(uint8_t number) {
  Uuid id;
  id.bytes[0] = number;
  return id;
}

ConsumerMember member() {
  return {.id = "m",
          .instance_id = "i",
          .rack_id = "r",
          .client_id = "c",
          .client_host = "/h",
          .rebalance_timeout_ms = 300'000,
          .topics = {"a", "b"},
          .regex = "o.*",
          .assignor = "range",
          .classic = ClassicMembership{10'000, {{"cooperative-sticky", "meta"}}},
          .epoch = 7,
          .previous_epoch = 6,
          .state = MemberState::UnrevokedPartitions,
          .assigned = {{topic(1), 0}, {topic(1), 2}, {topic(2), 1}},
          .revoking = {{topic(1), 1}},
          .target = {{topic(2), 1}}};
}

}  // namespace

// The bytes that Kafka 4.1 writes for the same members.
TEST(ConsumerGroupRecords, members_have_the_bytes_of_kafka) {
  ConsumerMember plain{.id = "m", .client_id = "c", .client_host = "h"};
  EXPECT_EQ(encode_member(plain), bytes("00000000026302680100ffffffff0001000100"));
  plain.classic = ClassicMembership{5, {}};
  EXPECT_EQ(encode_member(plain), bytes("00000000026302680100ffffffff0001000701000000050100"));
}

TEST(ConsumerGroupRecords, a_member_comes_back_from_its_records) {
  const ConsumerMember before = member();
  ConsumerMember after;
  ASSERT_TRUE(decode_member(encode_member(before), after));
  ASSERT_TRUE(decode_target(encode_target(before), after));
  ASSERT_TRUE(decode_current(encode_current(before), after));
  EXPECT_EQ(after.instance_id, before.instance_id);
  EXPECT_EQ(after.rack_id, before.rack_id);
  EXPECT_EQ(after.client_id, before.client_id);
  EXPECT_EQ(after.client_host, before.client_host);
  EXPECT_EQ(after.rebalance_timeout_ms, before.rebalance_timeout_ms);
  EXPECT_EQ(after.topics, before.topics);
  EXPECT_EQ(after.regex, before.regex);
  EXPECT_EQ(after.assignor, before.assignor);
  EXPECT_EQ(after.classic, before.classic);
  EXPECT_EQ(after.epoch, before.epoch);
  EXPECT_EQ(after.previous_epoch, before.previous_epoch);
  EXPECT_EQ(after.state, before.state);
  EXPECT_EQ(after.assigned, before.assigned);
  EXPECT_EQ(after.revoking, before.revoking);
  EXPECT_EQ(after.target, before.target);
}

TEST(ConsumerGroupRecords, groups_come_back_from_theirs) {
  EXPECT_EQ(decode_epoch(encode_group_epoch(5)).value(), 5);
  EXPECT_EQ(decode_epoch(encode_assignment_epoch(4)).value(), 4);
  const std::vector<TopicOfGroup> topics{{topic(1), "a", 3}, {topic(2), "b", 1}};
  EXPECT_EQ(decode_topics(encode_topics(topics)).value(), topics);
}

TEST(ConsumerGroupRecords, keys_are_known_by_their_versions) {
  for (int16_t kind = 3; kind <= 8; ++kind) {
    ConsumerGroupKey key{static_cast<ConsumerGroupRecord>(kind), "g"};
    if (is_of_member(key.kind)) key.member_id = "m";
    EXPECT_EQ(std::get<ConsumerGroupKey>(decode_key(encode(key)).value()), key);
  }
  EXPECT_EQ(encode(ConsumerGroupKey{ConsumerGroupRecord::Member, "g", "m"}),
            bytes("000500016700016d"));
}

TEST(ConsumerGroupRecords, truncated_and_newer_records_are_refused) {
  const ConsumerMember whole = member();
  ConsumerMember read{.id = "m"};
  const auto expect_refused = [&](const std::string& value, auto decode) {
    for (size_t size = 0; size < value.size(); ++size)
      EXPECT_FALSE(decode(std::string_view(value).substr(0, size), read));
  };
  expect_refused(encode_member(whole), decode_member);
  expect_refused(encode_target(whole), decode_target);
  expect_refused(encode_current(whole), decode_current);
  EXPECT_TRUE(read.topics.empty() && read.assigned.empty() && read.target.empty());
  EXPECT_EQ(decode_epoch(bytes("00010000000100")).error().code, ErrorCode::IncompatibleFormat);
}
