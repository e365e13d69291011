// A condition for an append whose records were computed from earlier reads: the keys of the records
// have no newer records.
#pragma once
#include <optional>

#include "base/ids.h"
#include "storage/log/topic_partition.h"

namespace storage {

struct Unchanged {
  Offset since;  // end of the offsets that the caller has read
  // The batches of the request may have been appended before, by an earlier attempt of this
  // request. Records of the same producer at or after this offset come from that attempt, so they
  // do not count as a conflict.
  std::optional<Offset> own_from = {};
  // The only partition whose keys are checked; nothing: the keys in every partition of the request.
  // A connector sets it to the partition of its position. The position's record must replace the
  // newest record of its key, and the connector's other records may have any keys.
  std::optional<TopicPartition> only_in = {};
};

}  // namespace storage
