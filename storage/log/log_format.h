// Which versions of log.mdb there are: docs/formats/data-directory.md.
#pragma once
#include <cstdint>

namespace storage {

// The one that is written, and the oldest that can be opened. Version 2 had a journal for each task; version 3 had no
// transactions, and did not expect gaps between the offsets of a partition, which compaction leaves; version 5 had no journal
// of commits beside it; in that of version 6 no two entries had the same commit.
inline constexpr uint32_t kNewestLogFormat = 7, kOldestLogFormat = 2;

}  // namespace storage
