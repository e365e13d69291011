// The parts of a check: one for each file.
#pragma once
#include "storage/files/check.h"

namespace storage {

Status check_log(DataSnapshot& data, const CheckOptions& options, CheckCounts& counts);
Status check_state(DataSnapshot& data, const CheckOptions& options, CheckCounts& counts);

// A kind of file and the versions of it that can be checked.
struct FileKind {
  const char* name;  // name of the file
  std::string_view kind;
  uint32_t oldest_version, newest_version;
};
// Checks the table `format`, which describes the file. Fails with IncompatibleFormat if the file
// has another kind, and with NotSupported for another version, whose rows may mean something else.
Status check_format(LmdbSnapshot& file, const FileKind& expected, const CheckOptions& options);

}  // namespace storage
