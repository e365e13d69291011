// Parses inet, cidr, macaddr, uuid and bit strings.
#include <arpa/inet.h>
#include <fmt/format.h>

#include <array>
#include <charconv>

#include "engine/types/ascii.h"
#include "engine/types/postgres_texts.h"

namespace engine {

namespace {

struct Address {
  int family = AF_INET;
  std::array<unsigned char, 16> bytes{};
  int bits = 32;  // number of bits of the mask

  int most_bits() const { return family == AF_INET ? 32 : 128; }
  bool has_host_bits() const {
    for (int bit = bits; bit < most_bits(); ++bit)
      if ((bytes[static_cast<size_t>(bit / 8)] >> (7 - bit % 8)) & 1) return true;
    return false;
  }
  std::string text() const {
    char buffer[INET6_ADDRSTRLEN];
    return inet_ntop(family, bytes.data(), buffer, sizeof buffer);
  }
};

bool parse_address(std::string_view text, Address& address) {
  const size_t slash = std::min(text.find('/'), text.size());
  std::string host(text.substr(0, slash));
  address.family = host.find(':') == std::string::npos ? AF_INET : AF_INET6;
  if (inet_pton(address.family, host.c_str(), address.bytes.data()) != 1) return false;
  address.bits = address.most_bits();
  if (slash == text.size()) return true;
  const std::string_view bits = text.substr(slash + 1);
  const auto [end, error] = std::from_chars(bits.data(), bits.data() + bits.size(), address.bits);
  return error == std::errc() && end == bits.data() + bits.size() && address.bits >= 0 &&
         address.bits <= address.most_bits();
}

bool is_hex(char c) {
  c = ascii_lower(c);
  return is_ascii_digit(c) || (c >= 'a' && c <= 'f');
}

}  // namespace

Error invalid_text(std::string_view type, std::string_view text) {
  constexpr size_t kShown = 200;
  return Error{ErrorCode::InvalidText,
               fmt::format("invalid input syntax for type {}: \"{}{}\"", type,
                           text.substr(0, kShown), text.size() > kShown ? "..." : "")};
}

Result<std::string> normal_inet(std::string_view text) {
  Address address;
  if (!parse_address(text, address)) return invalid_text("inet", text);
  return address.bits == address.most_bits() ? address.text()
                                             : fmt::format("{}/{}", address.text(), address.bits);
}

Result<std::string> normal_cidr(std::string_view text) {
  Address address;
  if (!parse_address(text, address)) return invalid_text("cidr", text);
  if (address.has_host_bits()) {
    Error error{ErrorCode::InvalidText, fmt::format("invalid cidr value: \"{}\"", text)};
    error.detail = "Value has bits set to right of mask.";
    return error;
  }
  return fmt::format("{}/{}", address.text(), address.bits);
}

Result<std::string> normal_macaddr(std::string_view text) {
  std::string digits;
  for (const char c : text) {
    if (is_hex(c))
      digits += ascii_lower(c);
    else if (c != ':' && c != '-' && c != '.')
      return invalid_text("macaddr", text);
  }
  if (digits.size() != 12) return invalid_text("macaddr", text);
  for (size_t at = 10; at > 0; at -= 2) digits.insert(at, ":");
  return digits;
}

// Accepts 32 hexadecimal digits. A hyphen may follow any group of four digits, and braces may
// enclose the text.
Result<std::string> normal_uuid(std::string_view text) {
  std::string_view inner = text;
  if (inner.starts_with('{') && inner.ends_with('}')) inner = inner.substr(1, inner.size() - 2);
  std::string digits;
  for (size_t i = 0; i < inner.size(); ++i) {
    if (is_hex(inner[i]))
      digits += ascii_lower(inner[i]);
    else if (inner[i] != '-' || digits.empty() || digits.size() % 4 != 0 || inner[i - 1] == '-' ||
             i + 1 == inner.size())
      return invalid_text("uuid", text);
  }
  if (digits.size() != 32) return invalid_text("uuid", text);
  for (const size_t at : {20, 16, 12, 8}) digits.insert(at, "-");
  return digits;
}

Result<std::string> normal_bits(std::string_view text) {
  std::string_view digits = text;
  const char mark = digits.empty() ? ' ' : ascii_lower(digits.front());
  if (mark == 'b' || mark == 'x') digits.remove_prefix(1);
  std::string bits;
  for (const char c : digits) {
    if (mark == 'x' ? !is_hex(c) : c != '0' && c != '1')
      return Error{ErrorCode::InvalidText,
                   fmt::format("\"{}\" is not a valid {} digit", std::string_view(&c, 1),
                               mark == 'x' ? "hexadecimal" : "binary")};
    const char low = ascii_lower(c);
    if (mark == 'x')
      bits += fmt::format("{:04b}", is_ascii_digit(low) ? low - '0' : low - 'a' + 10);
    else
      bits += c;
  }
  return bits;
}

}  // namespace engine
