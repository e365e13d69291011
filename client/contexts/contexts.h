// The servers that a user has named ("contexts"). They are stored in a file in the user's
// configuration folder.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "client/properties.h"

namespace client {

// A user of a server with the password. The user was created by `api-key create`, or existed
// before.
struct ApiKey {
  std::string key, secret, description;
  std::string created;  // for example 2024-05-01T10:00:00Z
};

// The addresses and accounts of one server. If `millrace context` or `millrace confluent` has
// started the server, the context also has its data directory.
struct Context {
  std::string id, name, environment;  // for example lkc-1a2b3c, orders, env-4d5e6f
  std::string kafka, sql, http;       // each is HOST:PORT; `http` may be empty
  std::string ca;                     // a file of certificates; empty: no TLS
  std::string user,
      password;  // of the account that manages topics and users; empty if the server asks for none
  std::string data_dir;  // empty: this program has not started the server
  int64_t process = 0;   // process id of a server that this program has started
  std::vector<ApiKey> keys;
  std::string current_key;  // empty: none
};

struct Environment {
  std::string id, name;
};

// The contents of the file of contexts.
struct Contexts {
  std::vector<Environment> environments;
  std::vector<Context> contexts;
  std::string current_environment, current_context;  // ids; empty: none

  // Reads the file; a missing file counts as empty. Fails with StorageFailure, or with InvalidText if the file is
  // damaged.
  static Result<Contexts> load();
  // Replaces the whole file; only its user can read it. Fails with StorageFailure.
  Status save() const;

  // Find a context or an environment by its id or its name. Fail with InvalidParameter.
  Result<Context*> find(std::string_view wanted);
  Result<Environment*> find_environment(std::string_view wanted);
  // Returns the context with this id or name; the current context if `wanted` is empty.
  Result<Context*> chosen(std::string_view wanted);
};

// Convert contexts to the text of the file, and back.
std::string to_json(const Contexts& contexts);
Result<Contexts> parse_contexts(std::string_view json);

// Returns the properties of a Kafka client for this server. If `key` is null, the client uses the
// account that manages the server.
Properties kafka_properties(const Context& context, const ApiKey* key);

// The kinds of random names. Ids consist of digits and lower-case letters, keys of digits and
// upper-case letters, secrets of digits and both.
enum class RandomName : uint8_t { Id, Key, Secret };
std::string random_name(RandomName kind, size_t size);

}  // namespace client
