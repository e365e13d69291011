// millrace group: lists, describes, moves and deletes consumer groups.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "base/iso_duration.h"
#include "client/admin/groups.h"
#include "client/admin/share_groups.h"
#include "client/command_line.h"
#include "client/commands.h"
#include "client/misplaced_action.h"
#include "client/security.h"
#include "client/table.h"

namespace client {

namespace {

constexpr Flag kGroupFlag{
    .name = "group", .argument = "GROUP", .doc = "The group, also as an argument"};

constexpr Flag kListFlags[] = {kBootstrapFlag, kCommandConfigFlag, kCommandPropertyFlag, kHelpFlag};
constexpr Flag kGroupFlags[] = {kGroupFlag, kBootstrapFlag, kCommandConfigFlag,
                                kCommandPropertyFlag, kHelpFlag};
constexpr Flag kResetFlags[] = {
    kGroupFlag,
    {.name = "topic",
     .argument = "TOPIC[:N,N]",
     .doc = "Only this topic, or these partitions of it; may be repeated [all topics with "
            "committed offsets]"},
    {.name = "to-earliest", .doc = "To the first present record"},
    {.name = "to-latest", .doc = "To the end: only records that arrive from now on"},
    {.name = "to-datetime",
     .argument = "TIME",
     .doc = "To the first record of that time or later: 2026-01-31T12:30:00.000"},
    {.name = "by-duration", .argument = "DURATION", .doc = "To this time before now: PT1H30M"},
    {.name = "shift-by", .argument = "N", .doc = "By this number of records, or back: -10"},
    {.name = "to-offset", .argument = "OFFSET", .doc = "To this offset in each partition"},
    {.name = "to-current", .doc = "To the current offset, limited to the present records"},
    {.name = "dry-run", .doc = "Show the result without changing anything"},
    {.name = "execute",
     .doc = "Change the offsets, which also happens without this option; kafka-consumer-groups "
            "requires it"},
    kBootstrapFlag,
    kCommandConfigFlag,
    kCommandPropertyFlag,
    kHelpFlag};

struct GroupRequest {
  Connection::Settings settings;
  std::vector<std::string> groups, topics;
  NewPosition position;
  bool is_dry_run = false;
};

std::string shown(const std::optional<int64_t>& number) { return number ? grouped(*number) : "-"; }

// Lists share groups, which librdkafka does not support. If the request fails, returns an empty
// list, so that the other groups are shown anyway.
std::vector<GroupListing> share_groups(const GroupRequest& request) {
  Result<std::vector<GroupListing>> groups = list_share_groups(request.settings);
  return groups ? *std::move(groups) : std::vector<GroupListing>();
}

Status list(Connection& connection, const GroupRequest& request) {
  std::vector<std::vector<std::string>> rows;
  for (const GroupListing& group : TRY(list_groups(connection)))
    rows.push_back({group.id, group.state, ""});
  for (const GroupListing& group : share_groups(request))
    rows.push_back({group.id, group.state, "share"});
  std::ranges::sort(rows);
  if (rows.empty()) {
    fmt::print(
        "No consumer groups exist yet. Create one with: millrace consume TOPIC --group "
        "NAME\n");
    return {};
  }
  fmt::print("{}", format_table({{"GROUP"}, {"STATE"}, {"TYPE"}}, rows));
  return {};
}

Error no_such_group(const std::string& group) {
  return {ErrorCode::UndefinedObject,
          fmt::format("consumer group \"{}\" does not exist", group),
          {},
          "Use millrace group list to show the consumer groups."};
}

Status describe_share(const ShareGroupDescription& group) {
  fmt::print("Share group {}: {}, {} member{}\n", group.id, group.state, group.members.size(),
             group.members.size() == 1 ? "" : "s");
  std::vector<std::vector<std::string>> rows;
  int64_t lag = 0;
  const auto known = [](int64_t number) { return number < 0 ? "-" : grouped(number); };
  for (const SharedPartition& each : group.partitions) {
    lag += std::max<int64_t>(each.lag, 0);
    rows.push_back({each.partition.first, std::to_string(each.partition.second.value()),
                    known(each.start_offset), known(each.lag)});
  }
  using enum Column::Align;
  if (!rows.empty())
    fmt::print(
        "{}Total lag: {}\n",
        format_table({{"TOPIC"}, {"PARTITION", Right}, {"START", Right}, {"LAG", Right}}, rows),
        grouped(lag));
  for (const GroupMember& member : group.members) {
    std::string reads;
    for (const auto& [topic, partition] : member.partitions)
      reads += fmt::format("{}{}-{}", reads.empty() ? "" : ", ", topic, partition.value());
    fmt::print("Member {} at {} reads {}.\n", member.id, member.host,
               reads.empty() ? "nothing" : reads);
  }
  return {};
}

Status describe_one(Connection& connection, const GroupRequest& request, const std::string& name) {
  const GroupDescription group = TRY(describe_group(connection, name));
  if (group.state == "Dead") {
    const auto share = describe_share_group(request.settings, name);
    return share ? describe_share(*share) : no_such_group(name);
  }
  fmt::print("Group {}: {}, {} member{}{}\n", name, group.state, group.members.size(),
             group.members.size() == 1 ? "" : "s",
             group.assignor.empty() ? "" : fmt::format(", assignor {}", group.assignor));
  std::vector<std::vector<std::string>> rows;
  int64_t lag = 0;
  for (const PartitionProgress& each : TRY(group_progress(connection, group))) {
    lag += each.lag().value_or(0);
    rows.push_back({each.partition.first, std::to_string(each.partition.second.value()),
                    shown(each.committed), shown(each.end), shown(each.lag()),
                    each.reader ? each.reader->id : "-", each.reader ? each.reader->host : "-"});
  }
  if (rows.empty()) return {};
  using enum Column::Align;
  fmt::print("{}Total lag: {}\n",
             format_table({{"TOPIC"},
                           {"PARTITION", Right},
                           {"COMMITTED", Right},
                           {"END", Right},
                           {"LAG", Right},
                           {"MEMBER"},
                           {"HOST"}},
                          rows),
             grouped(lag));
  for (const GroupMember& member : group.members)
    if (member.partitions.empty())
      fmt::print("Member {} at {} has nothing to read.\n", member.id, member.host);
  return {};
}

Status describe(Connection& connection, const GroupRequest& request) {
  std::vector<std::string> names = request.groups;
  if (names.empty())
    for (const GroupListing& group : TRY(list_groups(connection))) names.push_back(group.id);
  if (request.groups.empty())
    for (const GroupListing& group : share_groups(request)) names.push_back(group.id);
  for (size_t i = 0; i < names.size(); ++i) {
    if (i > 0) fmt::print("\n");
    TRY(describe_one(connection, request, names[i]));
  }
  return {};
}

Status reset_one(Connection& connection, const GroupRequest& request, const std::string& name) {
  const GroupDescription group = TRY(describe_group(connection, name));
  if (!group.members.empty())
    return Error{ErrorCode::ObjectState,
                 fmt::format("group \"{}\" has {} member{}", name, group.members.size(),
                             group.members.size() == 1 ? "" : "s"),
                 {},
                 "Stop its consumers before you change its offsets."};
  const Offsets committed = TRY(committed_offsets(connection, name));
  std::vector<PartitionName> partitions = TRY(named_partitions(connection, request.topics));
  if (request.topics.empty())
    for (const auto& [partition, offset] : committed) partitions.push_back(partition);
  if (partitions.empty())
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("group \"{}\" has no committed offsets", name),
                 {},
                 "Name the topic with --topic."};
  const Offsets found = TRY(new_offsets(connection, request.position, partitions, committed));
  if (!request.is_dry_run) TRY(commit_offsets(connection, name, found));
  std::vector<std::vector<std::string>> rows;
  for (const auto& [partition, offset] : found) {
    const auto before = committed.find(partition);
    rows.push_back({partition.first, std::to_string(partition.second.value()),
                    before == committed.end() ? "-" : grouped(before->second), grouped(offset)});
  }
  using enum Column::Align;
  fmt::print(
      "Group {}{}\n{}", name, request.is_dry_run ? " would continue from:" : " continues from:",
      format_table({{"TOPIC"}, {"PARTITION", Right}, {"BEFORE", Right}, {"NOW", Right}}, rows));
  return {};
}

Status reset(Connection& connection, const GroupRequest& request) {
  for (const std::string& name : request.groups) TRY(reset_one(connection, request, name));
  return {};
}

Status remove(Connection& connection, const GroupRequest& request) {
  for (const std::string& name : request.groups) {
    const Status deleted = delete_group(connection, name);
    if (!deleted && deleted.error().code == ErrorCode::UndefinedObject) return no_such_group(name);
    if (!deleted) return about(fmt::format("cannot delete group \"{}\"", name), deleted.error());
    fmt::print("Deleted group {}.\n", name);
  }
  return {};
}

Result<NewPosition> read_position(const Flags& flags) {
  using enum NewPosition::Kind;
  std::vector<NewPosition> asked;
  if (flags.has("to-earliest")) asked.push_back({Earliest});
  if (flags.has("to-latest")) asked.push_back({Latest});
  if (flags.has("to-current")) asked.push_back({Current});
  if (flags.has("to-datetime"))
    asked.push_back({Time, TRY(parse_datetime(flags.text("to-datetime")))});
  if (flags.has("by-duration")) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    asked.push_back({Time, std::chrono::duration_cast<std::chrono::milliseconds>(now).count() -
                               TRY(parse_iso_duration(flags.text("by-duration")))});
  }
  if (flags.has("shift-by"))
    asked.push_back({ShiftBy, TRY(flags.number("shift-by", 0, INT64_MIN / 2, INT64_MAX / 2))});
  if (flags.has("to-offset"))
    asked.push_back({Offset, TRY(flags.number("to-offset", 0, 0, INT64_MAX))});
  if (asked.size() != 1)
    return Error{ErrorCode::InvalidParameter,
                 asked.empty() ? "a target is missing: --to-earliest, --to-latest, --to-datetime, "
                                 "..."
                               : "only one target is allowed",
                 {},
                 "For example: millrace group reset-offsets billing --topic orders --to-earliest."};
  return asked.front();
}

