// A condition for an append whose records were computed from earlier reads: the keys of the records
// have no newer records.
#pragma once
#include <optional>

#include "base/ids.h"
#include "storage/log/topic_partition.h"

namespace storage {

struct Unchanged {
  Offset since;  // end of the offsets that the caller has read
  // Records at or after this offset that the batches' own producer wrote are from an earlier
  // attempt of this request, so they do not count as a conflict.
  std::optional<Offset> own_from = {};
  // The only partition whose keys are checked; nothing: every partition of the request. It is set
  // for an append of a connector: only the record of the connector's position must be the newest of
  // its key, and its other records may have any keys.
  std::optional<TopicPartition> only_in = {};
};

}  // namespace storage
