// Command lines of Kafka's tools after `millrace group` and `millrace topic`: their action is an option, at any place.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace client {

// Looks for an action, such as --list or list, among the arguments after the command if the first argument is an
// option. Prints to stderr the same command line with the action in the first place, and returns kUsageError. Returns
// nothing if the first argument is a word or no argument is an action. `command` is, for example, "millrace topic".
std::optional<int> report_misplaced_action(std::string_view command,
                                           std::span<const char* const> arguments,
                                           std::span<const std::string> actions);

}  // namespace client
