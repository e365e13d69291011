// Checks whether all data in a data directory is intact and consistent.
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
  // Check whether a journal entry and a definition can be read, with the code that writes them.
  std::function<Status(std::string_view)> read_journal, read_definition;
  // Called before each part is checked, so that the place is known if reading ends in a fault.
  std::function<void(std::string_view place)> begins;
  std::function<void(const Damage&)> found;
};

// Reads both files completely: every batch with its checksum and records, offsets and sequences
// without gaps, every row and every state entry with its checksum, and the targets of all
// references. Ranges that are being removed are left out. Fails if a file cannot be read further,
// and with NotSupported if another version of the program wrote it, which is not damage.
Result<CheckCounts> check_data(DataSnapshot& data, const CheckOptions& options);

}  // namespace storage
