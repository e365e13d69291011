#include "server/net/address.h"

#include <charconv>

namespace server {

std::string Address::to_string() const {
  const bool has_colons = host.find(':') != std::string::npos;
  return (has_colons ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

namespace {

std::string hint_for_address(std::string_view text) {
  constexpr std::string_view kScheme = "://";
  const size_t scheme = text.find(kScheme);
  if (scheme == std::string_view::npos) return "Write HOST:PORT, for example 127.0.0.1:7432.";
  // Kafka's listeners are written with the protocol: PLAINTEXT://localhost:9092.
  const size_t host = scheme + kScheme.size();
  return "Leave out " + std::string(text.substr(0, host)) + ": " +
         (host < text.size() ? std::string(text.substr(host)) : "127.0.0.1:9092") + ".";
}

}  // namespace

Result<Address> parse_address(std::string_view text) {
  const auto bad = [&] {
    return Error{ErrorCode::InvalidParameter, "\"" + std::string(text) + "\" is not an address", "",
                 hint_for_address(text)};
  };
  if (text.find("://") != std::string_view::npos) return bad();
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
  if (error == std::errc::result_out_of_range && end == port_text.data() + port_text.size()) {
    Error out_of_range = bad();
    out_of_range.message += ": a port is a number from 0 to 65535";
    return out_of_range;
  }
  if (port_text.empty() || error != std::errc{} || end != port_text.data() + port_text.size())
    return bad();
  return Address{std::string(host), port};
}

}  // namespace server
