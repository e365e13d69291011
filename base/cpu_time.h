#pragma once
#include <cstdint>

// Returns the processor time of the calling thread. The difference of two results measures work,
// even if other processes keep the machine busy.
int64_t thread_cpu_us();
