// Statements about topics and consumer groups, as parsed. They change objects of Kafka's protocol, not the catalog.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/sql/ast_query.h"

namespace engine {

// ALTER TOPIC name SET ('retention.ms' = 60000, ...) and ALTER TOPIC name RESET ('retention.ms', ...)
struct AlterTopic {
  struct Change {
    std::string name;                       // as written, for example "retention.ms"
    std::optional<std::string> value = {};  // none: RESET, the default applies again
    TextPosition position;
  };
  Name topic;
  TextPosition topic_position;
  std::vector<Change> changes;
};

// ALTER CONSUMER GROUP name RESET OFFSETS [FOR TOPIC t PARTITION (0, 1), ...] target [DRY RUN]
struct ResetOffsets {
  enum class Target : uint8_t { Earliest, Latest, Timestamp, Offset, Shift, Group };
  struct Topic {
    Name name;
    TextPosition position;
    std::vector<int64_t> partitions = {};  // empty: all partitions
  };
  Name group;
  TextPosition group_position;
  std::vector<Topic> topics = {};  // empty: all topics in which the group has committed
  Target target = Target::Earliest;
  TextPosition target_position = {};
  int64_t number = 0;  // Offset: the offset; Shift: records to skip, or if negative to read again
  std::string time = {};           // Timestamp: as written
  std::optional<Name> other = {};  // Group: the group whose offsets are copied
  bool is_dry_run = false;         // only shows the changes
};

}  // namespace engine
