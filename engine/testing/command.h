// The subcommand `millrace test`.
#pragma once

#include "engine/testing/case_engine.h"

namespace engine {

// Runs the subcommand. `argv` begins with "test". Prints to standard output. Returns the exit
// status: 0 if every case passed, was skipped, or is known to fail; 1 otherwise; 2 if the arguments
// are wrong or a file cannot be read.
int run_test_command(int argc, const char* const* argv, const MakeCaseEngine& make_engine);

}  // namespace engine
