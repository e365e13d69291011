#pragma once
#include <cstdint>

// What the calling thread has used of its processor: how much work something was, however busy the machine is.
int64_t thread_cpu_us();
