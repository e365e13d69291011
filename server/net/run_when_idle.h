// Runs work that waits for a device on the thread of a loop that has nothing else to do.
#pragma once
#include "server/net/loop.h"

namespace server {

// Runs `work` after the present callback if the loop has nothing else to do then. From the next
// event on another thread runs the loop, so that clients do not wait for `work`. If the loop has
// other work, or if run_when_idle() is called again before `work` has begun, `work` is destroyed
// without running. The destructor of `work` then has to give the task to another thread.
//
// `work` must not use objects on the loop. Its posts to the loop run after it has ended.
// Threads: the loop's, within a callback. If another thread calls the function, `work` is destroyed
//          immediately.
void run_when_idle(Loop& loop, Task work);

}  // namespace server
