// The bound between short and long work of statements: short work does not wait for long work
// (server/sql/statement_workers.cc).
#pragma once
#include <cstddef>

namespace server {

// Limit for a short job, in bytes that the job holds or works on, as estimated by the code that
// submits it.
inline constexpr size_t kMostShortWorkBytes = size_t{64} << 10;

}  // namespace server
