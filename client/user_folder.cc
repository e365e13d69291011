#include "client/user_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <system_error>

namespace client {

namespace {

struct Row {
  const char* variable;
  std::string_view below_home;
};
constexpr Row kRows[] = {{"XDG_CONFIG_HOME", ".config"},
                         {"XDG_STATE_HOME", ".local/state"},
                         {"XDG_DATA_HOME", ".local/share"}};

// Writes and syncs the text. Returns 0, or the error of the first call that failed. If the disk
// becomes full, write() writes only a part of the text without an error; the next call reports the
// error.
int write_whole(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    text.remove_prefix(static_cast<size_t>(written));
  }
  return fsync(fd) == 0 ? 0 : errno;
}

}  // namespace

Result<std::string> user_folder(UserFolder kind) {
  const Row& row = kRows[static_cast<size_t>(kind)];
  // As the XDG specification requires, a relative path is ignored.
  if (const char* named = std::getenv(row.variable); named && *named == '/')
    return fmt::format("{}/millrace", named);
  const char* home = std::getenv("HOME");
  if (!home || !*home)
    if (const passwd* user = getpwuid(getuid())) home = user->pw_dir;
  if (home && *home == '/') return fmt::format("{}/{}/millrace", home, row.below_home);
  return Error{ErrorCode::InvalidParameter,
               "the user has no home directory",
               {},
               fmt::format("Set HOME or {}.", row.variable)};
}

Result<std::string> make_user_folder(UserFolder kind) {
  std::string folder = TRY(user_folder(kind));
  std::error_code error;
  if (std::filesystem::create_directories(folder, error))
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
  if (error)
    return Error{ErrorCode::StorageFailure,
                 fmt::format("cannot make {}: {}", folder, error.message())};
  return folder;
}

Status write_private_file(const std::string& path, const std::string& text) {
  const std::string fresh = fmt::format("{}.{}", path, getpid());
  const auto failed = [&](int error) -> Status {
    unlink(fresh.c_str());
    return Error{ErrorCode::StorageFailure,
                 fmt::format("cannot write {}: {}", path, std::strerror(error))};
  };
  const int fd = open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return failed(errno);
  const int error = write_whole(fd, text);
  close(fd);
  if (error != 0) return failed(error);
  return std::rename(fresh.c_str(), path.c_str()) == 0 ? Status() : failed(errno);
}

}  // namespace client
