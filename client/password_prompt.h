// Asks for a password at the terminal.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"

namespace client {

// Shows the prompt, and reads a line without showing it: from the terminal, or from the standard
// input if there is no terminal. Fails with InvalidParameter if neither has a line.
Result<std::string> ask_for_password(std::string_view prompt);

}  // namespace client
