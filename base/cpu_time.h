#pragma once
#include <cstdint>

// Returns the processor time of the calling thread. The difference of two results measures the
// thread's work; other processes that keep the machine busy do not change it.
int64_t thread_cpu_us();
