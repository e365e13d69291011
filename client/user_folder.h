// The folders for programs' files in the home directory of the user (XDG Base Directory
// Specification).
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

// Returns the path of the folder, which may not exist yet. Fails with InvalidParameter if the user
// has no home directory.
Result<std::string> user_folder(UserFolder kind);
// Creates the folder if necessary, so that only its user can read it, and returns its path. Fails
// with StorageFailure.
Result<std::string> make_user_folder(UserFolder kind);

// Writes a file that only its user can read. The text is written under a new name, and then
// replaces the old file, so that after a crash a complete file has the name. Fails with
// StorageFailure.
Status write_private_file(const std::string& path, const std::string& text);

}  // namespace client
