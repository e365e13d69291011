#include "server/net/address.h"

#include <gtest/gtest.h>

using server::Address;
using server::parse_address;

TEST(Address, is_a_host_and_a_port) {
  EXPECT_EQ(*parse_address("127.0.0.1:7432"), (Address{"127.0.0.1", 7432}));
  EXPECT_EQ(*parse_address("[::1]:0"), (Address{"::1", 0}));
  EXPECT_EQ(*parse_address(":9092"), (Address{"", 9092}));
}

TEST(Address, an_invalid_one_is_refused_with_a_hint) {
  for (const char* bad : {"", "7432", "host:", "host:x", "host:65536", "host:-1", "::1:7432"}) {
    const auto address = parse_address(bad);
    ASSERT_FALSE(address) << bad;
    EXPECT_EQ(address.error().code, ErrorCode::InvalidParameter);
    EXPECT_FALSE(address.error().hint.empty());
  }
  EXPECT_EQ(parse_address("host:99999").error().message,
            "\"host:99999\" is not an address: a port is a number from 0 to 65535");
}

TEST(Address, prints_as_it_is_written) {
  EXPECT_EQ((Address{"::1", 7432}).to_string(), "[::1]:7432");
  EXPECT_EQ((Address{"localhost", 1}).to_string(), "localhost:1");
}
