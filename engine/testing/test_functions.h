// Finds functions that only the original test suite has. A case that calls one can be run only
// there.
#pragma once
#include <string>
#include <string_view>

namespace engine {

// Returns the first of these functions that the script calls; an empty text if it calls none.
std::string find_test_only_function(std::string_view script);

}  // namespace engine
