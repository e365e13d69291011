// The host and port to listen on or to connect to.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace server {

struct Address {
  std::string host;  // a name or a number; empty: all interfaces
  uint16_t port = 0;

  std::string to_string() const;  // "127.0.0.1:7432", "[::1]:7432"
  bool operator==(const Address&) const = default;
};

// Parses "host:port", "[::1]:port" or ":port". Fails with InvalidParameter.
Result<Address> parse_address(std::string_view text);

}  // namespace server
