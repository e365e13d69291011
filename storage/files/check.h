// Whether all that lies in a data directory is whole and fits together.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "storage/files/data_snapshot.h"

namespace storage {

struct Damage {
  std::string place;  // "log.mdb, topic orders, partition 3, offset 17"
  std::string problem;
};

struct CheckCounts {
  uint64_t partitions = 0, batches = 0, records = 0, tasks = 0, journal_entries = 0, stores = 0,
           state_entries = 0, definitions = 0;
};

struct CheckOptions {
  // Whether a journal entry and a definition can be read, by those who write them.
  std::function<Status(std::string_view)> read_journal, read_definition;
  // A part is going to be looked at: where it was when reading ended in a fault.
  std::function<void(std::string_view place)> begins;
  std::function<void(const Damage&)> found;
};

// Reads all of both files: every batch with its checksum and records, that offsets and sequences have no
// gaps, every row and every state entry with its checksum, and that what refers to something else finds
// it. Ranges that are being removed are left out. Fails when a file cannot be read on; with NotSupported where another version
// of the program wrote it, which does not make it damaged.
Result<CheckCounts> check_data(DataSnapshot& data, const CheckOptions& options);

}  // namespace storage
