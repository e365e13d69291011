// The objects (such as files) that a sink writes. Topic, partition and offsets determine their
// names and contents.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/ids.h"
#include "base/result.h"
#include "base/uuid.h"

namespace engine {

// The records [first, end) of a partition, which become one object. This description is stored
// before the object is written, so that the sink writes the same object again after a restart.
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
// Parses an intent, which is a stored SinkObject. Returns nothing if it belongs to another
// connector. Fails with DataCorrupted if a member is missing.
Result<std::optional<SinkObject>> parse_intent(std::string_view json, const Uuid& connector);

// Returns the partition as JSON, in the form that Kafka Connect's REST API uses for partitions.
std::string sink_partition_json(std::string_view topic, PartitionId partition);
// Parses the result of sink_partition_json(). Returns nothing if the text has another form.
std::optional<std::pair<std::string, PartitionId>> parse_sink_partition(std::string_view json);

// The offset in a stored position. The topic's id is empty in answers of the REST API, and in
// offsets that a user has set.
struct SinkOffset {
  Offset next;
  std::string topic_id = {};
};
std::string sink_offset_json(const SinkOffset& offset);
// Reads an offset; returns nothing if the JSON has no offset.
std::optional<SinkOffset> parse_sink_offset(std::string_view json);

}  // namespace engine
