#pragma once
#include <cstdint>

// Returns the processor time of the calling thread: the work that was done, however busy the
// machine is.
int64_t thread_cpu_us();
