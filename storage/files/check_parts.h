// The parts of a check: one for each file.
#pragma once
#include "storage/files/check.h"

namespace storage {

Status check_log(DataSnapshot& data, const CheckOptions& options, CheckCounts& counts);
Status check_state(DataSnapshot& data, const CheckOptions& options, CheckCounts& counts);

// A file of a kind and the versions of it that can be read.
struct FileKind {
  const char* name;  // of the file
  std::string_view kind;
  uint32_t oldest_version, newest_version;
};
// What a file says about itself in its table `format`. Fails with IncompatibleFormat where its rows may
// mean something else than what this program knows.
Status check_format(LmdbSnapshot& file, const FileKind& expected, const CheckOptions& options);

}  // namespace storage
