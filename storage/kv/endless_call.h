// Ends calls of LMDB that would never return. Used by the files of this folder that open LMDB's
// environments.
#pragma once
#include <cstdint>

namespace storage {

// Begins to watch the guarded calls (page_fault.h) of all threads of this process. A damaged page
// may make LMDB search in a circle for ever, within one call. If a thread has computed for too long
// in one guarded call, the call is ended and reports a damaged page. Only processor time counts, so
// a slow disk does not end a call.
void watch_guarded_calls();

// Sets the limit, for tests. Returns the previous limit.
int64_t set_longest_guarded_call_ms(int64_t limit_ms);

}  // namespace storage
