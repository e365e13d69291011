#include "client/command_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <utility>

#include "base/suggest.h"
#include "client/misplaced_action.h"

namespace client {

namespace {

volatile std::sig_atomic_t interrupted = 0;

// Records the first signal. The default action is restored, so that a second signal ends a program
// that hangs.
void note_interrupt(int signal) {
  interrupted = 1;
  std::signal(signal, SIG_DFL);
}

}  // namespace

void print_help(const Help& help, std::span<const Flag> flags) {
  fmt::print("{}\n\nUsage: {}\n\nOptions:\n{}", help.summary, help.usage, describe_flags(flags));
  if (!help.examples.empty()) fmt::print("\nExamples:\n{}", help.examples);
}

int report(const Error& error, int status) {
  std::fflush(stdout);
  fmt::print(stderr, "error: {}\n", error.message);
  if (!error.detail.empty()) fmt::print(stderr, "detail: {}\n", error.detail);
  if (!error.hint.empty()) fmt::print(stderr, "hint: {}\n", error.hint);
  return status;
}

int report_unknown_action(std::string_view command, std::string_view word,
                          std::vector<std::string> actions) {
  // Words that other programs use for the actions of this program.
  constexpr std::pair<std::string_view, std::string_view> kSynonyms[] = {
      {"remove", "delete"},    {"rm", "delete"},           {"drop", "delete"},
      {"ls", "list"},          {"show", "describe"},       {"info", "describe"},
      {"get", "describe"},     {"new", "create"},          {"make", "create"},
      {"add", "create"},       {"set", "alter"},           {"update", "alter"},
      {"modify", "alter"},     {"delete", "remove"},       {"show", "list"},
      {"describe", "show"},    {"reset", "reset-offsets"}, {"lag", "describe"},
      {"nodes", "status"},     {"list", "status"},         {"ls", "status"},
      {"show", "status"},      {"info", "status"},         {"set", "use"},
      {"switch", "use"},       {"select", "use"},          {"add-partitions", "alter"},
      {"offsets", "describe"}, {"seek", "reset-offsets"},  {"rewind", "reset-offsets"}};
  // Words for which another subcommand, or a tool, exists.
  constexpr std::pair<std::string_view, std::string_view> kElsewhere[] = {
      {"consume", "millrace consume TOPIC prints the records of a topic"},
      {"read", "millrace consume TOPIC prints the records of a topic"},
      {"tail", "millrace consume TOPIC prints the records of a topic"},
      {"produce", "millrace produce TOPIC < FILE sends the lines of a file"},
      {"write", "millrace produce TOPIC < FILE sends the lines of a file"},
      {"config", "millrace config topic NAME KEY=VALUE changes a setting"},
      {"rename", "a topic keeps its name; millrace topic create makes another one"},
      {"truncate",
       "kafka-delete-records deletes the first records of a topic, and retention.ms the "
       "old ones"},
      {"init", "millrace server --cluster NAME starts the first node of a cluster"},
      {"create", "millrace server --cluster NAME starts the first node of a cluster"}};
  std::string near;
  for (const auto& [synonym, action] : kSynonyms)
    if (near.empty() && word == synonym && std::ranges::count(actions, action) > 0) near = action;
  if (near.empty()) near = nearest_name(word, actions);
  std::string problem = fmt::format("unrecognized action \"{}\"", word);
  if (word.empty()) problem = "an action is missing";
  if (word.starts_with('-'))
    problem =
        fmt::format("an action precedes the option \"{}\": {} ACTION {} ...", word, command, word);
  const auto* elsewhere =
      std::ranges::find(kElsewhere, word, [](const auto& row) { return row.first; });
  if (!near.empty())
    problem += fmt::format("; did you mean {}?", near);
  else if (elsewhere != std::end(kElsewhere))
    problem += fmt::format("; {}", elsewhere->second);
  fmt::print(stderr, "{}: {}\nActions: {}\nTry: {} --help\n", command, problem,
             fmt::join(actions, ", "), command);
  return kUsageError;
}

std::optional<int> report_misplaced_action(std::string_view command,
                                           std::span<const char* const> arguments,
                                           std::span<const std::string> actions) {
  if (arguments.empty() || !std::string_view(arguments[0]).starts_with('-')) return std::nullopt;
  const auto is_action = [&](std::string_view word) {
    return std::ranges::find(actions, word) != actions.end();
  };
  // A word after an option is probably the value of the option, so words with dashes count first.
  size_t place = arguments.size();
  for (size_t i = 0; i < arguments.size() && place == arguments.size(); ++i) {
    const std::string_view word(arguments[i]);
    if (word.starts_with("--") && is_action(word.substr(2))) place = i;
  }
  for (size_t i = 1; i < arguments.size() && place == arguments.size(); ++i)
    if (is_action(arguments[i]) && !std::string_view(arguments[i - 1]).starts_with('-')) place = i;
  if (place == arguments.size()) return std::nullopt;
  std::string_view action(arguments[place]);
  action.remove_prefix(std::min(action.find_first_not_of('-'), action.size()));
  std::string line = fmt::format("{} {}", command, action);
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view word(arguments[i]);
    constexpr std::string_view kPlain =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=.,:/@+%";
    const bool is_plain = !word.empty() && word.find_first_not_of(kPlain) == word.npos;
    if (i != place) line += is_plain ? fmt::format(" {}", word) : fmt::format(" '{}'", word);
  }
  fmt::print(stderr, "{}: the action is the first word, before all options\nhint: Use {}\n",
             command, line);
  return kUsageError;
}

Error about(std::string_view what, Error error) {
  error.message = fmt::format("{}: {}", what, error.message);
  return error;
}

std::string bootstrap_server(const Flags& flags) {
  return flags.text(kBootstrapFlag.name, "localhost:9092");
}

void watch_for_interrupts() {
  // sigaction() is used, because std::signal() sets SA_RESTART, with which a signal does not end a
  // read that waits.
  struct sigaction action {};
  action.sa_handler = note_interrupt;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

void watch_for_ctrl_c() {
  interrupted = 0;
  struct sigaction action {};
  action.sa_handler = note_interrupt;
  sigaction(SIGINT, &action, nullptr);
}

bool is_interrupted() { return interrupted; }

int print_kafka_version() {
  fmt::print("3.9.0 (Millrace)\n");
  return 0;
}

std::optional<int> tell_of_tool(const Flags& flags, int argc, const Help& help,
                                std::span<const Flag> known) {
  if (flags.has(kHelpFlag.name) || argc == 1) {
    print_help(help, known);
    return argc == 1 ? kFailed : 0;
  }
  if (flags.has("version")) return print_kafka_version();
  return std::nullopt;
}

Result<std::string> read_text_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  // An ifstream can also be opened for a directory. Then peek() sets bad(), while reading with the
  // iterators below would end the program.
  in.peek();
  if (!in.is_open() || in.bad())
    return Error{ErrorCode::InvalidParameter, fmt::format("cannot read {}", path)};
  return std::string(std::istreambuf_iterator<char>(in), {});
}

std::string grouped(int64_t number) {
  std::string text = std::to_string(number);
  const size_t first = number < 0 ? 1 : 0;
  for (size_t at = text.size(); at > first + 3;) text.insert(at -= 3, ",");
  return text;
}

}  // namespace client
