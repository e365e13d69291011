// `millrace cluster join`: a server that was alone becomes the first node of a cluster.
#pragma once

namespace server {

// argv[0] is the action's name. Returns the exit status: 0, 1 when it could not be done, 2 when the command line was wrong.
int run_join_command(int argc, const char* const* argv);

}  // namespace server
