#include "client/flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/suggest.h"
#include "client/config_forms.h"

namespace client {

namespace {

constexpr size_t kHelpWidth = 100;

// Flags of other programs, and of older versions of Kafka's tools, with the flags that replace
// them. The flag `ours` also shows which command it is: millrace produce is the only one with
// message-send-max-retries.
struct ForeignFlag {
  std::string_view foreign;    // names and letters, separated by blanks
  std::string_view ours;       // the row counts only for commands that have this flag
  std::string_view hint = {};  // empty: the flag `ours` replaces the foreign one
};
constexpr std::string_view kKeys =
    "Lines have keys with --property parse.key=true --property key.separator=: and the form "
    "KEY:VALUE.";
constexpr std::string_view kLines =
    "Records are the lines of the standard input: millrace produce TOPIC < FILE, or echo 'text' | "
    "millrace produce TOPIC.";
constexpr std::string_view kTls =
    "Use --command-property security.protocol=SSL --command-property ssl.ca.location=ca.pem.";
constexpr std::string_view kUser =
    "Use --command-property security.protocol=SASL_SSL --command-property "
    "sasl.mechanism=SCRAM-SHA-256 --command-property sasl.username=NAME --command-property "
    "sasl.password=PASSWORD.";
constexpr std::string_view kConfig =
    "millrace config topic NAME retention.ms=3600000 changes a setting, and --unset retention.ms "
    "resets it.";
constexpr ForeignFlag kForeignFlags[] = {
    {"host server broker brokers broker-list port", "bootstrap-server"},
    // millrace consume
    {"n c N limit count max-records number num", "max-messages"},
    {"o", "max-messages", "Use --from-beginning, or --offset PLACE."},
    {"beginning earliest begin start from-start from-earliest", "from-beginning"},
    {"g group-id groupid consumer-group", "group"},
    {"t", "max-messages", "The topic is a word without an option: millrace consume TOPIC."},
    {"print-key show-key show-keys keys K", "max-messages", "Use --property print.key=true."},
    {"print-headers headers H", "max-messages", "Use --property print.headers=true."},
    {"print-timestamp timestamps", "max-messages", "Use --property print.timestamp=true."},
    {"f F", "max-messages",
     "Properties choose the parts of a line: --property print.key=true --property "
     "print.timestamp=true."},
    {"format json output J output-format value-format", "max-messages",
     "Values are printed unchanged. millrace sql --format json -c \"SELECT * FROM s EMIT CHANGES\" "
     "prints the rows of a stream as JSON."},
    {"follow", "max-messages", "Leave it out: without --until-end the command runs until Ctrl-C."},
    {"exit exit-at-end until", "until-end"},
    // millrace produce
    {"acks", "request-required-acks"},
    {"key k K", "message-send-max-retries", kKeys},
    {"message m value v data d text file f l input i", "message-send-max-retries", kLines},
    {"t", "message-send-max-retries",
     "The topic is a word without an option: millrace produce TOPIC < FILE."},
    {"header headers H", "message-send-max-retries",
     "Lines have headers with --property parse.headers=true and the form NAME:VALUE, a tab, "
     "and the value of the record."},
    {"z compress codec compression-type", "compression-codec"},
    {"format value-format json", "message-send-max-retries",
     "Lines are sent unchanged. INSERT INTO and COPY write rows in the format of a stream, such as "
     "AVRO."},
    {"X", "producer-property"},
    {"X", "consumer-property"},
    {"X", "command-property"},
    // millrace topic and millrace group
    {"p", "partitions"},
    {"p", "partition"},
    {"r replication", "replication-factor"},
    {"replicas", "replication-factor"},
    {"retention retention-ms retention.ms", "if-not-exists",
     "Use --config retention.ms=604800000."},
    {"compact compacted cleanup-policy", "if-not-exists", "Use --config cleanup.policy=compact."},
    {"earliest beginning from-beginning from-start from-earliest", "to-earliest"},
    {"latest end", "to-latest"},
    {"tls ssl cacert ca", "command-property", kTls},
    {"username user password sasl-username sasl-password", "command-property", kUser},
    // millrace config
    {"set alter describe get", "unset", kFormsOfConfig},
    // millrace sql
    {"e query execute statement sql", "command", "Use -c 'SELECT ...'."},
    {"u user", "username"},
    {"P", "port"},
    {"json o output output-format", "tuples-only", "Use --format json, csv or table, and > FILE."},
    {"tls ssl", "sslmode", "Use --sslmode require."},
};

// Returns the hint for a flag of another program; an empty text if none is known.
std::string hint_for_foreign_flag(std::span<const Flag> known, std::string_view name) {
  for (const ForeignFlag& row : kForeignFlags) {
    const auto flag = std::ranges::find(known, row.ours, &Flag::name);
    const std::string names = fmt::format(" {} ", row.foreign);
    if (flag == known.end() || names.find(fmt::format(" {} ", name)) == names.npos) continue;
    if (!row.hint.empty()) return std::string(row.hint);
    return flag->argument.empty() ? fmt::format("Use --{}.", row.ours)
                                  : fmt::format("Use --{} {}.", row.ours, flag->argument);
  }
  return {};
}

// Returns the hint that lists the flags which --help shows.
std::string all_flags(std::span<const Flag> known) {
  std::string text;
  for (const Flag& flag : known)
    if (!flag.doc.empty()) text += fmt::format("{}--{}", text.empty() ? "" : ", ", flag.name);
  return fmt::format("The options are {}. --help explains them.", text);
}

std::string hint_for_unknown_flag(std::span<const Flag> known, std::string_view name) {
  if (std::string hint = hint_for_foreign_flag(known, name); !hint.empty()) return hint;
  // Kafka's tools have flags for the type and the name of an entity. In this program they are words
  // without a flag: millrace config topic orders.
  // kafka-configs changes settings with --add-config, and kafka-topics --alter had --config.
  if (name == "config" || name == "add-config" || name == "delete-config")
    return std::string(kConfig);
  if (name == "entity-type" || name == "entity-name")
    return "Name the type and the name as words: millrace config topic NAME.";
  std::vector<std::string> names;
  for (const Flag& flag : known) names.emplace_back(flag.name);
  return did_you_mean(name, names, all_flags(known), "--");
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
  // --message, --format and --key exist in other programs for Kafka. Here they would count as
  // abbreviations of flags of Kafka's tools such as --message-send-max-retries.
  const bool means_another = name == "message" || name == "format" || name == "key";
  if (means_another && !hint_for_foreign_flag(known, name).empty())
    return unknown_flag(known, name);
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
  const std::string hint = hint_for_foreign_flag(known, std::string_view(&letter, 1));
  return wrong_usage(fmt::format("unrecognized option -{}", letter),
                     hint.empty() ? all_flags(known) : hint);
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
        return wrong_usage(fmt::format("unexpected argument \"{}\"", argument),
                           most_words == 0 ? "Leave it out. " + all_flags(known)
                                           : "Leave it out, or use quotes for a value with blanks. "
                                             "--help shows the form of the command.");
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
