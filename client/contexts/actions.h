// The actions behind `millrace context` and `millrace confluent`, without their command lines.
#pragma once
#include <string>
#include <string_view>

#include "client/contexts/contexts.h"
#include "client/contexts/object_printer.h"
#include "client/sql/pg_session.h"

namespace client {

// A server that exists already, as the user describes it.
struct KnownServer {
  std::string kafka,
      sql;  // HOST:PORT; a port that is missing is 9092 and 7432, and so is a missing sql on the same host
  std::string ca, user, password;
};

// Each of these changes `contexts`, and saves them. They fail with InvalidParameter for a name that is in use or unknown,
// and with the server's own errors.
Result<Environment*> create_environment(Contexts& contexts, const std::string& name);
Status delete_environment(Contexts& contexts, std::string_view wanted);
// The current environment, made if there is none yet.
Result<Environment*> current_environment(Contexts& contexts);

// Starts a server of its own for it.
Result<Context*> create_context(Contexts& contexts, const std::string& name,
                                const std::string& environment);
// Checks that the server answers.
Result<Context*> register_context(Contexts& contexts, const std::string& name,
                                  const std::string& environment, const KnownServer& server);
// Ends a server that was started here, and removes its data directory.
Status delete_context(Contexts& contexts, const Context& context);

// Makes a user with a random name and secret, and the rights to read and write all topics and to make new ones.
Result<ApiKey> create_api_key(Contexts& contexts, Context& context, const std::string& description);
Status delete_api_key(Contexts& contexts, Context& context, std::string_view key);
// Nothing if the server asks for no user. Fails with InvalidParameter if a key is needed, and none is chosen.
Result<const ApiKey*> current_key(const Context& context);

// The chosen key; null where none is chosen: then the account that manages the server is used.
Result<const ApiKey*> chosen_key(const Context& context);

// The parameters of an SQL session on this server. `key`: null means the account that manages it.
PgParameters sql_parameters(const Context& context, const ApiKey* key);

bool answers(const Context& context);
Object describe_context(const Contexts& contexts, const Context& context);
// The fields that fit into a line of a list.
Object summarize_context(const Contexts& contexts, const Context& context);

// Asks "QUESTION (y/n): " on the standard input. Fails with QueryCanceled unless the answer is yes.
Status confirm(std::string_view question);
// Asks for a line; empty at the end of the input.
std::string ask_for_line(std::string_view prompt);

}  // namespace client
