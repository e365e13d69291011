// Reports errors in the command lines of subcommands that do not connect to a server, with the same wording as the
// other subcommands (client/flags.h).
#pragma once
#include <CLI/CLI.hpp>
#include <string_view>

namespace server {

// Returns the replacement of an option or setting of another server (without dashes before it); empty if not known.
std::string_view hint_for_foreign_option(std::string_view name);

// Prints the help for --help, or the error in the command line with the nearest option, if one is similar. Returns the
// exit status: 0 after --help, else 2.
int exit_status(const CLI::App& app, const CLI::ParseError& error);

}  // namespace server
