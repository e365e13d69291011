// Who may connect from where, and how they show who they are: a file in the format of PostgreSQL's pg_hba.conf.
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
  Trust,  // nobody is asked for anything
  Reject,
  Password,  // SCRAM; over Kafka also PLAIN, over HTTP Basic
  Certificate,
};

// An address of IPv4 stands as one of IPv6 (::ffff:127.0.0.1), so that both compare.
using AddressBytes = std::array<uint8_t, 16>;
// Nothing when the text is no address.
std::optional<AddressBytes> parse_address(std::string_view text);

struct AccessRule {
  // By PostgreSQL's words; `local` matches nothing here, where all connections are TCP's.
  enum class Kind : uint8_t { Host, HostSsl, HostNoSsl, Local };
  Kind kind = Kind::Host;
  // Any of them; empty: all.
  std::vector<std::string> databases = {};
  std::vector<std::string> users = {};  // "+name": the members of that role
  AddressBytes address = {};
  int prefix_bits = 0;
  Method method = Method::Reject;
  int line = 0;
};

// A connection that asks to be let in.
struct Arrival {
  std::string database;  // "kafka" and "http" of those front ends
  std::string user;
  AddressBytes address = {};
  bool has_tls = false;
};

// Never changes; a file that is read again makes the next one.
class AccessRules {
 public:
  // Fails with InvalidParameter, "line 3: ...", at the first line that it does not understand: half a file
  // would let in whom the other half shuts out.
  static Result<AccessRules> parse(std::string_view text);
  // The method of the first line that fits; none: nobody may come in so. `roles` are those that the user is a member
  // of, itself among them.
  const AccessRule* find(const Arrival& arrival, const std::set<std::string>& roles) const;
  size_t size() const { return rules_.size(); }

 private:
  std::vector<AccessRule> rules_;
};

// The name of a method as the file spells it.
std::string_view to_string(Method method);

}  // namespace server::auth
