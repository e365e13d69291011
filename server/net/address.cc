#include "server/net/address.h"

#include <charconv>

namespace server {

std::string Address::to_string() const {
  const bool has_colons = host.find(':') != std::string::npos;
  return (has_colons ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<Address> parse_address(std::string_view text) {
  const auto bad = [&] {
    return Error{ErrorCode::InvalidParameter, "\"" + std::string(text) + "\" is not an address", "",
                 "Write HOST:PORT, for example 127.0.0.1:7432."};
  };
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad();
  std::string_view host = text.substr(0, colon);
  const std::string_view port_text = text.substr(colon + 1);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string_view::npos)
    return bad();

  uint16_t port = 0;
  const auto [end, error] =
      std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  if (port_text.empty() || error != std::errc{} || end != port_text.data() + port_text.size())
    return bad();
  return Address{std::string(host), port};
}

}  // namespace server
