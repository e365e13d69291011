#include "client/flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/suggest.h"

namespace client {

namespace {

constexpr size_t kHelpWidth = 100;

// Flags of other programs, and of older versions of Kafka's tools, with the flags that replace
// them.
struct ForeignFlag {
  std::string_view foreign, ours;
};
constexpr ForeignFlag kForeignFlags[] = {
    {"host", "bootstrap-server"},        {"server", "bootstrap-server"},
    {"broker", "bootstrap-server"},      {"brokers", "bootstrap-server"},
    {"broker-list", "bootstrap-server"}, {"port", "bootstrap-server"},
    {"acks", "request-required-acks"},   {"replicas", "replication-factor"},
};

std::string hint_for_unknown_flag(std::span<const Flag> known, std::string_view name) {
  for (const auto& [foreign, ours] : kForeignFlags)
    if (const auto flag = std::ranges::find(known, ours, &Flag::name);
        name == foreign && flag != known.end())
      return fmt::format("Use --{} {}.", ours, flag->argument);
  // Kafka's tools have flags for the type and the name of an entity. In this program they are words
  // without a flag: millrace config topic orders.
  // kafka-configs changes settings with --add-config, and kafka-topics --alter had --config.
  if (name == "config" || name == "add-config" || name == "delete-config")
    return "millrace config topic NAME retention.ms=3600000 changes a setting, and --unset "
           "retention.ms resets it.";
  if (name == "entity-type" || name == "entity-name")
    return "Name the type and the name as words: millrace config topic NAME.";
  std::vector<std::string> names;
  for (const Flag& flag : known) names.emplace_back(flag.name);
  return did_you_mean(name, names, {}, "--");
}

Error unknown_flag(std::span<const Flag> known, std::string_view name) {
  // Many tutorials still use --zookeeper, so the error names the flag that replaces it.
  if (name == "zookeeper")
    return wrong_usage("--zookeeper is obsolete; use --bootstrap-server HOST:PORT");
  return wrong_usage(fmt::format("unrecognized option --{}", name),
                     hint_for_unknown_flag(known, name));
}

// Returns the flag with this name or, if there is none, the only flag whose name begins with
// `name`.
Result<const Flag*> find_flag(std::span<const Flag> known, std::string_view name) {
  const auto exact = std::ranges::find(known, name, &Flag::name);
  if (exact != known.end()) return &*exact;
  const Flag* begun = nullptr;
  for (const Flag& flag : known) {
    if (name.empty() || !flag.name.starts_with(name)) continue;
    if (begun)
      return wrong_usage(
          fmt::format("--{} is ambiguous: --{} or --{}", name, begun->name, flag.name));
    begun = &flag;
  }
  if (!begun) return unknown_flag(known, name);
  return begun;
}

Result<const Flag*> find_letter(std::span<const Flag> known, char letter) {
  for (const Flag& flag : known)
    if (flag.letter && flag.letter == letter) return &flag;
  const auto has = [&](std::string_view name) {
    return std::ranges::find(known, name, &Flag::name) != known.end();
  };
  // The command-line clients of MySQL and ksqlDB have -e for a statement, psql has -c. kcat has -o and -p for the
  // position and the partition.
  const bool has_command = std::ranges::find(known, 'c', &Flag::letter) != known.end();
  const std::string_view hint = letter == 'e' && has_command ? "Use -c 'SELECT ...'."
                                : letter == 'o' && has("offset")
                                    ? "Use --from-beginning, or --offset PLACE."
                                : letter == 'p' && has("partitions") ? "Use --partitions N."
                                : letter == 'p' && has("partition")  ? "Use --partition N."
                                                                     : "";
  return wrong_usage(fmt::format("unrecognized option -{}", letter), std::string(hint));
}

// Breaks `text` into lines of at most `width`; only a word that is longer makes a longer line. All
// lines except the first are indented.
std::string wrapped(std::string_view text, size_t width, size_t indent) {
  std::string lines;
  while (text.size() > width) {
    size_t end = text.rfind(' ', width);
    if (end == text.npos) end = text.find(' ');
    if (end == text.npos) break;
    lines += fmt::format("{}\n{:{}}", text.substr(0, end), "", indent);
    text.remove_prefix(end + 1);
  }
  return lines.append(text);
}

bool is_flag(std::string_view argument) { return argument.size() > 1 && argument[0] == '-'; }

}  // namespace

Error wrong_usage(std::string message, std::string hint) {
  return Error{ErrorCode::InvalidParameter, std::move(message), {}, std::move(hint)};
}

Result<Flags> Flags::parse(std::span<const Flag> known, std::span<const char* const> arguments,
                           size_t most_words) {
  Flags flags;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (!is_flag(argument)) {
      if (flags.words_.size() == most_words)
        return wrong_usage(fmt::format("unexpected argument \"{}\"", argument));
      flags.words_.emplace_back(argument);
      continue;
    }
    const bool is_long = argument.starts_with("--");
    const size_t equals = is_long ? argument.find('=') : argument.npos;
    const Flag* flag = is_long ? TRY(find_flag(known, argument.substr(2, equals - 2)))
                               : TRY(find_letter(known, argument[1]));
    std::vector<std::string>& values = flags.values_[flag->name];
    if (equals != argument.npos) {
      if (flag->argument.empty())
        return wrong_usage(fmt::format("--{} does not take a value", flag->name));
      values.emplace_back(argument.substr(equals + 1));
    } else if (!is_long && argument.size() > 2) {
      if (flag->argument.empty())
        return wrong_usage(fmt::format("-{} does not take a value", flag->letter));
      values.emplace_back(argument.substr(2));
    } else if (flag->argument.empty()) {
      values.emplace_back();
    } else if (!flag->value_if_bare.empty() &&
               (i + 1 == arguments.size() || is_flag(arguments[i + 1]))) {
      values.emplace_back(flag->value_if_bare);
    } else if (i + 1 == arguments.size()) {
      return wrong_usage(fmt::format("--{} requires a value", flag->name));
    } else {
      values.emplace_back(arguments[++i]);
    }
    flags.in_order_.emplace_back(flag->name, values.back());
  }
  return flags;
}

