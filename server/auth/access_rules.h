// The rules that admit connections and determine their authentication. They are read from a file in
// the format of PostgreSQL's pg_hba.conf.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace server::auth {

enum class Method : uint8_t {
  Trust,  // the client is not authenticated
  Reject,
  Password,  // SCRAM; for Kafka also PLAIN, for HTTP Basic
  Certificate,
  Token,  // a JSON Web Token, which Kafka's clients send (SASL OAUTHBEARER)
};

// An IPv4 address is kept as an IPv6 address (::ffff:127.0.0.1), so that both can be compared.
using AddressBytes = std::array<uint8_t, 16>;
// Returns nullopt if the text is not an address.
std::optional<AddressBytes> parse_address(std::string_view text);

struct AccessRule {
  // PostgreSQL's kinds of lines. `local` never matches, since all connections are TCP connections.
  enum class Kind : uint8_t { Host, HostSsl, HostNoSsl, Local };
  Kind kind = Kind::Host;
  // The rule matches if the connection's database and user are in these lists. An empty list
  // matches all names.
  std::vector<std::string> databases = {};
  std::vector<std::string> users = {};  // "+name" matches the members of the role
  AddressBytes address = {};
  int prefix_bits = 0;
  Method method = Method::Reject;
  int line = 0;
};

// The facts about a new connection that the rules check.
struct Arrival {
  std::string database;  // "kafka" for Kafka's clients, "http" for HTTP clients
  std::string user;
  AddressBytes address = {};
  bool has_tls = false;
};

// The rules of one version of the file. Immutable: when the file is read again, new rules are
// created.
class AccessRules {
 public:
  // Parses the file. Fails with InvalidParameter, "line 3: ...", at the first line with an error.
  // The other lines are not used then, because they could admit clients that the faulty line was
  // meant to reject.
  static Result<AccessRules> parse(std::string_view text);
  // Returns the first line that matches the connection, or null if no line matches. `roles` are the
  // roles of the user, including the user's own name.
  const AccessRule* find(const Arrival& arrival, const std::set<std::string>& roles) const;
  size_t size() const { return rules_.size(); }
  // Returns the number of the first line with this method, or 0.
  int line_with(Method method) const;

 private:
  std::vector<AccessRule> rules_;
};

// Returns the method's name in the file.
std::string_view to_string(Method method);

}  // namespace server::auth
