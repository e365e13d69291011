#include "server/node/machine_memory.h"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <limits>
#include <string>

namespace server {

namespace {

constexpr size_t kNoLimit = std::numeric_limits<size_t>::max();

// Reads a file that contains a number, or "max".
size_t read_limit(const std::filesystem::path& file) {
  std::ifstream in(file);
  size_t bytes = 0;
  return in >> bytes ? bytes : kNoLimit;
}

size_t total_memory(const std::filesystem::path& root) {
  std::ifstream in(root / "proc/meminfo");
  std::string name, unit;
  size_t value = 0;
  while (in >> name >> value && std::getline(in, unit))
    if (name == "MemTotal:") return value * 1024;
  return kNoLimit;
}

// Returns the smallest limit of a control group and all its parents, since each of these limits
// applies to the group.
size_t group_limit(const std::filesystem::path& mount, std::string group, const char* file) {
  size_t least = read_limit(mount / file);
  while (!group.empty() && group != "/") {
    least = std::min(least, read_limit(mount / group.substr(1) / file));
    group.resize(group.rfind('/'));
  }
  return least;
}

// Reads the lines "4:memory:/docker/x" (version 1) and "0::/user.slice" (version 2). Within a
// container, the path may be one of the host that cannot be read; the files at the mount point then
// have the limit.
size_t control_group_limit(const std::filesystem::path& root) {
  std::ifstream in(root / "proc/self/cgroup");
  size_t least = kNoLimit;
  for (std::string line; std::getline(in, line);) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == line.npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string group = line.substr(second + 1);
    if (controllers.empty())
      least = std::min(least, group_limit(root / "sys/fs/cgroup", group, "memory.max"));
    else if (("," + controllers + ",").find(",memory,") != std::string::npos)
      least = std::min(least,
                       group_limit(root / "sys/fs/cgroup/memory", group, "memory.limit_in_bytes"));
  }
  return least;
}

}  // namespace

size_t machine_memory_bytes(const std::filesystem::path& root) {
  const size_t bytes = std::min(total_memory(root), control_group_limit(root));
  // Used on a platform where the size of the memory cannot be read.
  constexpr size_t kAssumed = size_t{4} << 30;
  return bytes == kNoLimit ? kAssumed : bytes;
}

}  // namespace server
