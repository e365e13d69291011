// Ends calls of LMDB that would never return. Used by the source files in this folder that open
// LMDB environments.
#pragma once
#include <cstdint>

namespace storage {

// Begins to watch the guarded calls (page_fault.h) of all threads of this process. A damaged page
// may make LMDB search in a circle for ever, within one call. If a thread has used too much
// processor time in one guarded call, the watcher ends the call, which then reports a damaged page.
// The time of waiting for a slow disk does not count.
void watch_guarded_calls();

// Sets the limit, for tests. Returns the previous limit.
int64_t set_longest_guarded_call_ms(int64_t limit_ms);

}  // namespace storage
