// The subcommand `millrace test`.
#pragma once

#include "engine/testing/case_engine.h"

namespace engine {

// `argv` begins with "test". Prints to standard output; returns the exit status: 0 when every case
// passed, was skipped, or is known to fail; 1 when not; 2 when the arguments are wrong or a file
// cannot be read.
int run_test_command(int argc, const char* const* argv, const MakeCaseEngine& make_engine);

}  // namespace engine
