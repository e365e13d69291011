// How much memory the process may count on.
#pragma once
#include <cstddef>
#include <filesystem>

namespace server {

// What the machine has, or what a container (control group, version 1 or 2) lets us have if that is
// less. `root` is "/" but for tests.
size_t machine_memory_bytes(const std::filesystem::path& root = "/");

}  // namespace server
