// A directory in which the files of connectors must be. A path cannot lead out of it: not by "..",
// not by an absolute path, and not by a symbolic link, even if another program changes the path at
// the same time.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace server {

// An open file or directory. Threads: one.
class OpenFile {
 public:
  OpenFile() = default;
  explicit OpenFile(int descriptor) : descriptor_(descriptor) {}
  OpenFile(OpenFile&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  OpenFile& operator=(OpenFile&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~OpenFile();
  bool is_open() const { return descriptor_ >= 0; }
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_ = -1;
};

struct FileFacts {
  uint64_t inode = 0;
  int64_t size = 0;  // bytes
  int64_t modified_ns = 0;
  bool is_regular = false;
};

// Threads: any, like the file system. Owner: a task, or the runtime.
class Folder {
 public:
  // Fails with StorageFailure if the directory cannot be opened.
  static Result<std::unique_ptr<Folder>> open(const std::string& path);

  // A path is relative to the folder, or absolute and below it. A path with a symbolic link in any
  // of its parts is refused. Errors: InvalidParameter if the path leads out of the folder;
  // UndefinedObject if nothing has this path; StorageFailure otherwise. Each error names the path.
  Result<OpenFile> open_file(std::string_view path) const;
  Result<OpenFile> open_directory(std::string_view path) const;
  // Creates the file. Empties the file if it exists.
  Result<OpenFile> create_file(std::string_view path) const;
  // Opens a regular file to read it and to write at its end. If the file is missing, creates it and
  // syncs its directory.
  Result<OpenFile> append_file(std::string_view path) const;
  // Creates the missing directories of the path, and syncs the directories that contain them.
  Status make_directories(std::string_view path) const;
  Result<FileFacts> facts(std::string_view path) const;
  // Returns the names of the regular files in a directory, sorted.
  Result<std::vector<std::string>> list(std::string_view directory) const;
  // Renames within the folder, and syncs both directories.
  Status rename(std::string_view from, std::string_view to) const;
  // Removes a file, and syncs its directory. Succeeds if the file does not exist.
  Status remove(std::string_view path) const;
  Result<std::string> read_small(std::string_view path, size_t max_bytes) const;

  const std::string& path() const { return path_; }

 private:
  Folder(std::string path, OpenFile directory)
      : path_(std::move(path)), directory_(std::move(directory)) {}
  // Returns the parts of the path below the folder.
  Result<std::vector<std::string>> parts_of(std::string_view path) const;
  Result<OpenFile> open_at(std::string_view path, int flags) const;
  Result<OpenFile> open_regular(std::string_view path, int flags) const;
  // Opens the directory that contains the last part of the path. Returns the directory and the last
  // part.
  Result<std::pair<OpenFile, std::string>> parent_of(std::string_view path) const;

  const std::string path_;
  const OpenFile directory_;
};

Result<FileFacts> facts_of(const OpenFile& file);
// Reads at an offset. At the end of the file, fewer bytes are returned.
Result<std::string> read_at(const OpenFile& file, int64_t offset, size_t max_bytes);
// Writes all bytes at the end of the file.
Status write_all(const OpenFile& file, std::string_view bytes);
Status sync_file(const OpenFile& file);

}  // namespace server
