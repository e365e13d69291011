// millrace confluent: the command lines of Confluent's command-line interface, for servers that run Millrace.
#include "client/contexts/confluent_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <vector>

#include "base/suggest.h"
#include "client/commands.h"
#include "client/contexts/actions.h"
#include "client/password_prompt.h"

namespace client {

namespace {

constexpr Flag kLoginFlags[] = {
    {.name = "url",
     .argument = "HOST:PORT",
     .doc = "A server that runs already: its Kafka address"},
    {.name = "sql",
     .argument = "HOST:PORT",
     .doc = "Its PostgreSQL address [the same host, port 7432]"},
    {.name = "username",
     .argument = "USER",
     .doc = "A user of it, who may make topics and users [none]"},
    {.name = "certificate-authority-path",
     .argument = "FILE",
     .doc = "Connect with TLS, and check the server with this certificate"},
    {.name = "name", .argument = "NAME", .doc = "What the server is called here [its address]"},
    {.name = "save", .doc = "Accepted: contexts are always kept"},
    {.name = "prompt"},
    {.name = "no-browser"},
    kHelpFlag};
constexpr Flag kPlainFlags[] = {kOutputFlag, kHelpFlag};
constexpr Flag kDeleteFlags[] = {kForceFlag, kEnvironmentFlag, kHelpFlag};
constexpr Flag kEnvironmentCreateFlags[] = {
    kOutputFlag, {.name = "governance-package", .argument = "NAME"}, kHelpFlag};
constexpr Flag kClusterCreateFlags[] = {
    {.name = "endpoint",
     .argument = "HOST:PORT",
     .doc = "A server that runs already: its Kafka address [a new server]"},
    {.name = "sql",
     .argument = "HOST:PORT",
     .doc = "Its PostgreSQL address [the same host, port 7432]"},
    {.name = "username",
     .argument = "USER",
     .doc = "A user of it, who may make topics and users [none]"},
    {.name = "certificate-authority-path",
     .argument = "FILE",
     .doc = "Connect with TLS, and check the server with this certificate"},
    {.name = "cloud", .argument = "NAME", .doc = "Accepted: everything is local"},
    {.name = "region", .argument = "NAME", .doc = "Accepted: everything is local"},
    {.name = "type", .argument = "NAME"},
    {.name = "availability", .argument = "NAME"},
    kOutputFlag,
    kEnvironmentFlag,
    kHelpFlag};
constexpr Flag kClusterFlags[] = {kOutputFlag, kEnvironmentFlag, kHelpFlag};
constexpr Flag kResourceFlag{
    .name = "resource", .argument = "ID", .doc = "The cluster [the chosen one]"};
constexpr Flag kKeyCreateFlags[] = {
    kResourceFlag,
    {.name = "description", .argument = "TEXT", .doc = "For people"},
    {.name = "use", .doc = "Choose the key at once"},
    kOutputFlag,
    kEnvironmentFlag,
    kHelpFlag};
constexpr Flag kKeyFlags[] = {kResourceFlag, kOutputFlag, kEnvironmentFlag, kHelpFlag};
constexpr Flag kKeyDeleteFlags[] = {kResourceFlag, kForceFlag, kEnvironmentFlag, kHelpFlag};

constexpr std::string_view kCertificate = "certificate-authority-path";

Result<std::string> environment_of(ConfluentCall& call) {
  if (call.flags.has(kEnvironmentFlag.name))
    return TRY(call.contexts.find_environment(call.flags.text(kEnvironmentFlag.name)))->id;
  return TRY(current_environment(call.contexts))->id;
}

// Logs in to a server. The address may be empty, because tutorials begin with a login before any
// server exists.
Result<int> login(ConfluentCall& call) {
  const std::string environment = TRY(environment_of(call));
  std::string address = call.flags.text("url");
  const bool asks = address.empty();
  if (asks)
    address = ask_for_line(
        "Address of a server (HOST:PORT; empty: \"confluent kafka cluster create\" starts one): ");
  if (address.empty()) {
    TRY(call.contexts.save());
    fmt::print("{}Logged in without a server.\n", isatty(STDIN_FILENO) ? "" : "\n");
    return 0;
  }
  KnownServer server = TRY(known_server(call.flags, address, kCertificate));
  if (asks && server.user.empty()) {
    server.user = ask_for_line("User (empty: the server asks for none): ");
    if (!server.user.empty()) server.password = TRY(ask_for_password("Password: "));
  }
  const std::string name = call.flags.text("name", address);
  // A second login keeps the ID and the API keys of the cluster, because scripts refer to them. A server that this program has
  // started has its own user, so its context is not changed.
  const Result<Context*> known = call.contexts.find(name);
  const bool is_known = known && (*known)->data_dir.empty();
  if (is_known) TRY(update_context(call.contexts, **known, server));
  const Context* context =
      is_known ? *known : TRY(register_context(call.contexts, name, environment, server));
  call.contexts.current_context = context->id;
  TRY(call.contexts.save());
  fmt::print("Logged in to {}{}. It is the cluster \"{}\", and the chosen one.\n", context->kafka,
             context->user.empty() ? "" : fmt::format(" as \"{}\"", context->user), context->id);
  return 0;
}

Result<int> logout(ConfluentCall& call) {
  call.contexts.current_context.clear();
  call.contexts.current_environment.clear();
  TRY(call.contexts.save());
  fmt::print("You are now logged out. Clusters and keys stay known until they are deleted.\n");
  return 0;
}

Object describe(const Contexts& contexts, const Environment& environment) {
  return {{"Current", "is_current",
           environment.id == contexts.current_environment ? "true" : "false", true},
          {"ID", "id", environment.id},
          {"Name", "name", environment.name},
          {"Stream Governance Package", "stream_governance_package", "NONE"}};
}

Result<int> create_environment_command(ConfluentCall& call) {
  const Environment* environment = TRY(create_environment(call.contexts, call.name()));
  fmt::print("{}", format_object(describe(call.contexts, *environment), call.format));
  return 0;
}

Result<int> list_environments(ConfluentCall& call) {
  std::vector<Object> objects;
  for (const Environment& environment : call.contexts.environments)
    objects.push_back(describe(call.contexts, environment));
  fmt::print("{}", format_list(objects, call.format));
  return 0;
}

Result<int> describe_environment(ConfluentCall& call) {
  const Environment* environment = TRY(call.contexts.find_environment(call.name()));
  fmt::print("{}", format_object(describe(call.contexts, *environment), call.format));
  return 0;
}

Result<int> use_environment(ConfluentCall& call) {
  call.contexts.current_environment = TRY(call.contexts.find_environment(call.name()))->id;
  TRY(call.contexts.save());
  fmt::print("Using environment \"{}\".\n", call.contexts.current_environment);
  return 0;
}

Result<int> delete_environment_command(ConfluentCall& call) {
  const std::string id = TRY(call.contexts.find_environment(call.name()))->id;
  if (!call.flags.has(kForceFlag.name))
    TRY(confirm(fmt::format("Are you sure you want to delete environment \"{}\"?", id)));
  TRY(delete_environment(call.contexts, id));
  fmt::print("Deleted environment \"{}\".\n", id);
  return 0;
}

Result<int> create_cluster(ConfluentCall& call) {
  const std::string environment = TRY(environment_of(call)), endpoint = call.flags.text("endpoint");
  const Context* context = nullptr;
  if (endpoint.empty()) {
    context = TRY(create_context(call.contexts, call.name(), environment));
  } else {
    const KnownServer server = TRY(known_server(call.flags, endpoint, kCertificate));
    context = TRY(register_context(call.contexts, call.name(), environment, server));
  }
  fmt::print("{}", format_object(describe_context(call.contexts, *context), call.format));
  return 0;
}

Result<int> list_clusters(ConfluentCall& call) {
  const std::string environment = TRY(environment_of(call));
  std::vector<Object> objects;
  for (const Context& context : call.contexts.contexts)
    if (context.environment == environment)
      objects.push_back(summarize_context(call.contexts, context));
  fmt::print("{}", format_list(objects, call.format));
  return 0;
}

Result<int> describe_cluster(ConfluentCall& call) {
  const Context* context = TRY(call.contexts.chosen(call.name()));
  fmt::print("{}", format_object(describe_context(call.contexts, *context), call.format));
  return 0;
}

Result<int> use_cluster(ConfluentCall& call) {
  const Context* context = TRY(call.contexts.find(call.name()));
  call.contexts.current_context = context->id;
  TRY(call.contexts.save());
  fmt::print("Set Kafka cluster \"{}\" as the active cluster for environment \"{}\".\n",
             context->id, context->environment);
  return 0;
}

Result<int> delete_cluster(ConfluentCall& call) {
  const Context context = *TRY(call.contexts.find(call.name()));
  if (!call.flags.has(kForceFlag.name)) {
    const std::string data =
        context.data_dir.empty() ? "" : fmt::format(" and its data in {}", context.data_dir);
    TRY(confirm(
        fmt::format("Are you sure you want to delete Kafka cluster \"{}\"{}?", context.id, data)));
  }
  TRY(delete_context(call.contexts, context));
  fmt::print("Deleted Kafka cluster \"{}\".\n", context.id);
  return 0;
}

Result<Context*> resource_of(ConfluentCall& call) {
  return call.contexts.chosen(call.flags.text(kResourceFlag.name));
}

Result<int> create_key(ConfluentCall& call) {
  Context* context = TRY(resource_of(call));
  const ApiKey key = TRY(create_api_key(call.contexts, *context, call.flags.text("description")));
  if (call.flags.has("use")) {
    context->current_key = key.key;
    TRY(call.contexts.save());
  }
  fmt::print("{}", format_object(
                       {{"API Key", "api_key", key.key}, {"API Secret", "api_secret", key.secret}},
                       call.format));
  return 0;
}

Result<int> list_keys(ConfluentCall& call) {
  const Context* context = TRY(resource_of(call));
  std::vector<Object> objects;
  for (const ApiKey& key : context->keys)
    objects.push_back(
        {{"Current", "is_current", key.key == context->current_key ? "true" : "false", true},
         {"Key", "key", key.key},
         {"Description", "description", key.description},
         {"Resource Type", "resource_type", "kafka"},
         {"Resource", "resource", context->id},
         {"Created", "created", key.created}});
  fmt::print("{}", format_list(objects, call.format));
  return 0;
}

// Returns the cluster to which the key belongs. The flag --resource may be missing, because a key
// belongs to one cluster only.
Result<Context*> owner_of_key(ConfluentCall& call, const std::string& wanted) {
  if (call.flags.has(kResourceFlag.name)) TRY(resource_of(call));
  for (Context& context : call.contexts.contexts)
    if (std::ranges::count(context.keys, wanted, &ApiKey::key)) return &context;
  return Error{ErrorCode::InvalidParameter,
               fmt::format("the API key \"{}\" is not known here", wanted),
               {},
               "confluent api-key list shows all keys of a cluster."};
}

Result<int> use_key(ConfluentCall& call) {
  Context* context = TRY(owner_of_key(call, call.name()));
  context->current_key = call.name();
  TRY(call.contexts.save());
  fmt::print("Using API Key \"{}\".\n", call.name());
  return 0;
}

Result<int> delete_key(ConfluentCall& call) {
  const std::string key = call.name();
  Context* context = TRY(owner_of_key(call, key));
  if (!call.flags.has(kForceFlag.name))
    TRY(confirm(fmt::format("Are you sure you want to delete API key \"{}\"?", key)));
  TRY(delete_api_key(call.contexts, *context, key));
  fmt::print("Deleted API key \"{}\".\n", key);
  return 0;
}

constexpr ConfluentCommand kCommands[] = {
    {"login", "", "Registers a server that is running already, or no server.", kLoginFlags, login},
    {"logout", "", "Chooses no cluster and no environment.", kPlainFlags, logout},
    {"environment create", "NAME", "Makes an environment: a group of clusters.",
     kEnvironmentCreateFlags, create_environment_command},
    {"environment list", "", "Lists the environments.", kPlainFlags, list_environments},
    {"environment describe", "ID", "Describes an environment.", kPlainFlags, describe_environment},
    {"environment use", "ID", "Chooses an environment.", kPlainFlags, use_environment},
    {"environment delete", "ID", "Deletes an environment without clusters.", kDeleteFlags,
     delete_environment_command},
    {"kafka cluster create", "NAME",
     "Starts a server on this machine, or registers one that is running already.",
     kClusterCreateFlags, create_cluster},
    {"kafka cluster list", "", "Lists the clusters of the environment.", kClusterFlags,
     list_clusters},
    {"kafka cluster describe", "[ID]", "Describes a cluster.", kClusterFlags, describe_cluster},
    {"kafka cluster use", "ID", "Chooses a cluster.", kClusterFlags, use_cluster},
    {"kafka cluster delete", "ID",
     "Forgets a cluster; ends a server that was started here, and removes its data.", kDeleteFlags,
     delete_cluster},
    {"api-key create", "", "Makes a user of the cluster, with a secret.", kKeyCreateFlags,
     create_key},
    {"api-key list", "", "Lists the keys of a cluster.", kKeyFlags, list_keys},
    {"api-key use", "KEY", "Chooses the key for produce and consume.", kKeyFlags, use_key},
    {"api-key delete", "KEY", "Deletes a key and its user.", kKeyDeleteFlags, delete_key},
};

// Commands that only a hosted service has. `instead` is a sentence about the commands to use with
// this server.
struct Absent {
  std::string_view words, instead;
};
constexpr Absent kAbsent[] = {
    {"kafka acl", "Use kafka-acls of Apache Kafka, or GRANT and REVOKE in \"millrace sql\"."},
    {"kafka client-config", "Use \"millrace context properties\"."},
    {"kafka consumer", "Use \"millrace group\"."},
    {"kafka partition", "Use \"millrace topic describe\"."},
    {"kafka region", "All servers are local: regions do not exist."},
    {"kafka cluster update", "Use \"millrace cluster\", which adds nodes to a server."},
    {"kafka topic update",
     "Use \"millrace config topic NAME KEY=VALUE\", and \"millrace topic alter\" for partitions."},
    {"kafka", "Use \"millrace topic\", \"millrace group\" and \"millrace config\"."},
    {"api-key store", "Use \"millrace context create NAME --endpoint HOST:PORT --username KEY\"."},
    {"schema-registry", "Use the schema registry that each server has at its HTTP address."},
    {"ksql", "Use \"millrace sql\": each server runs SQL itself."},
    {"flink", "Use \"millrace sql\": each server runs SQL itself."},
    {"connect", "Use Kafka Connect, which works with the server's Kafka address."},
    {"iam", "Use CREATE USER, GRANT and REVOKE in \"millrace sql\"."},
    {"context", "Use \"millrace context\"."},
    {"local", "Use \"confluent kafka cluster create NAME\", which starts a server."},
    {"audit-log", "Use the server's own log."},
    {"billing", "A server of your own has no bill."},
    {"cloud-signup", "No account is needed."},
    {"organization", "Use \"confluent environment\"."},
    {"stream-share", "Use CREATE USER and GRANT in \"millrace sql\"."},
    {"network", "Use --kafka, --pg and --http of \"millrace server\"."},
    {"byok", "Use an encrypted file system for the data directory."},
    {"service-quota", "Use quotas by \"kafka-configs\"."},
    {"plugin", "Use a shell script."},
    {"update", "Use the package manager that installed the program."},
};

std::vector<ConfluentCommand> all_commands() {
  std::vector<ConfluentCommand> all(std::begin(kCommands), std::end(kCommands));
  for (const ConfluentCommand& command : confluent_topic_commands()) all.push_back(command);
  return all;
}

std::string usage(const ConfluentCommand& command) {
  return fmt::format("{}{}{}", command.words, command.argument.empty() ? "" : " ",
                     command.argument);
}

void print_commands(std::string_view group) {
  fmt::print(
      "The command lines of Confluent's command-line interface, for servers that run Millrace: on "
      "this machine, or\n"
      "elsewhere. Clusters and keys are kept in ~/.config/millrace/contexts.json.\n\nUsage: "
      "confluent COMMAND [OPTIONS]\n\nCommands:\n");
  for (const ConfluentCommand& command : all_commands())
    if (group.empty() || command.words.starts_with(group))
      fmt::print("  {:<29} {}\n", usage(command), command.summary);
  fmt::print("\nAfter a command, --help shows its options.\n");
}

// Returns the number of words in `words` if the arguments begin with them, and otherwise 0.
size_t match(std::string_view words, std::span<const char* const> arguments) {
  size_t count = 0;
  while (!words.empty()) {
    const std::string_view word = words.substr(0, words.find(' '));
    if (count == arguments.size() || arguments[count] != word) return 0;
    words.remove_prefix(std::min(words.size(), word.size() + 1));
    ++count;
  }
  return count;
}

Error with_help_of(std::string_view command, std::string message) {
  return wrong_usage(std::move(message),
                     fmt::format("Try: confluent {}{}--help", command, command.empty() ? "" : " "));
}

// Returns the words of the command whose last word alone is mistyped in the arguments; empty if there is none.
std::string near_command(const std::vector<ConfluentCommand>& all,
                         std::span<const char* const> arguments) {
  for (size_t count = 1; count <= arguments.size(); ++count) {
    std::string before;
    for (const char* word : arguments.first(count - 1)) before += std::string(word) + " ";
    std::vector<std::string> last_words;
    for (const ConfluentCommand& each : all)
      if (each.words.starts_with(before)) {
        const std::string_view rest = each.words.substr(before.size());
        if (rest.find(' ') == rest.npos) last_words.emplace_back(rest);
      }
    if (const std::string near = nearest_name(arguments[count - 1], last_words); !near.empty())
      return before + near;
  }
  return {};
}

int run(const ConfluentCommand& command, std::span<const char* const> arguments) {
  Result<Flags> flags = Flags::parse(command.flags, arguments, command.argument.empty() ? 0 : 1);
  if (!flags) return report(flags.error());
  if (flags->has(kHelpFlag.name)) {
    print_help({fmt::format("confluent {} [OPTIONS]", usage(command)), command.summary},
               command.flags);
    return 0;
  }
  const bool needs_word = !command.argument.empty() && !command.argument.starts_with('[');
  if (needs_word && flags->words().empty())
    return report(with_help_of(command.words, fmt::format("{} is missing", command.argument)));
  const Result<ObjectFormat> format = parse_object_format(flags->text(kOutputFlag.name, "human"));
  if (!format) return report(format.error());
  Result<Contexts> contexts = Contexts::load();
  if (!contexts) return report(contexts.error());
  ConfluentCall call{std::move(*contexts), std::move(*flags), *format};
  const Result<int> status = command.run(call);
  return status ? *status : report(status.error());
}

}  // namespace

int run_confluent_command(int argc, const char* const* argv) {
  const std::span arguments = std::span(argv, static_cast<size_t>(argc)).subspan(1);
  for (const ConfluentCommand& command : all_commands())
    if (const size_t words = match(command.words, arguments); words > 0)
      return run(command, arguments.subspan(words));
  // If the arguments are only the first words of some commands, perhaps with --help, these commands
  // are listed.
  std::string group;
  for (const char* argument : arguments) {
    const std::string_view word = argument;
    if (word == "--help" || word == "-h" || word == "help") continue;
    group += (group.empty() ? "" : " ") + std::string(word);
  }
  const std::vector<ConfluentCommand> all = all_commands();
  if (std::ranges::any_of(all, [&](const auto& each) {
        return group.empty() || each.words.starts_with(group + ' ');
      })) {
    print_commands(group);
    return 0;
  }
  const std::string problem = fmt::format("unrecognized command \"confluent {}\"", group);
  if (const std::string near = near_command(all, arguments); !near.empty())
    return report(wrong_usage(problem, fmt::format("Did you mean confluent {}?", near)));
  for (const Absent& absent : kAbsent)
    if (match(absent.words, arguments) > 0)
      return report(
          {ErrorCode::NotSupported,
           fmt::format("\"confluent {}\" has no meaning without Confluent's service", absent.words),
           {},
           std::string(absent.instead)});
  return report(with_help_of("", problem));
}

}  // namespace client
