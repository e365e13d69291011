// The objects that a sink writes. Their names and contents are determined by topics, partitions and offsets.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/ids.h"
#include "base/result.h"
#include "base/uuid.h"

namespace engine {

// The records [first, end) of a partition, which become one object. Stored before the object is begun, so that a restart
// writes the same object again.
struct SinkObject {
  std::string topic;
  std::string topic_id;  // distinguishes the topic from a later topic with the same name
  PartitionId partition;
  Offset first, end;
  std::string name;  // the name in the external system, which the writer of the object chooses
  bool operator==(const SinkObject&) const = default;
};

// An object ends when one of these limits is reached.
struct SinkLimits {
  int64_t records = 0, bytes = 0;  // `bytes` counts keys and values
  int64_t age_ms = 0;              // measured from when this process read the first record
  int64_t span_ms = 0;             // between the timestamps of the records; 0: no limit
};

// Returns a name in the form that Kafka Connect's sinks for object stores use:
// "topic+partition+startoffset.extension".
std::string sink_object_name(std::string_view topic, PartitionId partition, Offset first,
                             std::string_view extension);

std::string encode_intent(const SinkObject& object, const Uuid& connector);
// Parses an intent; returns nothing for the intent of another connector. Fails with DataCorrupted if a member is
// missing.
Result<std::optional<SinkObject>> parse_intent(std::string_view json, const Uuid& connector);

// Returns the partition in the JSON form that the offsets of Kafka Connect's REST API have.
std::string sink_partition_json(std::string_view topic, PartitionId partition);
// Reads such a JSON; returns nothing if the text has another form.
std::optional<std::pair<std::string, PartitionId>> parse_sink_partition(std::string_view json);

// The offset of a position. The id of the topic is empty in the answers of REST, and in offsets that a user has set.
struct SinkOffset {
  Offset next;
  std::string topic_id = {};
};
std::string sink_offset_json(const SinkOffset& offset);
// Reads an offset; returns nothing if the JSON has no offset.
std::optional<SinkOffset> parse_sink_offset(std::string_view json);

}  // namespace engine
