// kafka-consumer-groups: the flags, words and exit statuses of Apache Kafka 3.9's tool.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>

#include "base/iso_duration.h"
#include "client/admin/groups.h"
#include "client/admin/reset_plan.h"
#include "client/command_line.h"
#include "client/commands.h"
#include "client/sql/result_printer.h"

namespace client {

namespace {

constexpr Flag kFlags[] = {
    {.name = "all-groups", .doc = "For --describe, --reset-offsets and --delete: all groups"},
    {.name = "all-topics", .doc = "For --reset-offsets: all topics of the group"},
    kBootstrapFlag,
    {.name = "by-duration", .argument = "PnDTnHnMnS", .doc = "Reset to this time before now"},
    {.name = "command-config",
     .argument = "FILE",
     .doc = "Settings of the connection, from a file"},
    {.name = "delete", .doc = "Delete groups that have no members"},
    {.name = "delete-offsets", .doc = "Delete offsets of a group"},
    {.name = "describe", .doc = "Describe a group: its offsets, lag and members"},
    {.name = "dry-run", .doc = "For --reset-offsets: only show the results"},
    {.name = "execute", .doc = "For --reset-offsets: carry it out"},
    {.name = "export", .doc = "For --reset-offsets: show the results as CSV"},
    {.name = "from-file",
     .argument = "FILE",
     .doc =
         "Reset to the offsets in a file of lines TOPIC,PARTITION,OFFSET, as --export writes it"},
    {.name = "group", .argument = "GROUP", .doc = "The group; may be repeated"},
    {.name = "list", .doc = "List all groups"},
    {.name = "members", .doc = "With --describe: the members"},
    {.name = "offsets", .doc = "With --describe: the offsets, as without it"},
    {.name = "reset-offsets", .doc = "Let a group without members continue from other offsets"},
    {.name = "shift-by", .argument = "N", .doc = "Reset by this number of records, also backwards"},
    {.name = "state",
     .argument = "STATES",
     .doc = "With --describe: the state; with --list: also states, or only groups in these",
     .value_if_bare = "all"},
    {.name = "timeout", .argument = "MS", .doc = "Without effect"},
    {.name = "to-current", .doc = "Reset to the current offsets"},
    {.name = "to-datetime", .argument = "YYYY-MM-DDTHH:mm:SS.sss", .doc = "Reset to a time"},
    {.name = "to-earliest", .doc = "Reset to the first offsets"},
    {.name = "to-latest", .doc = "Reset to the ends"},
    {.name = "to-offset", .argument = "OFFSET", .doc = "Reset to an offset"},
    {.name = "topic", .argument = "TOPIC[:N,N]", .doc = "The topic, or partitions of it"},
    {.name = "verbose", .doc = "With --members: also their partitions"},
    {.name = "version"},
    kHelpFlag};

// Returns the width of a column. As in Kafka's tool, it is at least 15.
size_t width(const std::vector<std::string>& texts) {
  size_t widest = 15;
  for (const std::string& each : texts) widest = std::max(widest, each.size());
  return widest;
}

// Prints the rows as Kafka's tool does: a line feed before each row, and no padding in the last
// column.
void print_rows(const std::vector<std::vector<std::string>>& rows,
                const std::vector<size_t>& fixed_widths) {
  std::vector<size_t> widths = fixed_widths;
  for (size_t column = 0; column < widths.size(); ++column) {
    if (widths[column] > 0) continue;
    std::vector<std::string> texts;
    for (const auto& row : rows) texts.push_back(row[column]);
    widths[column] = width(texts);
  }
  for (const auto& row : rows) {
    fmt::print("\n");
    for (size_t column = 0; column < row.size(); ++column)
      column + 1 == row.size() ? fmt::print("{}", row[column])
                               : fmt::print("{:<{}} ", row[column], widths[column]);
  }
  fmt::print("\n");
}

std::string shown(const std::optional<int64_t>& number) {
  return number ? std::to_string(*number) : "-";
}

Result<std::vector<std::string>> chosen_groups(Connection& connection, const Flags& flags) {
  if (!flags.has("all-groups")) return flags.all("group");
  std::vector<std::string> names;
  for (const GroupListing& group : TRY(list_groups(connection))) names.push_back(group.id);
  return names;
}

Status list(Connection& connection, const Flags& flags) {
  const std::vector<GroupListing> groups = TRY(list_groups(connection));
  if (!flags.has("state")) {
    for (const GroupListing& group : groups) fmt::print("{}\n", group.id);
    return {};
  }
  const std::string states = flags.text("state");
  std::vector<std::vector<std::string>> rows{{"GROUP", "STATE"}};
  for (const GroupListing& group : groups)
    if (states == "all" || states.find(group.state) != states.npos)
      rows.push_back({group.id, group.state});
  print_rows(rows, {0, 0});
  return {};
}

// Prints the error or warning that belongs to the state of the group. Returns false if the group
// does not exist, so that its members and offsets are not shown.
bool is_to_be_shown(const GroupDescription& group) {
  if (group.state == "Dead") {
    fmt::print(stderr, "\nError: Consumer group '{}' does not exist.\n", group.id);
    return false;
  }
  if (group.state == "Empty")
    fmt::print(stderr, "\nConsumer group '{}' has no active members.\n", group.id);
  if (group.state.ends_with("Rebalance"))
    fmt::print(stderr, "\nWarning: Consumer group '{}' is rebalancing.\n", group.id);
  return true;
}

Status describe_offsets(Connection& connection, const GroupDescription& group) {
  std::vector<std::vector<std::string>> rows{{"GROUP", "TOPIC", "PARTITION", "CURRENT-OFFSET",
                                              "LOG-END-OFFSET", "LAG", "CONSUMER-ID", "HOST",
                                              "CLIENT-ID"}};
  for (const PartitionProgress& each : TRY(group_progress(connection, group))) {
    const GroupMember* reader = each.reader;
    rows.push_back({group.id, each.partition.first, std::to_string(each.partition.second.value()),
                    shown(each.committed), shown(each.end), shown(each.lag()),
                    reader ? reader->id : "-", reader ? reader->host : "-",
                    reader ? reader->client_id : "-"});
  }
  // A member to which no partitions are assigned gets a row of its own.
  for (const GroupMember& member : group.members)
    if (member.partitions.empty())
      rows.push_back({group.id, "-", "-", "-", "-", "-", member.id, member.host, member.client_id});
  if (rows.size() > 1) print_rows(rows, {0, 0, 10, 15, 15, 15, 0, 0, 0});
  return {};
}

std::string assigned(const GroupMember& member) {
  std::string text;
  for (size_t i = 0; i < member.partitions.size(); ++i) {
    const auto& [topic, partition] = member.partitions[i];
    const bool is_same = i > 0 && member.partitions[i - 1].first == topic;
    if (is_same)
      text += fmt::format(",{}", partition.value());
    else
      text += fmt::format("{}{}({}", i > 0 ? "), " : "", topic, partition.value());
  }
  return text.empty() ? "-" : text + ")";
}

Status describe_members(const GroupDescription& group, const Flags& flags) {
  const bool has_instances = std::ranges::any_of(
      group.members, [](const auto& each) { return each.instance_id.has_value(); });
  std::vector<std::vector<std::string>> rows;
  const auto add = [&](std::string name, std::string id, std::string instance, std::string host,
                       std::string client, std::string count, std::string work) {
    std::vector<std::string>& row = rows.emplace_back();
    row = {std::move(name), std::move(id)};
    if (has_instances) row.push_back(std::move(instance));
    row.insert(row.end(), {std::move(host), std::move(client), std::move(count)});
    if (flags.has("verbose")) row.push_back(std::move(work));
  };
  add("GROUP", "CONSUMER-ID", "GROUP-INSTANCE-ID", "HOST", "CLIENT-ID", "#PARTITIONS",
      "ASSIGNMENT");
  for (const GroupMember& member : group.members)
    add(group.id, member.id, member.instance_id.value_or("-"), member.host, member.client_id,
        std::to_string(member.partitions.size()), assigned(member));
  if (rows.size() > 1) print_rows(rows, std::vector<size_t>(rows[0].size(), 0));
  return {};
}

Status describe(Connection& connection, const Flags& flags) {
  for (const std::string& name : TRY(chosen_groups(connection, flags))) {
    const GroupDescription group = TRY(describe_group(connection, name));
    if (!is_to_be_shown(group)) continue;
    if (flags.has("state"))
      print_rows({{"GROUP", "COORDINATOR (ID)", "ASSIGNMENT-STRATEGY", "STATE", "#MEMBERS"},
                  {group.id, group.coordinator, group.assignor, group.state,
                   std::to_string(group.members.size())}},
                 {0, 25, 20, 15, 0});
    else if (flags.has("members"))
      TRY(describe_members(group, flags));
    else
      TRY(describe_offsets(connection, group));
  }
  return {};
}

Result<NewPosition> read_position(const Flags& flags) {
  using enum NewPosition::Kind;
  if (flags.has("to-earliest")) return NewPosition{Earliest};
  if (flags.has("to-latest")) return NewPosition{Latest};
  if (flags.has("to-current")) return NewPosition{Current};
  if (flags.has("to-datetime"))
    return NewPosition{Time, TRY(parse_datetime(flags.text("to-datetime")))};
  if (flags.has("by-duration")) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return NewPosition{Time, std::chrono::duration_cast<std::chrono::milliseconds>(now).count() -
                                 TRY(parse_iso_duration(flags.text("by-duration")))};
  }
  if (flags.has("shift-by"))
    return NewPosition{ShiftBy, TRY(flags.number("shift-by", 0, INT64_MIN / 2, INT64_MAX / 2))};
  return NewPosition{Offset, TRY(flags.number("to-offset", 0, 0, INT64_MAX))};
}

// Returns the name of the group if the command line names exactly one. In this case, the files of
// --export and --from-file do not contain the name.
std::string only_group(const Flags& flags) {
  const std::vector<std::string> named = flags.all("group");
  return named.size() == 1 && !flags.has("all-groups") ? named[0] : "";
}

// Reads the file of --from-file. Fails if the file contains a group that is not in `chosen`.
Result<ResetPlan> plan_of_file(const Flags& flags, const std::vector<std::string>& chosen) {
  const std::string text = TRY(read_text_file(flags.text("from-file")));
  const auto about_file = [&](Error error) {
    return about(fmt::format("--from-file {}", flags.text("from-file")), std::move(error));
  };
  const auto read = parse_reset_plan(text, only_group(flags));
  if (!read) return about_file(read.error());
  for (const auto& [group, offsets] : *read)
    if (!std::ranges::count(chosen, group))
      return about_file({ErrorCode::InvalidParameter,
                         fmt::format("group {} is not selected; add --group {}", group, group)});
  return *read;
}

std::vector<PartitionName> names_of(const Offsets& offsets) {
  std::vector<PartitionName> names;
  for (const auto& [name, offset] : offsets) names.push_back(name);
  return names;
}

// The target of --reset-offsets: one position for all partitions, or the offsets in a file.
struct ResetTo {
  NewPosition position = {};
  std::optional<ResetPlan> plan = {};
};

// Returns the new offsets of the group. An offset before the beginning or after the end of its
// partition is replaced by the beginning or the end.
Result<Offsets> offsets_after_reset(Connection& connection, const Flags& flags,
                                    const std::string& group, const ResetTo& to) {
  if (to.plan) {
    const auto planned = to.plan->find(group);
    if (planned == to.plan->end()) return Offsets{};
    // Kind::Current means the offsets in planned->second; new_offsets() only moves them into the
    // range of their partitions.
    return new_offsets(connection, {NewPosition::Kind::Current}, names_of(planned->second),
                       planned->second);
  }
  const Offsets committed = TRY(committed_offsets(connection, group));
  std::vector<PartitionName> partitions = TRY(named_partitions(connection, flags.all("topic")));
  if (flags.has("all-topics"))
    for (PartitionName& name : names_of(committed)) partitions.push_back(std::move(name));
  return new_offsets(connection, to.position, partitions, committed);
}

// Prints the offsets in the form that --from-file reads. As in Kafka's tool, the name of the group
// is left out if there is only one group.
void print_exported(const std::vector<std::vector<std::string>>& rows, bool is_one_group) {
  for (size_t i = 1; i < rows.size(); ++i) {
    if (!is_one_group) fmt::print("{},", csv_quoted(rows[i][0]));
    fmt::print("{},{},{}\n", csv_quoted(rows[i][1]), rows[i][2], rows[i][3]);
  }
}

Status reset(Connection& connection, const Flags& flags) {
  // The position is read once, before all requests. So "now" is the same time for all groups, and a
  // wrong position is reported at once.
  ResetTo to;
  if (!flags.has("from-file")) to.position = TRY(read_position(flags));
  const std::vector<std::string> chosen = TRY(chosen_groups(connection, flags));
  if (flags.has("from-file")) to.plan = TRY(plan_of_file(flags, chosen));
  std::vector<std::vector<std::string>> rows{{"GROUP", "TOPIC", "PARTITION", "NEW-OFFSET"}};
  for (const std::string& name : chosen) {
    const GroupDescription group = TRY(describe_group(connection, name));
    if (group.state != "Empty" && group.state != "Dead") {
      fmt::print(stderr,
                 "\nError: Assignments can only be reset if the group '{}' is inactive, but the "
                 "current state is {}.\n",
                 name, group.state);
      continue;
    }
    const Offsets found = TRY(offsets_after_reset(connection, flags, name, to));
    if (flags.has("execute") && !found.empty()) TRY(commit_offsets(connection, name, found));
    for (const auto& [partition, offset] : found)
      rows.push_back({name, partition.first, std::to_string(partition.second.value()),
                      std::to_string(offset)});
  }
  if (flags.has("export"))
    print_exported(rows, !only_group(flags).empty());
  else
    print_rows(rows, {30, 30, 10, 15});
  return {};
}

Status remove(Connection& connection, const Flags& flags) {
  std::string deleted, failed;
  for (const std::string& name : TRY(chosen_groups(connection, flags))) {
    if (const Status done = delete_group(connection, name); !done)
      failed +=
          fmt::format("\n* Group '{}' could not be deleted due to: {}", name, done.error().message);
    else
      deleted += fmt::format("{}'{}'", deleted.empty() ? "" : ", ", name);
  }
  if (!failed.empty()) fmt::print("\nError: Deletion of some consumer groups failed:{}\n", failed);
  if (!deleted.empty() && !failed.empty())
    fmt::print("\nThese consumer groups were deleted successfully: {}\n", deleted);
  else if (!deleted.empty())
    fmt::print("Deletion of requested consumer groups ({}) was successful.\n", deleted);
  return {};
}

Status remove_offsets(Connection& connection, const Flags& flags) {
  const auto partitions = TRY(named_partitions(connection, flags.all("topic")));
  std::vector<std::vector<std::string>> rows{{"TOPIC", "PARTITION", "STATUS"}};
  bool has_failed = false;
  for (const auto& [name, status] :
       TRY(delete_offsets(connection, flags.text("group"), partitions))) {
    has_failed |= !status;
    rows.push_back({name.first, std::to_string(name.second.value()),
                    status ? "Successful" : "Error: " + status.error().message});
  }
  fmt::print("{}\n", has_failed ? "\nEncountered some partition-level error, see the follow-up "
                                  "details:"
                                : "Request succeed for deleting offsets with topic " +
                                      flags.text("topic") + " group " + flags.text("group"));
  print_rows(rows, {30, 15, 15});
  return {};
}

struct Action {
  std::string_view flag;
  Status (*run)(Connection& connection, const Flags& flags);
  bool needs_group, needs_topic;
};
constexpr Action kActions[] = {
    {"list", list, false, false},
    {"describe", describe, true, false},
    {"reset-offsets", reset, true, true},
    {"delete", remove, true, false},
    {"delete-offsets", remove_offsets, true, true},
};
constexpr std::string_view kPlaces[] = {"to-earliest", "to-latest", "to-current", "to-datetime",
                                        "by-duration", "shift-by",  "to-offset",  "from-file"};

Result<const Action*> choose_action(const Flags& flags) {
  const auto wrong = [](std::string message) {
    return Error{ErrorCode::InvalidParameter, std::move(message)};
  };
  if (!flags.has(kBootstrapFlag.name))
    return wrong("Missing required argument \"[bootstrap-server]\"");
  const Action* chosen = nullptr;
  int count = 0;
  for (const Action& action : kActions)
    if (flags.has(action.flag)) {
      chosen = &action;
      ++count;
    }
  if (count != 1)
    return wrong(
        "Command must include exactly one action: --list, --describe, --delete, --reset-offsets, "
        "--delete-offsets.");
  if (chosen->needs_group && !flags.has("group") && !flags.has("all-groups"))
    return wrong(
        fmt::format("Option [{}] takes one of these options: [all-groups], [group]", chosen->flag));
  const bool has_file = chosen->run == reset && flags.has("from-file");
  if (has_file && (flags.has("topic") || flags.has("all-topics")))
    return wrong("--from-file names the partitions; leave out --topic and --all-topics");
  if (chosen->needs_topic && !has_file && !flags.has("topic") && !flags.has("all-topics"))
    return wrong(
        chosen->run == reset
            ? "One of the reset scopes should be defined: --all-topics, --topic, --from-file."
            : "Option [delete-offsets] takes the following option: [topic]");
  if (chosen->run == reset &&
      std::ranges::count_if(kPlaces, [&](auto place) { return flags.has(place); }) != 1)
    return wrong(
        "Option [reset-offsets] takes one of: --to-earliest, --to-latest, --to-current, "
        "--to-datetime, --by-duration, --shift-by, --to-offset, --from-file");
  return chosen;
}

Status run_action(const Action& action, const Flags& flags) {
  Properties properties;
  if (flags.has("command-config"))
    properties = TRY(read_properties_file(flags.text("command-config")));
  const Properties defaults{{"group.id", "kafka-consumer-groups"}};
  Connection connection = TRY(Connection::open(
      RD_KAFKA_CONSUMER, {bootstrap_server(flags), std::move(properties)}, defaults));
  TRY(connection.topics());  // if no server answers, this call fails early with a clear error
  return action.run(connection, flags);
}

constexpr Help kHelp{
    "kafka-consumer-groups --bootstrap-server HOST:PORT ACTION [OPTIONS]",
    "This tool helps to list all consumer groups, describe a consumer group, delete consumer "
    "group\n"
    "info, or reset consumer group offsets.",
    "  kafka-consumer-groups --bootstrap-server localhost:9092 --describe --group g1\n"};

int usage_error(const Error& error) {
  fmt::print(stderr, "{}\nTry: kafka-consumer-groups --help\n", error.message);
  return kFailed;
}

}  // namespace

int run_kafka_consumer_groups(int argc, const char* const* argv) {
  const Result<Flags> flags =
      Flags::parse(kFlags, std::span(argv, static_cast<size_t>(argc)).subspan(1), 0);
  if (!flags) return usage_error(flags.error());
  if (const auto status = tell_of_tool(*flags, argc, kHelp, kFlags)) return *status;
  const Result<const Action*> action = choose_action(*flags);
  if (!action) return usage_error(action.error());
  // Without --execute nothing is changed. In this case Kafka's tool prints this warning.
  if ((*action)->run == reset && !flags->has("execute") && !flags->has("dry-run") &&
      !flags->has("export"))
    fmt::print(stderr,
               "WARN: No action will be performed as the --execute option is missing. In a future "
               "major release, the default behavior of this command will be to prompt the user "
               "before executing the reset rather than doing a dry run. You should add the "
               "--dry-run option explicitly if you are scripting this command and want to keep the "
               "current default behavior without prompting.\n");
  const Status done = run_action(**action, *flags);
  if (done) return 0;
  fmt::print("\nError: Executing consumer group command failed due to {}\n", done.error().message);
  if (!done.error().hint.empty()) fmt::print(stderr, "{}\n", done.error().hint);
  return kFailed;
}

}  // namespace client
