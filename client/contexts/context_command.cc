// millrace context: servers that the user's programs know by name.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <vector>

#include "client/command_line.h"
#include "client/commands.h"
#include "client/contexts/actions.h"
#include "client/contexts/local_server.h"
#include "client/table.h"

namespace client {

namespace {

constexpr Flag kPlainFlags[] = {kHelpFlag};
constexpr Flag kCreateFlags[] = {
    {.name = "endpoint",
     .argument = "HOST:PORT",
     .doc = "A server that runs already: its Kafka address [a new server]"},
    {.name = "sql",
     .argument = "HOST:PORT",
     .doc = "Its PostgreSQL address [the same host, port 7432]"},
    {.name = "username",
     .argument = "USER",
     .doc = "A user of it; the password is asked for [none]"},
    {.name = "ca",
     .argument = "FILE",
     .doc = "Connect with TLS, and check the server with this certificate"},
    kHelpFlag};
constexpr Flag kDeleteFlags[] = {{.name = "force", .doc = "Delete without a question"}, kHelpFlag};

Status list(Contexts& contexts, const Flags&) {
  std::vector<std::vector<std::string>> rows;
  for (const Context& context : contexts.contexts)
    rows.push_back({context.id == contexts.current_context ? "*" : "", context.name, context.kafka,
                    context.sql, context.user,
                    context.data_dir.empty() ? ""
                    : is_running(context)    ? "running"
                                             : "stopped"});
  if (rows.empty())
    fmt::print("No server is known: millrace context create NAME\n");
  else
    fmt::print("{}",
               format_table({{""}, {"NAME"}, {"KAFKA"}, {"SQL"}, {"USER"}, {"SERVER"}}, rows));
  return {};
}

std::string name_of(const Flags& flags) {
  return flags.words().empty() ? "" : flags.words().front();
}

Status create(Contexts& contexts, const Flags& flags) {
  const std::string environment = TRY(current_environment(contexts))->id;
  const Context* context = nullptr;
  if (flags.has("endpoint")) {
    const KnownServer server = TRY(known_server(flags, flags.text("endpoint"), "ca"));
    context = TRY(register_context(contexts, name_of(flags), environment, server));
  } else {
    context = TRY(create_context(contexts, name_of(flags), environment));
  }
  contexts.current_context = context->id;
  TRY(contexts.save());
  fmt::print("Created context {}: Kafka at {}, SQL at {}.\n", context->name, context->kafka,
             context->sql);
  return {};
}

Status use(Contexts& contexts, const Flags& flags) {
  const Context* context = TRY(contexts.find(name_of(flags)));
  contexts.current_context = context->id;
  TRY(contexts.save());
  fmt::print("Using context {}.\n", context->name);
  return {};
}

Status show(Contexts& contexts, const Flags& flags) {
  const Context* context = TRY(contexts.chosen(name_of(flags)));
  fmt::print("{}", format_object(describe_context(contexts, *context), ObjectFormat::Human));
  return {};
}

Status show_properties(Contexts& contexts, const Flags& flags) {
  const Context* context = TRY(contexts.chosen(name_of(flags)));
  const ApiKey* key = TRY(chosen_key(*context));
  fmt::print("bootstrap.servers={}\n", context->kafka);
  for (const auto& [name, value] : kafka_properties(*context, key))
    fmt::print("{}={}\n", name, value);
  return {};
}

Status start(Contexts& contexts, const Flags& flags) {
  Context* context = TRY(contexts.chosen(name_of(flags)));
  if (context->data_dir.empty())
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("the server of context {} was not started here", context->name),
                 {},
                 "Start it where it runs."};
  if (!is_running(*context)) TRY(start_server(*context));
  TRY(contexts.save());
  fmt::print("The server of context {} runs: Kafka at {}, SQL at {}.\n", context->name,
             context->kafka, context->sql);
  return {};
}

Status stop(Contexts& contexts, const Flags& flags) {
  Context* context = TRY(contexts.chosen(name_of(flags)));
  if (context->data_dir.empty())
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("the server of context {} was not started here", context->name),
                 {},
                 "Stop it where it runs."};
  TRY(stop_server(*context));
  TRY(contexts.save());
  fmt::print("The server of context {} has ended. Its data stay in {}.\n", context->name,
             context->data_dir);
  return {};
}