enum class Groups { None, Any, AtLeastOne };
struct Action {
  std::string_view name;
  std::span<const Flag> flags;
  Groups groups;
  Help help;
  Status (*run)(Connection& connection, const GroupRequest& request);
};
constexpr Action kActions[] = {
    {"list",
     kListFlags,
     Groups::None,
     {"millrace group list [OPTIONS]", "Shows all consumer groups."},
     list},
    {"describe",
     kGroupFlags,
     Groups::Any,
     {"millrace group describe [GROUP...] [OPTIONS]",
      "Shows offsets, lag and members of groups; of all groups if none is named.",
      "  millrace group describe billing\n"},
     describe},
    {"reset-offsets",
     kResetFlags,
     Groups::AtLeastOne,
     {"millrace group reset-offsets GROUP... PLACE [OPTIONS]",
      "Lets groups continue from other offsets. Their consumers must be stopped.",
      "  millrace group reset-offsets billing --to-earliest\n"
      "  millrace group reset-offsets billing --topic orders:0,2 --shift-by -10\n"
      "  millrace group reset-offsets billing --to-datetime 2026-01-31T12:30:00 --dry-run\n"},
     reset},
    {"delete",
     kGroupFlags,
     Groups::AtLeastOne,
     {"millrace group delete GROUP... [OPTIONS]", "Deletes groups that have no members.",
      "  millrace group delete billing\n"},
     remove},
};

