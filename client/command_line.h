// Functions that all commands use: the layout of --help, the output of errors, and interruption by
// the user.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "client/connection.h"
#include "client/flags.h"

namespace client {

inline constexpr int kFailed = 1;
inline constexpr int kUsageError = 2;
inline constexpr int kInterrupted = 130;  // the exit status that shells expect after Ctrl-C

struct Help {
  std::string_view usage;          // for example millrace topic create TOPIC [OPTIONS]
  std::string_view summary;        // one or more whole sentences
  std::string_view examples = {};  // lines, indented by two; may be empty
};
void print_help(const Help& help, std::span<const Flag> flags);

// Prints the error to stderr; returns `status`.
int report(const Error& error, int status = kFailed);

// Prints to stderr that `word` is not an action of the command, or that the action is missing, and
// returns kUsageError. `command` is, for example, "millrace topic". The message also names the
// action that the user probably means, even if `word` is from another program.
int report_unknown_action(std::string_view command, std::string_view word,
                          std::vector<std::string> actions);

// Returns the error with `what`, the action that has failed, in front of its message.
Error about(std::string_view what, Error error);

// The server's address, from --bootstrap-server.
inline constexpr Flag kBootstrapFlag{.name = "bootstrap-server",
                                     .argument = "HOST:PORT",
                                     .doc = "The server [localhost:9092]",
                                     .letter = 'b'};
std::string bootstrap_server(const Flags& flags);

// From this call on, SIGINT and SIGTERM do not end the process; loops ask is_interrupted().
void watch_for_interrupts();
// Does the same for SIGINT (Ctrl-C) only, and forgets an earlier Ctrl-C. Used at a terminal, where
// Ctrl-C ends one statement, and SIGTERM still ends the program.
void watch_for_ctrl_c();
bool is_interrupted();

// Prints the Kafka release whose tools the commands imitate, for --version.
int print_kafka_version();
// Handles the command lines of a Kafka tool that only ask for information: --version, --help, and
// an empty command line. Prints the information and returns the exit status. Returns nothing for
// all other command lines.
std::optional<int> tell_of_tool(const Flags& flags, int argc, const Help& help,
                                std::span<const Flag> known);

// Returns the whole contents of the file. Fails with InvalidParameter, naming the path.
Result<std::string> read_text_file(const std::string& path);

// Formats a number with commas: 1234567 becomes 1,234,567.
std::string grouped(int64_t number);

}  // namespace client
