// The rules for connections and their authentication: a file in the format of PostgreSQL's
// pg_hba.conf.
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
  Trust,  // no authentication
  Reject,
  Password,  // SCRAM; over Kafka also PLAIN, over HTTP Basic
  Certificate,
};

// An IPv4 address is kept as an IPv6 address (::ffff:127.0.0.1), so that both can be compared.
using AddressBytes = std::array<uint8_t, 16>;
// Returns nothing if the text is not an address.
std::optional<AddressBytes> parse_address(std::string_view text);

struct AccessRule {
  // PostgreSQL's kinds; `local` never matches, since all connections are TCP connections.
  enum class Kind : uint8_t { Host, HostSsl, HostNoSsl, Local };
  Kind kind = Kind::Host;
  // The rule matches any of them; empty: all.
  std::vector<std::string> databases = {};
  std::vector<std::string> users = {};  // "+name": the members of that role
  AddressBytes address = {};
  int prefix_bits = 0;
  Method method = Method::Reject;
  int line = 0;
};

// A connection that asks for admission.
struct Arrival {
  std::string database;  // "kafka" and "http" for these front ends
  std::string user;
  AddressBytes address = {};
  bool has_tls = false;
};

// Immutable; reading the file again makes new rules.
class AccessRules {
 public:
  // Fails with InvalidParameter, "line 3: ...", at the first line with an error: the lines before
  // it could admit clients that the lines after it exclude.
  static Result<AccessRules> parse(std::string_view text);
  // The first line that matches; null: no line admits the connection. `roles`: the roles of the
  // user, including itself.
  const AccessRule* find(const Arrival& arrival, const std::set<std::string>& roles) const;
  size_t size() const { return rules_.size(); }

 private:
  std::vector<AccessRule> rules_;
};

// The name of a method as the file spells it.
std::string_view to_string(Method method);

}  // namespace server::auth
