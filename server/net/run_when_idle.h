// Runs work that waits for a device on the thread of a loop that has nothing else to do.
#pragma once
#include "server/net/loop.h"

namespace server {

// Runs `work` after the present callback if the loop has nothing else to do then. Another thread
// runs the loop from the next event on, so the loop never stands still. If the loop has other work,
// or if run_when_idle() is called again before that, `work` is destroyed without running. Its
// destructor then has to give the task to another thread.
//
// `work` must not use objects on the loop. Its posts to the loop run after it has ended.
// Threads: the loop's, within a callback. If another thread calls the function, `work` is destroyed
//          immediately.
void run_when_idle(Loop& loop, Task work);

}  // namespace server
