// Work that waits for a device, on the thread of a loop that has nothing else to do.
#pragma once
#include "server/net/loop.h"

namespace server {

// Runs `work` after the present callback if the loop has nothing else to do then. Another thread
// runs the loop from the next event on, so the loop never stands still. If other work has to be
// done first, or another `work` is given, this one is destroyed without running; its destructor
// then has to pass the task on to another thread.
//
// `work` must not use objects on the loop; its posts to the loop run after it has ended.
// Threads: the loop's, in a callback of it; on any other thread the work is destroyed at once.
void run_when_idle(Loop& loop, Task work);

}  // namespace server
