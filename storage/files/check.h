// Checks whether all data in a data directory is undamaged and consistent.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "storage/files/data_snapshot.h"

namespace storage {

struct Damage {
  std::string place;  // for example "log.mdb, topic orders, partition 3, offset 17"
  std::string problem;
};

struct CheckCounts {
  uint64_t partitions = 0, batches = 0, records = 0, tasks = 0, journal_entries = 0, stores = 0,
           state_entries = 0, definitions = 0;
};

struct CheckOptions {
  // Return an error if a journal entry or a definition cannot be read. Supplied by the modules that
  // write them.
  std::function<Status(std::string_view)> read_journal, read_definition;
  // Called before each part of the files is checked. If the process crashes while it reads a part,
  // the last reported place is the place of the damage.
  std::function<void(std::string_view place)> begins;
  std::function<void(const Damage&)> found;
};

// Checks log.mdb and state.mdb completely: the checksum and the records of every batch, every row,
// and the checksum of every state entry. Also checks that offsets and sequences have no gaps, and
// that each reference has a target. Omits ranges that are being removed. Fails if the rest of a
// file cannot be read. Fails with NotSupported if another version of the program wrote a file; this
// is not damage.
Result<CheckCounts> check_data(DataSnapshot& data, const CheckOptions& options);

}  // namespace storage
