// The allocator, set up for a server.
#pragma once

namespace server {

// Freed memory goes back to the kernel a second later, by a thread of the allocator's own. Once
// signals have their thread. Does nothing in a build whose allocator is a sanitizer's.
void tune_heap();

}  // namespace server
