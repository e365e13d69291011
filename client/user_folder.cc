#include "client/user_folder.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <cstdlib>
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

}  // namespace

Result<std::string> user_folder(UserFolder kind) {
  const Row& row = kRows[static_cast<size_t>(kind)];
  // As the specification requires, a path that is not absolute is ignored.
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

}  // namespace client