Status remove(Contexts& contexts, const Flags& flags) {
  const Context context = *TRY(contexts.find(name_of(flags)));
  if (!flags.has("force"))
    TRY(confirm(fmt::format(
        "Delete context {}{}?", context.name,
        context.data_dir.empty() ? "" : fmt::format(" and its data in {}", context.data_dir))));
  TRY(delete_context(contexts, context));
  fmt::print("Deleted context {}.\n", context.name);
  return {};
}

struct Action {
  std::string_view name, argument, summary;
  std::span<const Flag> flags;
  Status (*run)(Contexts& contexts, const Flags& flags);
};
constexpr Action kActions[] = {
    {"list", "", "Lists the servers that are known.", kPlainFlags, list},
    {"create", "NAME",
     "Starts a server on this machine, or registers one that is running already, and chooses it.",
     kCreateFlags, create},
    {"use", "NAME", "Chooses a server.", kPlainFlags, use},
    {"show", "[NAME]", "Shows the addresses of a server, and whether it answers.", kPlainFlags,
     show},
    {"properties", "[NAME]", "Prints the settings of a Kafka client for it, with the secret.",
     kPlainFlags, show_properties},
    {"start", "[NAME]", "Starts a server again that was made here.", kPlainFlags, start},
    {"stop", "[NAME]", "Ends a server that was started here.", kPlainFlags, stop},
    {"delete", "NAME", "Forgets a server; ends one that was started here, and removes its data.",
     kDeleteFlags, remove},
};

std::string usage(const Action& action) {
  return fmt::format("{}{}{}", action.name, action.argument.empty() ? "" : " ", action.argument);
}

void print_actions() {
  fmt::print(
      "Servers that are known by name, in ~/.config/millrace/contexts.json, with their addresses, "
      "certificates and\n"
      "secrets. \"millrace confluent\" uses the same ones.\n\nUsage: millrace context ACTION "
      "[OPTIONS]\n\nActions:\n");
  for (const Action& action : kActions) fmt::print("  {:<10}  {}\n", action.name, action.summary);
  fmt::print(
      "\nAfter an action, --help shows its options.\n\nExamples:\n"
      "  millrace context create orders\n"
      "  millrace context create live --endpoint db.example.org:9092 --username ann\n"
      "  millrace sql --context orders\n");
}

}  // namespace

int run_context_command(int argc, const char* const* argv) {
  const std::string_view name = argc > 1 ? argv[1] : "";
  if (name == "--help" || name == "-h") {
    print_actions();
    return 0;
  }
  const auto* action = std::ranges::find(kActions, name, &Action::name);
  if (action == std::end(kActions)) {
    std::vector<std::string> names;
    for (const Action& each : kActions) names.emplace_back(each.name);
    return report_unknown_action("millrace context", name, std::move(names));
  }
  const Result<Flags> flags =
      Flags::parse(action->flags, std::span(argv, static_cast<size_t>(argc)).subspan(2),
                   action->argument.empty() ? 0 : 1);
  if (!flags) return report(flags.error(), kUsageError);
  if (flags->has(kHelpFlag.name)) {
    print_help({fmt::format("millrace context {} [OPTIONS]", usage(*action)), action->summary},
               action->flags);
    return 0;
  }
  if (action->argument == "NAME" && flags->words().empty())
    return report(
        {ErrorCode::InvalidParameter, "the name is missing", {}, "Try: millrace context --help"},
        kUsageError);
  Result<Contexts> contexts = Contexts::load();
  if (!contexts) return report(contexts.error());
  const Status done = action->run(*contexts, *flags);
  return done ? 0 : report(done.error());
}

}  // namespace client
