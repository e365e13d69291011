// The limit between short and long work of statements. StatementWorkers has threads that only do
// short work, so that it does not wait for long work (server/sql/statement_workers.cc).
#pragma once
#include <cstddef>

namespace server {

// Size limit for a short job: the bytes that the job holds or works on. The code that submits the
// job estimates them.
inline constexpr size_t kMostShortWorkBytes = size_t{64} << 10;

}  // namespace server
