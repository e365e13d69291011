#include "server/node/data_dir_hint.h"

#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

namespace server {

namespace {

// Returns the name of the user, or the number of a user without a name.
std::string user_name(uid_t user) {
  passwd entry{};
  passwd* found = nullptr;
  char buffer[4096];
  if (getpwuid_r(user, &entry, buffer, sizeof buffer, &found) == 0 && found != nullptr)
    return entry.pw_name;
  return fmt::format("user {}", user);
}

}  // namespace

std::string hint_for_data_dir(const std::string& data_dir) {
  std::error_code ignored;
  std::filesystem::path folder = std::filesystem::absolute(data_dir, ignored);
  while (folder.has_parent_path() && folder != folder.parent_path() &&
         !std::filesystem::exists(folder, ignored))
    folder = folder.parent_path();
  struct stat of {};
  if (stat(folder.c_str(), &of) != 0) return "Choose another --data-dir, or make it writable.";
  if (!S_ISDIR(of.st_mode))
    return fmt::format("{} is a file, not a folder. Choose another --data-dir.", folder.string());
  if (of.st_uid == geteuid() || access(folder.c_str(), W_OK) == 0)
    return "Choose another --data-dir, or make it writable.";
  const std::string user = user_name(geteuid());
  return fmt::format(
      "{0} belongs to {1}, and the server runs as {2}. Choose another --data-dir, or create it for "
      "this user: install -d -o {3} {4}.",
      folder.string(), user_name(of.st_uid), user,
      user.starts_with("user ") ? user.substr(5) : user, data_dir);
}

}  // namespace server
