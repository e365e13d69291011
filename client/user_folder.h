// The folders of the user's home in which programs keep files (XDG Base Directory Specification).
#pragma once
#include <cstdint>
#include <string>

#include "base/result.h"

namespace client {

enum class UserFolder : uint8_t {
  Config,  // $XDG_CONFIG_HOME/millrace, or ~/.config/millrace
  State,   // $XDG_STATE_HOME/millrace, or ~/.local/state/millrace
  Data,    // $XDG_DATA_HOME/millrace, or ~/.local/share/millrace
};

// Returns the path of the folder, which need not exist. Fails with InvalidParameter if the user has
// no home.
Result<std::string> user_folder(UserFolder kind);
// Creates this folder, readable only by its user, and returns its path. Fails with StorageFailure.
Result<std::string> make_user_folder(UserFolder kind);

// Writes a file that only its user can read, under a new name, and then replaces the old file by it. So after a crash
// the name refers to a complete file. Fails with StorageFailure.
Status write_private_file(const std::string& path, const std::string& text);

}  // namespace client
