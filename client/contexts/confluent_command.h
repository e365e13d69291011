// One command of `millrace confluent`: its words, flags and body.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "client/command_line.h"
#include "client/contexts/contexts.h"
#include "client/contexts/object_printer.h"

namespace client {

struct ConfluentCall {
  Contexts contexts;
  Flags flags;
  ObjectFormat format = ObjectFormat::Human;
  // Returns the argument after the words of the command; empty if there is none.
  std::string name() const { return flags.words().empty() ? "" : flags.words().front(); }
};

struct ConfluentCommand {
  std::string_view words;     // for example "kafka topic create"
  std::string_view argument;  // for example NAME; empty: the command takes no argument
  std::string_view summary;
  std::span<const Flag> flags;
  // Runs the command and returns the exit status.
  Result<int> (*run)(ConfluentCall& call);
};

inline constexpr Flag kOutputFlag{
    .name = "output", .argument = "FORMAT", .doc = "human or json [human]", .letter = 'o'};
inline constexpr Flag kClusterFlag{
    .name = "cluster", .argument = "ID", .doc = "Another cluster than the chosen one"};
inline constexpr Flag kEnvironmentFlag{
    .name = "environment", .argument = "ID", .doc = "Another environment than the chosen one"};
inline constexpr Flag kForceFlag{.name = "force", .doc = "Delete without a question"};

// Returns the commands `kafka topic ...`.
std::span<const ConfluentCommand> confluent_topic_commands();

}  // namespace client
