// The actions behind `millrace context` and `millrace confluent`, without their command lines.
#pragma once
#include <string>
#include <string_view>

#include "client/contexts/contexts.h"
#include "client/contexts/object_printer.h"
#include "client/flags.h"
#include "client/sql/pg_session.h"

namespace client {

// A server that exists already, with the addresses that the user has given.
struct KnownServer {
  std::string kafka,
      sql;  // HOST:PORT; the default ports are 9092 and 7432; `sql` may omit the host
  std::string ca, user, password;
};

// Reads the server at `kafka` from the flags --sql and --username, and from the flag `ca` that names a certificate. Asks
// for the password of the user.
Result<KnownServer> known_server(const Flags& flags, const std::string& kafka, std::string_view ca);

// The following functions change `contexts` and save them. They fail with InvalidParameter for a name that is in use or
// unknown, and with the server's own errors.
Result<Environment*> create_environment(Contexts& contexts, const std::string& name);
Status delete_environment(Contexts& contexts, std::string_view wanted);
// Returns the current environment; creates one if none exists yet.
Result<Environment*> current_environment(Contexts& contexts);

// Creates a context, and starts a server of its own for the context.
Result<Context*> create_context(Contexts& contexts, const std::string& name,
                                const std::string& environment);
// Adds a context for an existing server; checks that the server answers.
Result<Context*> register_context(Contexts& contexts, const std::string& name,
                                  const std::string& environment, const KnownServer& server);
// Removes a context. If its server was started by create_context(), ends the server and removes its data directory.
Status delete_context(Contexts& contexts, const Context& context);

// Creates a user with a random name and secret, and with the rights to read and write all topics and to create new
// ones.
Result<ApiKey> create_api_key(Contexts& contexts, Context& context, const std::string& description);
Status delete_api_key(Contexts& contexts, Context& context, std::string_view key);
// Returns the chosen API key; null if the server does not authenticate users. Fails with InvalidParameter if the server
// needs a key and none is chosen.
Result<const ApiKey*> current_key(const Context& context);

// Returns the chosen API key; null if none is chosen. With null, the caller uses the account that manages
// the server.
Result<const ApiKey*> chosen_key(const Context& context);

// Returns the parameters of an SQL session on this server. A null `key` means the account that manages the server.
PgParameters sql_parameters(const Context& context, const ApiKey* key);

bool answers(const Context& context);
Object describe_context(const Contexts& contexts, const Context& context);
// Returns the short form of describe_context(): the fields that fit into a line of a list.
Object summarize_context(const Contexts& contexts, const Context& context);

// Asks "QUESTION (y/n): " on the standard input. Fails with QueryCanceled unless the answer is yes.
Status confirm(std::string_view question);
// Asks for a line; empty at the end of the input.
std::string ask_for_line(std::string_view prompt);

}  // namespace client
