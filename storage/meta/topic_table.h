// The topics: a pure state machine over the "topics" parts of the metadata log.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/persistent_map.h"
#include "base/result.h"
#include "base/uuid.h"

namespace storage {

// Values of settings for topics that do not set them, by the names of the topics' settings.
struct TopicDefaults {
  std::map<std::string, std::string> cluster_wide = {};  // stored in the metadata; has precedence
  std::map<std::string, std::string> started_with = {};  // given at this server's start
  bool operator==(const TopicDefaults&) const = default;
};
using TopicDefaultsPtr = std::shared_ptr<const TopicDefaults>;

struct TopicInfo {
  Uuid id;
  std::string name;
  int32_t partition_count = 1;
  // values of settings by Kafka's names; a setting that is absent has its default
  std::map<std::string, std::string> config;
  TopicDefaultsPtr defaults = {};  // not stored with the topic; null: only the program's defaults
  bool operator==(const TopicInfo& other) const {
    return id == other.id && name == other.name && partition_count == other.partition_count &&
           config == other.config;
  }
};

// The following functions encode parts of kind "topics" of a metadata command.
std::string encode_create_topic(const TopicInfo& topic);
std::string encode_delete_topic(const Uuid& id);
// partition_count: the new total
std::string encode_grow_topic(const Uuid& id, int32_t partition_count);
// Encodes new settings, which replace all settings of the topic.
std::string encode_configure_topic(const Uuid& id,
                                   const std::map<std::string, std::string>& config);

// All topics as of one revision. A snapshot never changes; a new one shares all unchanged parts
// with its predecessor.
class TopicSnapshot {
 public:
  using ByName = PersistentMap<std::string, TopicInfo>;
  const TopicInfo* find(std::string_view name) const;  // null if no topic has the name
  const TopicInfo* find(const Uuid& id) const;
  const ByName& by_name() const { return by_name_; }
  // Returns the topic whose name equals `name` if '.' and '_' count as one character. It may be the
  // topic `name` itself. Null if none exists.
  const TopicInfo* find_colliding(std::string_view name) const;
  const TopicDefaultsPtr& defaults() const { return defaults_; }  // null: none are set

 private:
  friend class TopicTable;
  void put(TopicInfo topic);
  void erase(const Uuid& id);

  ByName by_name_;
  PersistentMap<Uuid, std::string> names_;
  PersistentMap<std::string, std::string> collisions_;  // name with '_' for '.' -> name
  TopicDefaultsPtr defaults_;
};

// Checks whether Kafka would accept the name for a new topic: 1 to 249 letters, digits, '.', '_'
// and '-', not "." or "..", and no other topic differs from it only in '.' and '_' (metrics could
// not distinguish them). Fails with InvalidParameter.
Status check_topic_name(std::string_view name, const TopicSnapshot& topics);

// A change made by one "topics" part of a command. `before` is nothing for a new topic, `now` for a
// deleted one.
struct TopicDelta {
  std::optional<TopicInfo> before, now;
};

// Applies "topics" parts and publishes snapshots. Threads: one applies parts; snapshots may be used
// on any.
class TopicTable {
 public:
  TopicTable();

  // Applies a part. Fails with TopicExists, UnknownTopic, InvalidParameter or IncompatibleFormat,
  // and then changes nothing. A part fails in the same way on all nodes, so all of them skip its
  // command.
  Result<TopicDelta> apply(std::string_view part);
  // Returns the result that apply() would have, without a change. With it, a command that would
  // fail can be refused before it is appended. For new topics, check() is stricter than apply(): it
  // requires a name that Kafka accepts, while older versions appended commands with other names.
  Result<TopicDelta> check(std::string_view part) const;

  // Replaces the defaults of all topics. save() does not store them: the cluster-wide ones have a
  // part of their own in the metadata (topic_configs.h).
  void set_defaults(TopicDefaults defaults);
  TopicDefaults defaults() const;

  // Returns the current topics. The snapshot has shared ownership, because sessions use it as long
  // as a statement runs.
  std::shared_ptr<const TopicSnapshot> snapshot() const { return topics_; }

  // Returns the whole state, as the "topics" part of a MetadataSnapshot.
  std::string save() const;
  static Result<TopicTable> load(std::string_view saved);

 private:
  std::shared_ptr<const TopicSnapshot> topics_;
};

}  // namespace storage
