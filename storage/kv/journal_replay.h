// Replays the journal of a data file that was not closed regularly.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/result.h"

namespace storage {

// Returns "data/log.journal" for "data/log.mdb".
std::string journal_path_of(const std::string& data_file);

struct ReplayLimits {
  size_t map_size_bytes = size_t{1} << 40;
  uint32_t max_tables = 40'000;  // more than a server ever creates
};

// Applies the journal to the data file, so that the file no longer needs the journal. The result is
// durable on return. `file` is the data file, open for reading and writing and locked by the
// caller; it must not be open elsewhere in this process. If the file needs no journal or is empty,
// it is not changed.
//
// Fails with StorageFailure if the journal is missing or files cannot be read or written. Fails
// with DataCorrupted if the journal is empty, truncated or of another data file, if entries are
// missing, or if a page that they change is damaged. A failed call changes nothing, so a later call
// finds the same state.
Status replay_journal(const std::string& path, int file, const ReplayLimits& limits = {});

// Replays the journal for a process that only reads the data file. Does nothing while another
// process has the file open for writing. Fails with InsufficientPrivilege if this process may not
// read the file, or may not write a file that needs a replay.
Status replay_journal_of_closed(const std::string& path);

}  // namespace storage
