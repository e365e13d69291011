// The format versions of log.mdb: docs/formats/data-directory.md.
#pragma once
#include <cstdint>

namespace storage {

// The version that is written, and the oldest that can be opened. In version 2 each task had its
// own journal. Up to version 3, transactions did not exist, and gaps between the offsets of a
// partition counted as damage (compaction now leaves such gaps). Up to version 5, no journal of
// commits existed next to the file. In the journal of version 6, each commit had only one entry.
inline constexpr uint32_t kNewestLogFormat = 7, kOldestLogFormat = 2;

}  // namespace storage
