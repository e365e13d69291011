// The actions of `millrace context` and `millrace confluent`, without the parsing of their command
// lines.
#pragma once
#include <string>
#include <string_view>

#include "client/contexts/contexts.h"
#include "client/contexts/object_printer.h"
#include "client/flags.h"
#include "client/sql/pg_session.h"

namespace client {

// A server that runs already, with the addresses that the user has given.
struct KnownServer {
  std::string kafka,
      sql;  // HOST:PORT; the default ports are 9092 and 7432; `sql` may omit the host
  std::string ca, user, password;
};

// Returns the server at `kafka`, with the values of the flags --sql, --username and `ca` (the name
// of the flag for a certificate). Asks the user for the password.
Result<KnownServer> known_server(const Flags& flags, const std::string& kafka, std::string_view ca);

// The functions below change `contexts`, and save them. They fail with InvalidParameter if a name
// is unknown or in use already, and with the errors of the server.
Result<Environment*> create_environment(Contexts& contexts, const std::string& name);
Status delete_environment(Contexts& contexts, std::string_view wanted);
// Returns the current environment; creates one if none exists yet.
Result<Environment*> current_environment(Contexts& contexts);

// Creates a context, and starts a server for it on this machine.
Result<Context*> create_context(Contexts& contexts, const std::string& name,
                                const std::string& environment);
// Adds a context for a server that runs already. Checks that the server answers.
Result<Context*> register_context(Contexts& contexts, const std::string& name,
                                  const std::string& environment, const KnownServer& server);
// Changes the addresses and the user of a context; its id, name, environment and API keys stay. Checks that the server answers.
Status update_context(Contexts& contexts, Context& context, const KnownServer& server);
// Removes a context. If create_context() has started its server, ends the server and removes its
// data directory.
Status delete_context(Contexts& contexts, const Context& context);

// Creates a user with a random name and secret. The user gets the rights to read and write all
// topics, and to create new ones.
Result<ApiKey> create_api_key(Contexts& contexts, Context& context, const std::string& description);
Status delete_api_key(Contexts& contexts, Context& context, std::string_view key);
// Returns the API key that the user has chosen; null if the server does not authenticate users.
// Fails with InvalidParameter if the server needs a key and none is chosen.
Result<const ApiKey*> current_key(const Context& context);

// Returns the API key that the user has chosen; null if none is chosen. For null, the caller uses
// the account that manages the server.
Result<const ApiKey*> chosen_key(const Context& context);

// Returns the parameters of an SQL session with this server. If `key` is null, the session uses the
// account that manages the server.
PgParameters sql_parameters(const Context& context, const ApiKey* key);

bool answers(const Context& context);
Object describe_context(const Contexts& contexts, const Context& context);
// Returns only those fields of describe_context() that are shown in a list of contexts.
Object summarize_context(const Contexts& contexts, const Context& context);

// Asks the user "QUESTION (y/n): ". Fails with QueryCanceled unless the answer is yes.
Status confirm(std::string_view question);
// Shows the prompt and reads a line; empty at the end of the input.
std::string ask_for_line(std::string_view prompt);

}  // namespace client
