#include "client/contexts/actions.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <filesystem>

#include "client/connection.h"
#include "client/contexts/local_server.h"
#include "client/password_prompt.h"
#include "client/sql/pg_session.h"
#include "client/user_folder.h"

namespace client {

namespace {

constexpr size_t kIdSize = 6, kKeySize = 16, kSecretSize = 64,
                 kPasswordSize = 32;  // the length of Confluent's secrets

// Returns HOST:PORT for HOST, HOST:PORT or SCHEME://HOST:PORT/.
std::string address_of(std::string text, int usual_port) {
  if (const size_t scheme = text.find("://"); scheme != text.npos) text.erase(0, scheme + 3);
  text = text.substr(0, text.find('/'));
  const size_t bracket = text.rfind(']');  // an IPv6 address is in brackets
  if (text.find(':', bracket == text.npos ? 0 : bracket) == text.npos)
    text += fmt::format(":{}", usual_port);
  return text;
}

std::pair<std::string, std::string> host_and_port(const std::string& address) {
  const size_t colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return {host, address.substr(colon + 1)};
}

Status check_new_name(Contexts& contexts, const std::string& name) {
  if (name.empty()) return wrong_usage("the name is empty");
  if (contexts.find(name))
    return wrong_usage(fmt::format("a cluster with the name \"{}\" exists already", name),
                       "Choose another name, or delete that one.");
  return {};
}

Result<PgSession> open_sql(const Context& context) {
  return PgSession::open(sql_parameters(context, nullptr), PgSession::Password::NeverAsk);
}

// Sets the addresses and the user of the server. Fails if no Kafka connection to the server can be opened with them.
Result<Context> with_server(Context context, const KnownServer& server) {
  context.kafka = address_of(server.kafka, 9092);
  context.sql =
      address_of(server.sql.empty() ? host_and_port(context.kafka).first : server.sql, 7432);
  context.ca = server.ca.empty() ? "" : std::filesystem::absolute(server.ca).string();
  context.user = server.user;
  context.password = server.password;
  Connection connection = TRY(
      Connection::open(RD_KAFKA_PRODUCER, {context.kafka, kafka_properties(context, nullptr)}, {}));
  TRY(connection.topics());
  return context;
}

Result<Context*> add(Contexts& contexts, Context context) {
  contexts.contexts.push_back(std::move(context));
  TRY(contexts.save());
  return &contexts.contexts.back();
}

}  // namespace

PgParameters sql_parameters(const Context& context, const ApiKey* key) {
  const auto [host, port] = host_and_port(context.sql);
  PgParameters parameters = {{"host", host}, {"port", port}, {"dbname", "millrace"}};
  const std::string& user = key ? key->key : context.user;
  if (!user.empty()) {
    parameters.emplace_back("user", user);
    parameters.emplace_back("password", key ? key->secret : context.password);
  }
  if (!context.ca.empty()) {
    parameters.emplace_back("sslmode", "verify-full");
    parameters.emplace_back("sslrootcert", context.ca);
  }
  return parameters;
}

Result<KnownServer> known_server(const Flags& flags, const std::string& kafka,
                                 std::string_view ca) {
  KnownServer server{kafka, flags.text("sql"), flags.text(ca), flags.text("username"), ""};
  if (!server.user.empty())
    server.password = TRY(ask_for_password(fmt::format("Password for user {}: ", server.user)));
  return server;
}

Result<Environment*> create_environment(Contexts& contexts, const std::string& name) {
  if (contexts.find_environment(name))
    return wrong_usage(fmt::format("an environment with the name \"{}\" exists already", name));
  contexts.environments.push_back({"env-" + random_name(RandomName::Id, kIdSize), name});
  TRY(contexts.save());
  return &contexts.environments.back();
}

Status delete_environment(Contexts& contexts, std::string_view wanted) {
  const Environment* found = TRY(contexts.find_environment(wanted));
  const std::string id = found->id;
  for (const Context& context : contexts.contexts)
    if (context.environment == id)
      return wrong_usage(
          fmt::format("the environment \"{}\" still has the cluster \"{}\" ({})", id, context.id,
                      context.name),
          fmt::format("Delete it first: confluent kafka cluster delete {}", context.id));
  std::erase_if(contexts.environments, [&](const Environment& each) { return each.id == id; });
  if (contexts.current_environment == id) contexts.current_environment.clear();
  return contexts.save();
}

Result<Environment*> current_environment(Contexts& contexts) {
  if (!contexts.current_environment.empty())
    return contexts.find_environment(contexts.current_environment);
  Result<Environment*> environment = contexts.find_environment("default");
  if (!environment) environment = create_environment(contexts, "default");
  if (environment) contexts.current_environment = (*environment)->id;
  return environment;
}

Result<Context*> create_context(Contexts& contexts, const std::string& name,
                                const std::string& environment) {
  TRY(check_new_name(contexts, name));
  Context context;
  context.id = "lkc-" + random_name(RandomName::Id, kIdSize);
  context.name = name;
  context.environment = environment;
  context.user = "millrace";
  context.password = random_name(RandomName::Secret, kPasswordSize);
  context.data_dir = fmt::format("{}/{}", TRY(make_user_folder(UserFolder::Data)), context.id);
  const Status started = start_server(context);
  if (started) return add(contexts, std::move(context));
  std::error_code ignored;
  std::filesystem::remove_all(context.data_dir, ignored);
  return started.error();
}

Result<Context*> register_context(Contexts& contexts, const std::string& name,
                                  const std::string& environment, const KnownServer& server) {
  TRY(check_new_name(contexts, name));
  Context context;
  context.id = "lkc-" + random_name(RandomName::Id, kIdSize);
  context.name = name;
  context.environment = environment;
  return add(contexts, TRY(with_server(std::move(context), server)));
}

Status update_context(Contexts& contexts, Context& context, const KnownServer& server) {
  context = TRY(with_server(context, server));
  return contexts.save();
}

Status delete_context(Contexts& contexts, const Context& context) {
  Context gone = context;
  TRY(stop_server(gone));
  std::error_code error;
  if (!gone.data_dir.empty()) std::filesystem::remove_all(gone.data_dir, error);
  if (error)
    return Error{ErrorCode::StorageFailure,
                 fmt::format("cannot remove {}: {}", gone.data_dir, error.message())};
  std::erase_if(contexts.contexts, [&](const Context& each) { return each.id == gone.id; });
  if (contexts.current_context == gone.id) contexts.current_context.clear();
  return contexts.save();
}

Result<ApiKey> create_api_key(Contexts& contexts, Context& context,
                              const std::string& description) {
  PgSession session = TRY(open_sql(context));
  ApiKey key{random_name(RandomName::Key, kKeySize), random_name(RandomName::Secret, kSecretSize),
             description, fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)))};
  // The name and the secret consist of letters and digits, so they need no escapes in SQL.
  TRY(session.ask(fmt::format("CREATE USER \"{}\" PASSWORD '{}'", key.key, key.secret)));
  TRY(session.ask(fmt::format("GRANT SELECT, INSERT ON ALL TO \"{}\"", key.key)));
  TRY(session.ask(fmt::format("GRANT CREATE ON ALL TO \"{}\"", key.key)));
  context.keys.push_back(key);
  TRY(contexts.save());
  return key;
}

