// What all commands share: how their --help looks, how they report failure, how they know that
// somebody wants them to stop.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "client/connection.h"
#include "client/flags.h"

namespace client {

inline constexpr int kFailed = 1;
inline constexpr int kUsageError = 2;
inline constexpr int kInterrupted = 130;  // what shells expect of a program that Ctrl-C ended

struct Help {
  std::string_view usage;          // millrace topic create TOPIC [OPTIONS]
  std::string_view summary;        // whole sentences
  std::string_view examples = {};  // lines, indented by two; may be empty
};
void print_help(const Help& help, std::span<const Flag> flags);

// Says on stderr what went wrong; returns `status`.
int report(const Error& error, int status = kFailed);

// The same error, with what it kept from being done in front.
Error about(std::string_view what, Error error);

// Where the server is, from --bootstrap-server.
inline constexpr Flag kBootstrapFlag{.name = "bootstrap-server",
                                     .argument = "HOST:PORT",
                                     .doc = "The server [localhost:9092]",
                                     .letter = 'b'};
std::string bootstrap_server(const Flags& flags);

// Turns SIGINT and SIGTERM from the process's end into a question that loops ask.
void watch_for_interrupts();
bool is_interrupted();

// What Kafka's tools answer to --version: which of their releases is followed here.
int print_kafka_version();
// Where that, or --help, or nothing at all is asked of one of them: says it, and how the program ends. Nothing where there is
// something to do.
std::optional<int> tell_of_tool(const Flags& flags, int argc, const Help& help,
                                std::span<const Flag> known);

// 1234567 as 1,234,567.
std::string grouped(int64_t number);

}  // namespace client
