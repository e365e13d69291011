// Checks which addresses are public, for requests of connectors.
#include "server/http_client/addresses.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstring>
#include <string>

namespace server {
namespace {

bool is_public(const std::string& text) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  if (inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
    sockaddr address{};
    std::memcpy(&address, &v4, sizeof address);
    return is_public_address(address);
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  EXPECT_EQ(inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr), 1) << text;
  sockaddr_storage storage{};
  std::memcpy(&storage, &v6, sizeof v6);
  return is_public_address(reinterpret_cast<const sockaddr&>(storage));
}

TEST(Addresses, networks_of_the_machine_are_not_public) {
  for (const char* address : {"127.0.0.1",
                              "127.255.255.255",
                              "10.1.2.3",
                              "172.16.0.1",
                              "172.31.255.255",
                              "192.168.0.1",
                              "169.254.169.254",
                              "100.64.0.1",
                              "0.0.0.0",
                              "224.0.0.1",
                              "255.255.255.255",
                              "::1",
                              "::",
                              "fe80::1",
                              "fd00::1",
                              "ff02::1",
                              "::ffff:127.0.0.1",
                              "::ffff:10.0.0.1",
                              "64:ff9b::7f00:1",
                              "2002:7f00:1::",
                              "2001::1",
                              "2001:db8::1"})
    EXPECT_FALSE(is_public(address)) << address;
}

TEST(Addresses, other_addresses_are_public) {
  for (const char* address : {"1.1.1.1", "172.15.255.255", "172.32.0.0", "192.167.255.255",
                              "100.128.0.0", "223.255.255.255", "2606:4700::1111", "::ffff:1.1.1.1",
                              "64:ff9b::101:101", "2002:101:101::"})
    EXPECT_TRUE(is_public(address)) << address;
}

}  // namespace
}  // namespace server
