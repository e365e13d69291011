// Configuration of the memory allocator for a server.
#pragma once

namespace server {

// Makes a thread of the allocator return freed memory to the kernel after one second. Call it after
// StopSignals::begin(), so that this thread does not get the signals. Does nothing in a build with
// the allocator of a sanitizer.
void tune_heap();

}  // namespace server
