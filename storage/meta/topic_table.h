// The topics: a pure state machine over the "topics" parts of the metadata log.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "base/uuid.h"

namespace storage {

struct TopicInfo {
  Uuid id;
  std::string name;
  int32_t partition_count = 1;
  std::map<std::string, std::string> config;  // by Kafka's names; what is not here has its default
  bool operator==(const TopicInfo&) const = default;
};

// The bytes of a "topics" part.
std::string encode_create_topic(const TopicInfo& topic);
std::string encode_delete_topic(const Uuid& id);
std::string encode_grow_topic(const Uuid& id, int32_t partition_count);  // to so many in all

// All topics as of one revision; never changes.
class TopicSnapshot {
 public:
  const TopicInfo* find(std::string_view name) const;  // null when there is none
  const TopicInfo* find(const Uuid& id) const;
  const std::map<std::string, TopicInfo, std::less<>>& by_name() const { return by_name_; }

 private:
  friend class TopicTable;
  std::map<std::string, TopicInfo, std::less<>> by_name_;
  std::map<Uuid, std::string> names_;
};

// Threads: one applies; the snapshots may go anywhere.
class TopicTable {
 public:
  TopicTable();

  // Fails with TopicExists, UnknownTopic, InvalidParameter or IncompatibleFormat, and changes
  // nothing then; all nodes fail alike, so a command that fails here is skipped.
  Status apply(std::string_view part);
  // What apply() would answer, so that a command is refused before it is appended.
  Status check(std::string_view part) const;

  // Shared: sessions keep a snapshot for as long as a statement runs.
  std::shared_ptr<const TopicSnapshot> snapshot() const { return topics_; }

  // The whole state, as the "topics" part of a MetadataSnapshot.
  std::string save() const;
  static Result<TopicTable> load(std::string_view saved);

 private:
  std::shared_ptr<const TopicSnapshot> topics_;
};

}  // namespace storage
