// What waits for a device, on the thread of a loop that has nothing else to do.
#pragma once
#include "server/net/loop.h"

namespace server {

// Runs `work` when the present callback is over, if that leaves the loop with nothing to do; another thread runs the loop
// meanwhile, from when on there is something for it. So the loop stands still for nobody. Where anything else is to be done
// first, or another work is given, it is destroyed without being run: it tells somebody else then.
// `work` may not touch what lives on the loop; what it posts to the loop is run when it is over.
// Threads: the loop's, in a callback of it; on another one the work is destroyed at once.
void run_when_idle(Loop& loop, Task work);

}  // namespace server
