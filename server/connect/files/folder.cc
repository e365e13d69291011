#include "server/connect/files/folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace server {

namespace {

constexpr mode_t kNewFile = 0640, kNewDirectory = 0750;
constexpr int kNoLinks = O_NOFOLLOW | O_CLOEXEC;

Error failed(std::string_view act, std::string_view path, int error) {
  if (error == ENOENT || error == ENOTDIR)
    return {ErrorCode::UndefinedObject, fmt::format("{} does not exist", path)};
  if (error == ELOOP)
    return {ErrorCode::InvalidParameter,
            fmt::format("{} is a symbolic link, or is reached through one", path),
            {},
            "Connectors follow no links, because a link could lead out of --connect-files."};
  const ErrorCode code =
      error == ENOSPC || error == EDQUOT ? ErrorCode::DiskFull : ErrorCode::StorageFailure;
  return {code, fmt::format("cannot {} {}: {}", act, path, std::strerror(error))};
}

FileFacts facts_in(const struct stat& from) {
  constexpr int64_t kNsOfSecond = 1'000'000'000;
  return {.inode = from.st_ino,
          .size = from.st_size,
          .modified_ns = from.st_mtim.tv_sec * kNsOfSecond + from.st_mtim.tv_nsec,
          .is_regular = S_ISREG(from.st_mode)};
}

}  // namespace

OpenFile::~OpenFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<std::unique_ptr<Folder>> Folder::open(const std::string& path) {
  // canonical() follows symbolic links in the path of the folder itself, which the operator has
  // chosen. Links below the folder are not followed.
  std::error_code error;
  const std::filesystem::path real = std::filesystem::canonical(path, error);
  if (error) return failed("open", path, error.value());
  OpenFile directory(::open(real.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.is_open()) return failed("open", path, errno);
  return std::unique_ptr<Folder>(new Folder(real.string(), std::move(directory)));
}

Result<std::vector<std::string>> Folder::parts_of(std::string_view path) const {
  const auto outside = [&] {
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("{} is not below the directory of connectors ({})", path, path_)};
  };
  std::string_view rest = path;
  if (rest.starts_with('/')) {
    if (!rest.starts_with(path_)) return outside();
    rest.remove_prefix(path_.size());
    if (!rest.empty() && !rest.starts_with('/') && path_ != "/") return outside();
  }
  if (rest.find('\0') != std::string_view::npos) return outside();
  std::vector<std::string> parts;
  while (!rest.empty()) {
    const std::string_view part = rest.substr(0, rest.find('/'));
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    if (part.empty() || part == ".") continue;
    if (part == "..") return outside();
    parts.emplace_back(part);
  }
  return parts;
}

