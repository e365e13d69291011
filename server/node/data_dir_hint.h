// Explains why a data directory cannot be created.
#pragma once
#include <string>

namespace server {

// Returns the hint for a data directory that cannot be created. It names the nearest folder that exists, its owner, and
// the user of this process.
std::string hint_for_data_dir(const std::string& data_dir);

}  // namespace server
