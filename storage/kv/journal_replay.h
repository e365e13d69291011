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
// data file, open for reading and writing and locked by the caller; it is open nowhere else in this process. What is
// whole already is left alone; so is an empty file.
//
// Fails with StorageFailure where the journal is not there or nothing can be read or written, and with DataCorrupted
// where entries of it are missing, or a page is damaged that they change. The next call then finds what this one has
// found.
Status replay_journal(const std::string& path, int file, const ReplayLimits& limits = {});

// The same for who only reads the file: does nothing while another process has it open for writing. Needs leave to
// write where there is something to be done.
Status replay_journal_of_closed(const std::string& path);

}  // namespace storage
