// The format versions of log.mdb: docs/formats/data-directory.md.
#pragma once
#include <cstdint>

namespace storage {

// The version that is written, and the oldest that can be opened. Version 2 had a journal for each
// task. Version 3 had no transactions and expected no gaps between a partition's offsets, which
// compaction leaves. Version 5 had no journal of commits next to the file. In the journal of
// version 6, no two entries had the same commit.
inline constexpr uint32_t kNewestLogFormat = 7, kOldestLogFormat = 2;

}  // namespace storage
