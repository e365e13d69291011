// Common parts of all commands: the layout of --help, error reports, and interruption by the user.
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

// Reports a word that is not an action of the command, or a missing word, on stderr; returns kUsageError. `command` is
// "millrace topic". The report names the action that the user probably means, for words of other programs as well.
int report_unknown_action(std::string_view command, std::string_view word,
                          std::vector<std::string> actions);

// Returns the error with the failed action in front of its message.
Error about(std::string_view what, Error error);

// The server's address, from --bootstrap-server.
inline constexpr Flag kBootstrapFlag{.name = "bootstrap-server",
                                     .argument = "HOST:PORT",
                                     .doc = "The server [localhost:9092]",
                                     .letter = 'b'};
std::string bootstrap_server(const Flags& flags);

// Keeps SIGINT and SIGTERM from ending the process; loops poll is_interrupted() instead.
void watch_for_interrupts();
// Watches for Ctrl-C only, and resets an earlier Ctrl-C. It is used at a terminal, where each Ctrl-C ends one statement
// and SIGTERM still ends the program.
void watch_for_ctrl_c();
bool is_interrupted();

// Prints the release of Kafka's tools that the commands follow, for --version.
int print_kafka_version();
// Handles --version, --help and an empty command line of a Kafka tool: prints the answer and returns the exit status.
// Returns nothing if the tool has something to do.
std::optional<int> tell_of_tool(const Flags& flags, int argc, const Help& help,
                                std::span<const Flag> known);

// Returns the whole contents of the file. Fails with InvalidParameter, naming the path.
Result<std::string> read_text_file(const std::string& path);

// Formats a number with commas: 1234567 becomes 1,234,567.
std::string grouped(int64_t number);

}  // namespace client
