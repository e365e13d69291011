// Ends calls of LMDB that would never return. For the files of this folder that open its
// environments.
#pragma once
#include <cstdint>

namespace storage {

// A damaged page may make LMDB search in a circle for ever, within one call. A thread that has
// computed for too long in one guarded call (page_fault.h) leaves it, and the call reports a
// damaged page. Processor time counts, so a slow disk does no harm. Watches all threads of this
// process from the first call on.
void watch_guarded_calls();

// For tests. Returns the previous limit.
int64_t set_longest_guarded_call_ms(int64_t limit_ms);

}  // namespace storage
