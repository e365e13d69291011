// Functions that only the original test suite has: cases that call one cannot be run elsewhere.
#pragma once
#include <string>
#include <string_view>

namespace engine {

// The first of these functions that the script calls; empty if it calls none.
std::string find_test_only_function(std::string_view script);

}  // namespace engine
