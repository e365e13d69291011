#include "storage/kv/sync_directory.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "storage/kv/lmdb_transaction.h"

namespace storage {

Status sync_directory(const std::filesystem::path& directory) {
  const int file = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool is_synced = file >= 0 && ::fsync(file) == 0;
  const int code = errno;
  if (file >= 0) ::close(file);
  if (!is_synced) return lmdb_failure(code, "write the data directory");
  return {};
}

Status name_file(const std::string& unfinished, const std::string& path) {
  if (std::rename(unfinished.c_str(), path.c_str()) != 0)
    return lmdb_failure(errno, "name the data file");
  return sync_directory(std::filesystem::path(path).parent_path());
}

}  // namespace storage
