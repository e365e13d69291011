// Fuzz target: the access file. Any text is accepted or refused, and an accepted file can decide
// about any connection.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "server/auth/access_rules.h"

using namespace server::auth;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto rules = AccessRules::parse(text);
  if (!rules) {
    if (rules.error().message.empty()) std::abort();
    return 0;
  }
  for (const bool has_tls : {false, true})
    for (const char* address : {"127.0.0.1", "10.1.2.3", "::1"}) {
      const Arrival arrival{"shop", "ann", *parse_address(address), has_tls};
      const AccessRule* rule = rules->find(arrival, {"ann", "staff"});
      if (rule && (rule->line < 1 || rule->kind == AccessRule::Kind::Local)) std::abort();
      if (rule && !has_tls && rule->method == Method::Certificate) std::abort();
    }
  return 0;
}