Result<OpenFile> Folder::open_at(std::string_view path, int flags) const {
  const std::vector<std::string> parts = TRY(parts_of(path));
  OpenFile at(::openat(directory_.descriptor(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (size_t i = 0; i < parts.size() && at.is_open(); ++i) {
    const bool is_last = i + 1 == parts.size();
    // Without O_NONBLOCK, the open of a named pipe would wait for a writer.
    at = OpenFile(::openat(
        at.descriptor(), parts[i].c_str(),
        is_last ? flags | kNoLinks | O_NONBLOCK : O_RDONLY | O_DIRECTORY | kNoLinks, kNewFile));
    // If part i of the path is a symbolic link, openat() has failed with ELOOP or ENOTDIR, which
    // ends the loop.
  }
  if (!at.is_open()) return failed("open", path, errno);
  return at;
}

Result<OpenFile> Folder::open_regular(std::string_view path, int flags) const {
  OpenFile file = TRY(open_at(path, flags));
  if (!TRY(facts_of(file)).is_regular)
    return Error{ErrorCode::InvalidParameter, fmt::format("{} is not a regular file", path)};
  return file;
}

Result<OpenFile> Folder::open_file(std::string_view path) const {
  return open_regular(path, O_RDONLY);
}

Result<OpenFile> Folder::open_directory(std::string_view path) const {
  return open_at(path, O_RDONLY | O_DIRECTORY);
}

Result<OpenFile> Folder::create_file(std::string_view path) const {
  return open_at(path, O_WRONLY | O_CREAT | O_TRUNC);
}

Result<OpenFile> Folder::append_file(std::string_view path) const {
  constexpr int kFlags = O_RDWR | O_APPEND;
  auto present = open_regular(path, kFlags);
  if (present || present.error().code != ErrorCode::UndefinedObject) return present;
  OpenFile created = TRY(open_regular(path, kFlags | O_CREAT));
  const auto parent = TRY(parent_of(path));
  TRY(sync_file(parent.first));
  return created;
}

Result<std::pair<OpenFile, std::string>> Folder::parent_of(std::string_view path) const {
  std::vector<std::string> parts = TRY(parts_of(path));
  if (parts.empty())
    return Error{ErrorCode::InvalidParameter, fmt::format("{} names no file", path)};
  std::string last = std::move(parts.back());
  parts.pop_back();
  std::string directory = ".";
  for (const std::string& part : parts) directory += "/" + part;
  OpenFile parent = TRY(open_directory(directory));
  return std::pair(std::move(parent), std::move(last));
}

Status Folder::make_directories(std::string_view path) const {
  OpenFile at(::openat(directory_.descriptor(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (const std::string& part : TRY(parts_of(path))) {
    const bool is_new = ::mkdirat(at.descriptor(), part.c_str(), kNewDirectory) == 0;
    if (!is_new && errno != EEXIST) return failed("create", path, errno);
    if (is_new) TRY(sync_file(at));
    at = OpenFile(::openat(at.descriptor(), part.c_str(), O_RDONLY | O_DIRECTORY | kNoLinks));
    if (!at.is_open()) return failed("open", path, errno);
  }
  return {};
}

Result<FileFacts> Folder::facts(std::string_view path) const {
  const auto parent = TRY(parent_of(path));
  struct stat found;
  if (::fstatat(parent.first.descriptor(), parent.second.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0)
    return failed("read", path, errno);
  return facts_in(found);
}

Result<std::vector<std::string>> Folder::list(std::string_view directory) const {
  const OpenFile opened = TRY(open_directory(directory));
  const int copy = ::fcntl(opened.descriptor(), F_DUPFD_CLOEXEC, 0);
  DIR* const entries = copy < 0 ? nullptr : ::fdopendir(copy);  // takes over the descriptor
  if (entries == nullptr) {
    const int error = errno;
    if (copy >= 0) ::close(copy);
    return failed("list", directory, error);
  }
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(entries)) {
    struct stat found;
    if (::fstatat(opened.descriptor(), entry->d_name, &found, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISREG(found.st_mode))
      names.emplace_back(entry->d_name);
  }
  ::closedir(entries);
  std::ranges::sort(names);
  return names;
}

Status Folder::rename(std::string_view from, std::string_view to) const {
  const auto source = TRY(parent_of(from));
  const auto target = TRY(parent_of(to));
  if (::renameat(source.first.descriptor(), source.second.c_str(), target.first.descriptor(),
                 target.second.c_str()) != 0)
    return failed("move", from, errno);
  TRY(sync_file(target.first));
  return sync_file(source.first);
}

Status Folder::remove(std::string_view path) const {
  const auto parent = TRY(parent_of(path));
  if (::unlinkat(parent.first.descriptor(), parent.second.c_str(), 0) != 0 && errno != ENOENT)
    return failed("remove", path, errno);
  return sync_file(parent.first);
}

Result<std::string> Folder::read_small(std::string_view path, size_t max_bytes) const {
  const OpenFile file = TRY(open_file(path));
  if (TRY(facts_of(file)).size > static_cast<int64_t>(max_bytes))
    return Error{ErrorCode::LimitExceeded, fmt::format("{} is too large", path)};
  return read_at(file, 0, max_bytes);
}

Result<FileFacts> facts_of(const OpenFile& file) {
  struct stat found;
  if (::fstat(file.descriptor(), &found) != 0) return failed("read", "a file", errno);
  return facts_in(found);
}

Result<std::string> read_at(const OpenFile& file, int64_t offset, size_t max_bytes) {
  // A task reads a file ten times a second even if it does not grow. So the buffer is not larger than the unread
  // part of the file.
  const int64_t left = TRY(facts_of(file)).size - offset;
  std::string bytes(std::min(max_bytes, static_cast<size_t>(std::max<int64_t>(left, 0))), '\0');
  size_t size = 0;
  while (size < bytes.size()) {
    const ssize_t read = ::pread(file.descriptor(), bytes.data() + size, bytes.size() - size,
                                 offset + static_cast<int64_t>(size));
    if (read < 0 && errno == EINTR) continue;
    if (read < 0) return failed("read", "a file", errno);
    if (read == 0) break;
    size += static_cast<size_t>(read);
  }
  bytes.resize(size);
  return bytes;
}

Status write_all(const OpenFile& file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file.descriptor(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return failed("write", "a file", errno);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

Status sync_file(const OpenFile& file) {
  if (::fsync(file.descriptor()) != 0) return failed("sync", "a file", errno);
  return {};
}

}  // namespace server
