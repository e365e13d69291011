// `millrace cluster join`: a single server becomes the first node of a cluster.
#pragma once

namespace server {

// argv[0] is the action's name. Returns the exit status: 0, 1 if it has failed, 2 if the command line is wrong.
int run_join_command(int argc, const char* const* argv);

}  // namespace server
