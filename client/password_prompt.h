// Asks for a password at the terminal.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"

namespace client {

// Reads a line without showing it: from the terminal, or from the standard input where no terminal exists. Fails with
// InvalidParameter when neither has one.
Result<std::string> ask_for_password(std::string_view prompt);

}  // namespace client
