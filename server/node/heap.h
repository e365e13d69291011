// Configuration of the memory allocator for a server.
#pragma once

namespace server {

// Returns freed memory to the kernel after one second, by a thread of the allocator. To be called
// once signals have their thread. Does nothing in a build with the allocator of a sanitizer.
void tune_heap();

}  // namespace server
