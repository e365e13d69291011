// The forms of the command line of millrace config.
#pragma once
#include <string_view>

namespace client {

// The hint for a command line of millrace config in the form of another program.
inline constexpr std::string_view kFormsOfConfig =
    "millrace config topic NAME shows the settings of a topic, and millrace config topic NAME "
    "KEY=VALUE changes one.";

}  // namespace client