std::string Flags::text(std::string_view name, std::string_view otherwise) const {
  const auto given = values_.find(name);
  return given == values_.end() ? std::string(otherwise) : given->second.back();
}

Result<int64_t> Flags::number(std::string_view name, int64_t otherwise, int64_t least,
                              int64_t most) const {
  const auto given = values_.find(name);
  if (given == values_.end()) return otherwise;
  Result<int64_t> value = parse_number(given->second.back(), least, most);
  if (!value) return wrong_usage(fmt::format("--{}: {}", name, value.error().message));
  return value;
}

std::vector<std::string> Flags::all(std::string_view name) const {
  const auto given = values_.find(name);
  return given == values_.end() ? std::vector<std::string>() : given->second;
}

std::string describe_flags(std::span<const Flag> flags) {
  std::vector<std::string> names;
  size_t width = 0;
  for (const Flag& flag : flags) {
    std::string name = flag.letter ? fmt::format("-{}, --{}", flag.letter, flag.name)
                                   : fmt::format("    --{}", flag.name);
    const bool is_optional = !flag.value_if_bare.empty();
    if (!flag.argument.empty())
      name += is_optional ? fmt::format(" [{}]", flag.argument) : fmt::format(" {}", flag.argument);
    if (!flag.doc.empty()) width = std::max(width, name.size());
    names.push_back(std::move(name));
  }
  std::string text;
  for (size_t i = 0; i < flags.size(); ++i)
    if (!flags[i].doc.empty())
      text += fmt::format("  {:<{}}  {}\n", names[i], width,
                          wrapped(flags[i].doc, kHelpWidth - width - 4, width + 4));
  return text;
}

Result<int64_t> parse_number(std::string_view text, int64_t least, int64_t most) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < least || value > most)
    return wrong_usage(
        most == INT64_MAX
            ? fmt::format("\"{}\" is not a whole number of at least {}", text, least)
            : fmt::format("\"{}\" is not a whole number from {} to {}", text, least, most));
  return value;
}

}  // namespace client
