#include "server/http_client/addresses.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>

namespace server {

namespace {

struct Range4 {
  uint32_t first;
  int bits;
};
constexpr uint32_t ip(uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  return a << 24 | b << 16 | c << 8 | d;
}
constexpr Range4 kNotPublic[] = {
    {ip(0, 0, 0, 0), 8},     {ip(10, 0, 0, 0), 8},      {ip(100, 64, 0, 0), 10},
    {ip(127, 0, 0, 0), 8},   {ip(169, 254, 0, 0), 16},  {ip(172, 16, 0, 0), 12},
    {ip(192, 0, 0, 0), 24},  {ip(192, 0, 2, 0), 24},    {ip(192, 168, 0, 0), 16},
    {ip(198, 18, 0, 0), 15}, {ip(198, 51, 100, 0), 24}, {ip(203, 0, 113, 0), 24},
    {ip(224, 0, 0, 0), 4},   {ip(240, 0, 0, 0), 4},
};

bool is_public4(uint32_t address) {
  return std::ranges::none_of(kNotPublic, [address](const Range4& range) {
    constexpr int kAddressBits = 32;
    return address >> (kAddressBits - range.bits) == range.first >> (kAddressBits - range.bits);
  });
}

bool begins_with(std::span<const uint8_t> address, std::initializer_list<uint8_t> bytes) {
  return std::equal(bytes.begin(), bytes.end(), address.begin());
}

// Reads the IPv4 address at a place of an IPv6 address.
bool is_public4_at(std::span<const uint8_t> address, size_t at) {
  return is_public4(ip(address[at], address[at + 1], address[at + 2], address[at + 3]));
}

bool is_public6(std::span<const uint8_t> address) {
  constexpr size_t kLastFour = 12, kBehindPrefix = 2;
  if (begins_with(address, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}))  // ::ffff:0:0/96, mapped
    return is_public4_at(address, kLastFour);
  if (begins_with(address, {0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0}))  // 64:ff9b::/96, NAT64
    return is_public4_at(address, kLastFour);
  if (begins_with(address, {0x20, 0x02})) return is_public4_at(address, kBehindPrefix);  // 6to4
  if (begins_with(address, {0x20, 0x01, 0x0d, 0xb8})) return false;  // documentation
  if (begins_with(address, {0x20, 0x01, 0, 0})) return false;        // Teredo
  // Only 2000::/3 is assigned to public addresses. Loopback, unique local, link-local and multicast lie outside.
  constexpr uint8_t kFirstBits = 0xe0, kGlobal = 0x20;
  return (address[0] & kFirstBits) == kGlobal;
}

}  // namespace

bool is_public_address(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    return is_public4(ntohl(v4.sin_addr.s_addr));
  }
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    return is_public6(v6.sin6_addr.s6_addr);
  }
  return false;
}

}  // namespace server