void print_actions() {
  fmt::print("Works on consumer groups.\n\nUsage: millrace group ACTION [OPTIONS]\n\nActions:\n");
  for (const Action& action : kActions)
    fmt::print("  {:<14} {}\n", action.name, action.help.summary);
  fmt::print(
      "\nAfter an action, --help shows its options.\n\nExamples:\n"
      "  millrace group list\n"
      "  millrace group describe billing -b localhost:9092\n");
}

Result<GroupRequest> read_command_line(const Action& action, const Flags& flags) {
  GroupRequest request;
  request.settings = {bootstrap_server(flags), TRY(connection_properties(flags))};
  request.groups = flags.all(kGroupFlag.name);
  request.groups.insert(request.groups.end(), flags.words().begin(), flags.words().end());
  request.topics = flags.all("topic");
  request.is_dry_run = flags.has("dry-run");
  if (action.groups == Groups::AtLeastOne && request.groups.empty())
    return Error{ErrorCode::InvalidParameter,
                 "the name of a group is missing",
                 {},
                 "It follows the action. millrace group list shows the groups."};
  if (request.is_dry_run && flags.has("execute"))
    return Error{ErrorCode::InvalidParameter, "--execute and --dry-run exclude each other"};
  if (action.run == reset) request.position = TRY(read_position(flags));
  return request;
}

Status run_action(const Action& action, const GroupRequest& request) {
  // Only consumers can look up offsets by time, so the connection is a consumer. It joins no group.
  const Properties defaults{{"group.id", "millrace-group-command"}};
  Connection connection = TRY(Connection::open(RD_KAFKA_CONSUMER, request.settings, defaults));
  TRY(connection.topics());  // if no server answers, this call fails early with a clear error
  return action.run(connection, request);
}

}  // namespace

int run_group_command(int argc, const char* const* argv) {
  const std::string_view name = argc > 1 ? argv[1] : "";
  if (name == "--help" || name == "-h") {
    print_actions();
    return 0;
  }
  const auto* action = std::ranges::find(kActions, name, &Action::name);
  if (action == std::end(kActions)) {
    std::vector<std::string> names;
    for (const Action& each : kActions) names.emplace_back(each.name);
    if (argc > 1)
      if (const auto status = report_misplaced_action(
              "millrace group", std::span(argv, static_cast<size_t>(argc)).subspan(1), names))
        return *status;
    return report_unknown_action("millrace group", name, std::move(names));
  }
  const Result<Flags> flags =
      Flags::parse(action->flags, std::span(argv, static_cast<size_t>(argc)).subspan(2),
                   action->groups == Groups::None ? 0 : SIZE_MAX);
  if (!flags) return report(flags.error(), kUsageError);
  if (flags->has(kHelpFlag.name)) {
    print_help(action->help, action->flags);
    return 0;
  }
  const Result<GroupRequest> request = read_command_line(*action, *flags);
  if (!request) return report(request.error(), kUsageError);
  const Status done = run_action(*action, *request);
  return done ? 0 : report(done.error());
}

}  // namespace client
