// Declares the parts of a check: one function for log.mdb, one for state.mdb, and the check of a
// file's format.
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
// Checks the table `format`, which describes the file. Fails with IncompatibleFormat if the file is
// of another kind, and with NotSupported if it has another version, since its rows may have another
// meaning.
Status check_format(LmdbSnapshot& file, const FileKind& expected, const CheckOptions& options);

}  // namespace storage