Status delete_api_key(Contexts& contexts, Context& context, std::string_view key) {
  PgSession session = TRY(open_sql(context));
  TRY(session.ask(fmt::format("DROP USER IF EXISTS \"{}\"", key)));
  std::erase_if(context.keys, [&](const ApiKey& each) { return each.key == key; });
  if (context.current_key == key) context.current_key.clear();
  return contexts.save();
}

Result<const ApiKey*> current_key(const Context& context) {
  for (const ApiKey& key : context.keys)
    if (key.key == context.current_key) return &key;
  if (context.user.empty()) return nullptr;
  return wrong_usage(
      fmt::format("no API key is chosen for the cluster \"{}\"", context.id),
      fmt::format("Make one with \"confluent api-key create --resource {0}\", and choose "
                  "it with \"confluent api-key use "
                  "KEY --resource {0}\".",
                  context.id));
}

Result<const ApiKey*> chosen_key(const Context& context) {
  if (context.current_key.empty()) return nullptr;
  return current_key(context);
}

bool answers(const Context& context) {
  Result<Connection> connection =
      Connection::open(RD_KAFKA_PRODUCER, {context.kafka, kafka_properties(context, nullptr)}, {});
  return connection && connection->topics();
}

Object describe_context(const Contexts& contexts, const Context& context) {
  const bool is_local = !context.data_dir.empty();
  const std::string protocol = value_of(kafka_properties(context, nullptr), "security.protocol");
  return {
      {"Current", "is_current", context.id == contexts.current_context ? "true" : "false", true},
      {"ID", "id", context.id},
      {"Name", "name", context.name},
      {"Type", "type", is_local ? "LOCAL" : "REGISTERED"},
      {"Ingress Limit (MB/s)", "ingress_limit", "unlimited"},
      {"Egress Limit (MB/s)", "egress_limit", "unlimited"},
      {"Storage", "storage", is_local ? context.data_dir : "of the server"},
      {"Cloud", "cloud", "local"},
      {"Region", "region", "local"},
      {"Availability", "availability", is_local ? "single-zone" : "of the server"},
      {"Status", "status", answers(context) ? "UP" : "DOWN"},
      {"Endpoint", "endpoint",
       fmt::format("{}://{}", protocol.empty() ? "PLAINTEXT" : protocol, context.kafka)},
      {"REST Endpoint", "rest_endpoint",
       context.http.empty() ? "" : fmt::format("http://{}", context.http)}};
}

Object summarize_context(const Contexts& contexts, const Context& context) {
  Object whole = describe_context(contexts, context);
  Object object;
  for (Field& field : whole)
    for (const char* name : {"is_current", "id", "name", "type", "cloud", "region", "availability",
                             "status", "endpoint"})
      if (field.name == name) object.push_back(std::move(field));
  return object;
}

std::string ask_for_line(std::string_view prompt) {
  fmt::print("{}", prompt);
  std::fflush(stdout);
  std::string line;
  for (int c = std::getchar(); c != EOF && c != '\n'; c = std::getchar())
    line += static_cast<char>(c);
  return line;
}

Status confirm(std::string_view question) {
  const std::string answer = ask_for_line(fmt::format("{} (y/n): ", question));
  if (answer == "y" || answer == "Y" || answer == "yes") return {};
  return Error{ErrorCode::QueryCanceled, "nothing was deleted", {}, "Answer y, or use --force."};
}

}  // namespace client
