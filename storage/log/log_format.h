// The format versions of log.mdb: docs/formats/data-directory.md.
#pragma once
#include <cstdint>

namespace storage {

// The version that is written, and the oldest that can be opened. In version 2 each task had its
// own journal. Up to version 3 there were no transactions, and gaps between the offsets of a
// partition, which compaction leaves, were taken for damage. Up to version 5 there was no journal
// of commits next to the file. In the journal of version 6, each commit had only one entry.
inline constexpr uint32_t kNewestLogFormat = 7, kOldestLogFormat = 2;

}  // namespace storage
