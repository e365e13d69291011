// Runs work that waits for a device on the thread of a loop that has nothing else to do.
#pragma once
#include "server/net/loop.h"

namespace server {

// Runs `work` after the present callback, on the loop's thread, if the loop has nothing else to do then. If an event
// arrives while `work` runs, a stand-by thread takes over the loop, so that clients do not wait for `work`. If the loop
// has other work, or if run_when_idle() is called again before `work` has begun, `work` is destroyed without running.
// The destructor of `work` must then make another thread do what `work` would have done.
//
// `work` must not use objects on the loop. Its posts to the loop run after it has ended.
// Threads: one loop, within a callback. If another thread calls the function, `work` is destroyed
//          immediately.
void run_when_idle(Loop& loop, Task work);

}  // namespace server
