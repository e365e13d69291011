#include "storage/files/data_snapshot.h"

#include <fmt/format.h>

#include "storage/files/stored_tasks.h"

namespace storage {

namespace {

// An attempt fails if a checkpoint ends between the openings of the two files. The time between
// them is about a millisecond, so this happens only once in thousands of attempts.
constexpr int kAttempts = 20;

Status check_that_journals_reach(DataSnapshot& data) {
  const auto unreached = TRY(unreached_journals(*data.log, *data.state));
  if (unreached.empty()) return {};
  return Error{.code = ErrorCode::StorageFailure,
               .message = fmt::format("log.mdb and state.mdb do not belong together: journal {} "
                                      "begins after the position that the state contains for it",
                                      unreached.front().value()),
               .hint = "Run \"millrace check\" to list all damage."};
}

}  // namespace

Result<DataSnapshot> open_data_snapshot(const std::string& data_dir) {
  DataSnapshot data;
  for (int left = kAttempts; left > 0; --left) {
    data = {};
    data.state = TRY(LmdbSnapshot::open(data_dir + "/" + kStateFile));
    data.log = TRY(LmdbSnapshot::open(data_dir + "/" + kLogFile));
    Status fits = check_that_journals_reach(data);
    if (fits) return data;
    data.misfit = std::move(fits).error();
  }
  return data;
}

}  // namespace storage
