// What of the work of statements is short: it does not wait for what is long (server/sql/statement_workers.cc).
#pragma once
#include <cstddef>

namespace server {

// Of the bytes that a job is said to hold, or to work on.
inline constexpr size_t kMostShortWorkBytes = size_t{64} << 10;

}  // namespace server
