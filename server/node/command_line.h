// The command lines of the subcommands that do not talk to a server: errors in them, in the words of the other subcommands
// (client/flags.h).
#pragma once
#include <CLI/CLI.hpp>

namespace server {

// Prints --help, or what is wrong with the command line, with the nearest option where one is meant. Returns the exit
// status: 0 after --help, else 2.
int exit_status(const CLI::App& app, const CLI::ParseError& error);

}  // namespace server
