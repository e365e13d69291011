// A data file that was not closed, and its journal.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/result.h"

namespace storage {

// "data/log.journal" of "data/log.mdb".
std::string journal_path_of(const std::string& data_file);

struct ReplayLimits {
  size_t map_size_bytes = size_t{1} << 40;
  uint32_t max_tables = 40'000;  // more than a server ever makes
};

// Brings the data file to where its journal ends, and makes it whole by itself: durable when it returns. `file` is the
// data file, open for reading and writing and locked by the caller; it is open nowhere else in this process. A file that
// is whole already, or empty, is left alone.
//
// Fails with StorageFailure where the journal is missing or nothing can be read or written, and with DataCorrupted
// where it is empty, cut or of another data file, where entries of it are missing, or a page is damaged that they change.
// The next call then finds what this one has found.
Status replay_journal(const std::string& path, int file, const ReplayLimits& limits = {});

// Does this for a process that only reads the file: nothing happens while another one has it open for writing. Fails with
// InsufficientPrivilege where it may not read the file, or may not write one that was not closed.
Status replay_journal_of_closed(const std::string& path);

}  // namespace storage
