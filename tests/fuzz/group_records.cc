// Fuzz target: keys and values of the coordinators' records, and the metadata that consumers write for their groups. A
// record that can be decoded stays the same after it is encoded again.
#include "server/coordinator/group_records.h"

#include <cassert>
#include <cstdint>

#include "server/coordinator/consumer_protocol.h"
#include "server/coordinator/transaction_records.h"

using namespace server::coordinator;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto key = decode_key(bytes)) {
    const auto encoded = std::visit([](const auto& each) { return encode(each); }, *key);
    assert(decode_key(encoded).value() == *key);
  }
  if (const auto value = decode_group_value(bytes))
    assert(decode_group_value(encode(*value)).value() == *value);
  if (auto value = decode_offset_value(bytes)) {
    // A value with an expiry time is stored in a version that has neither an epoch nor a topic id.
    if (value->expire_time_ms >= 0) {
      value->leader_epoch = -1;
      value->topic_id = {};
    } else {
      value->expire_time_ms = -1;
    }
    assert(decode_offset_value(encode(*value)).value() == *value);
  }
  if (const auto topics = decode_topics(bytes))
    assert(decode_topics(encode_topics(*topics)).value() == *topics);
  ConsumerMember member, again;
  if (decode_member(bytes, member)) {
    assert(decode_member(encode_member(member), again));
    assert(again.topics == member.topics && again.classic == member.classic);
  }
  if (decode_target(bytes, member)) {
    assert(decode_target(encode_target(member), again));
    assert(again.target == member.target);
  }
  if (decode_current(bytes, member)) {
    assert(decode_current(encode_current(member), again));
    assert(again.assigned == member.assigned && again.revoking == member.revoking);
  }
  if (const auto id = decode_transaction_key(bytes))
    assert(decode_transaction_key(encode_transaction_key(*id)).value() == *id);
  if (const auto value = decode_transaction_value(bytes))
    assert(decode_transaction_value(encode(*value)).value() == *value);
  static const storage::TopicSnapshot topics;
  (void)read_subscription(bytes, topics);
  (void)read_subscribed_topics(bytes);
  for_each_assigned(bytes, [](const std::string&, int32_t) {});
  return 0;
}
