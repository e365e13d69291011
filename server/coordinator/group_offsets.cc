#include "server/coordinator/group_offsets.h"

#include <cassert>
#include <utility>

namespace server::coordinator {

namespace {

constexpr size_t kBytesOfOffset = 160;  // approximate, with the map entries of the offset

}  // namespace

bool is_of(const OffsetValue& value, const storage::TopicInfo* topic) {
  return topic && (value.topic_id.is_nil() || value.topic_id == topic->id);
}

size_t GroupOffsets::bytes_of(std::string_view topic, size_t metadata_bytes) {
  return kBytesOfOffset + topic.size() + metadata_bytes;
}

void GroupOffsets::put(const OffsetKey& key, OffsetValue value) {
  erase(key);
  const size_t bytes = bytes_of(key.topic, value.metadata.size());
  size_.grow(bytes);
  bytes_ += bytes;
  by_topic_[key.topic].insert_or_assign(key.partition, std::move(value));
}

void GroupOffsets::erase(const OffsetKey& key) {
  const auto topic = by_topic_.find(key.topic);
  if (topic == by_topic_.end()) return;
  const auto found = topic->second.find(key.partition);
  if (found == topic->second.end()) return;
  const size_t bytes = bytes_of(key.topic, found->second.metadata.size());
  assert(bytes <= bytes_);
  size_.shrink(bytes);
  bytes_ -= bytes;
  topic->second.erase(found);
  if (topic->second.empty()) by_topic_.erase(topic);
}

const OffsetValue* GroupOffsets::find(std::string_view topic, int32_t partition,
                                      const storage::TopicSnapshot& topics) const {
  const auto of_topic = by_topic_.find(topic);
  if (of_topic == by_topic_.end()) return nullptr;
  const auto found = of_topic->second.find(partition);
  if (found == of_topic->second.end()) return nullptr;
  return is_of(found->second, topics.find(topic)) ? &found->second : nullptr;
}

}  // namespace server::coordinator
