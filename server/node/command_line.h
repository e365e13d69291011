// Reports errors in the command lines of subcommands that do not connect to a server, with the same wording as the
// other subcommands (client/flags.h).
#pragma once
#include <CLI/CLI.hpp>

namespace server {

// Prints the help for --help, or the error in the command line with the nearest option, if one is similar. Returns the
// exit status: 0 after --help, else 2.
int exit_status(const CLI::App& app, const CLI::ParseError& error);

}  // namespace server
