// The memory that the process may use.
#pragma once
#include <cstddef>
#include <filesystem>

namespace server {

// Returns the memory of the machine, or the limit of a container (control group, version 1 or 2) if
// the limit is less. `root` is "/" except in tests.
size_t machine_memory_bytes(const std::filesystem::path& root = "/");

}  // namespace server
