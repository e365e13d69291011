// Calls of LMDB that never end. For the files of this folder that open its environments.
#pragma once
#include <cstdint>

namespace storage {

// A damaged page may make LMDB search in a circle, in one call, for ever. Who has computed for so long in one guarded call
// (page_fault.h) is taken out of it; the call is then one that met a damaged page. Time of the processor counts, so a disk may
// be as slow as it likes. Watches all threads of this process from the first call on.
void watch_guarded_calls();

// For tests. What it was before.
int64_t set_longest_guarded_call_ms(int64_t limit_ms);

}  // namespace storage
