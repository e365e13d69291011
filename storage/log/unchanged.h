// The condition for an append of records that were computed from earlier reads.
#pragma once
#include <optional>

#include "base/ids.h"

namespace storage {

struct Unchanged {
  Offset since;  // the end of the part that was read
  // Records at or after this offset by the batches' own producer come from an earlier attempt of
  // this request, and are no conflict.
  std::optional<Offset> own_from = {};
};

}  // namespace storage
