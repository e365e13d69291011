// The offsets that a group has committed.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/coordinator/group_records.h"
#include "server/coordinator/group_surroundings.h"

namespace server::coordinator {

// Invariant: the offsets are durable. Threads: one loop. Owner: the group.
class GroupOffsets {
 public:
  explicit GroupOffsets(StateSize& size) : size_(size) {}
  ~GroupOffsets() { size_.shrink(bytes_); }
  GroupOffsets(const GroupOffsets&) = delete;
  GroupOffsets& operator=(const GroupOffsets&) = delete;

  using OfTopic = std::map<int32_t, OffsetValue>;
  using ByTopic = std::map<std::string, OfTopic, std::less<>>;

  void put(const OffsetKey& key, OffsetValue value);
  void erase(const OffsetKey& key);
  bool empty() const { return by_topic_.empty(); }
  const ByTopic& by_topic() const { return by_topic_; }
  // Returns null if no offset is committed, or if the topic for which it was committed has been
  // deleted. A new topic with the same name does not get the old topic's offset.
  const OffsetValue* find(std::string_view topic, int32_t partition,
                          const storage::TopicSnapshot& topics) const;

  // Returns the memory that a new entry takes, in bytes.
  static size_t bytes_of(std::string_view topic, size_t metadata_bytes);

 private:
  StateSize& size_;
  ByTopic by_topic_;
  size_t bytes_ = 0;
};

// Returns whether the offset was committed for `topic`, the topic that has this name now (null:
// none). An offset without a topic id belongs to any topic of its name.
bool is_of(const OffsetValue& value, const storage::TopicInfo* topic);

}  // namespace server::coordinator
