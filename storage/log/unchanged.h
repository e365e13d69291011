// On which condition records are appended that were made of what somebody has read.
#pragma once
#include <optional>

#include "base/ids.h"

namespace storage {

struct Unchanged {
  Offset since;  // as far as the partition was read
  // From here on the records of the batches' own producer are the asker's: of an earlier request for the same rows.
  std::optional<Offset> own_from = {};
};

}  // namespace storage
