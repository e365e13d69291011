#include "server/auth/access_rules.h"

#include <gtest/gtest.h>

namespace server::auth {
namespace {

std::string method_for(std::string_view file, const Arrival& arrival,
                       const std::set<std::string>& roles = {}) {
  const auto rules = AccessRules::parse(file);
  if (!rules) return rules.error().message;
  const AccessRule* rule = rules->find(arrival, roles);
  return rule ? std::string(to_string(rule->method)) : "none";
}
Arrival from(std::string_view address, std::string user = "ann", std::string database = "shop",
             bool has_tls = false) {
  return {std::move(database), std::move(user), *parse_address(address), has_tls};
}

TEST(AccessRules, the_first_line_that_fits_decides) {
  constexpr std::string_view kFile = R"(
# type  database  user      address        method
local   all       all                      trust
host    all       all       127.0.0.1/32   trust
hostssl shop,"x y" ann,+staff 10.0.0.0/8   scram-sha-256   # the office
host    all       all       10.0.0.0 255.0.0.0  reject
hostssl all       all       ::1/128        cert
hostnossl all     bob       all            scram-sha-256
)";
  EXPECT_EQ(method_for(kFile, from("127.0.0.1")), "trust");
  EXPECT_EQ(method_for(kFile, from("127.0.0.2")), "none");
  EXPECT_EQ(method_for(kFile, from("10.1.2.3", "ann", "shop", true)), "scram-sha-256");
  EXPECT_EQ(method_for(kFile, from("10.1.2.3", "ann", "x y", true)), "scram-sha-256");
  EXPECT_EQ(method_for(kFile, from("10.1.2.3", "ann", "shop", false)), "reject");
  EXPECT_EQ(method_for(kFile, from("10.1.2.3", "carl", "shop", true), {"carl", "staff"}),
            "scram-sha-256");
  EXPECT_EQ(method_for(kFile, from("10.1.2.3", "carl", "shop", true), {"carl"}), "reject");
  EXPECT_EQ(method_for(kFile, from("::1", "ann", "shop", true)), "cert");
  EXPECT_EQ(method_for(kFile, from("::1", "bob", "shop", false)), "scram-sha-256");
  EXPECT_EQ(method_for(kFile, from("::1", "ann", "shop", false)), "none");
}

TEST(AccessRules, tokens_are_for_kafkas_connections) {
  constexpr std::string_view kFile =
      "host kafka loader all scram-sha-256\nhost kafka all all oauth\nhost all all all trust\n";
  EXPECT_EQ(method_for(kFile, from("1.2.3.4", "ann", "kafka")), "oauth");
  EXPECT_EQ(method_for(kFile, from("1.2.3.4", "loader", "kafka")), "scram-sha-256");
  EXPECT_EQ(method_for(kFile, from("1.2.3.4", "ann", "http")), "trust");
  EXPECT_EQ(AccessRules::parse(kFile)->line_with(Method::Token), 2);
  EXPECT_EQ(AccessRules::parse(kFile)->line_with(Method::Reject), 0);
}

TEST(AccessRules, a_prefix_may_end_inside_a_byte) {
  constexpr std::string_view kFile = "host all all 192.168.16.0/20 trust\n";
  EXPECT_EQ(method_for(kFile, from("192.168.31.255")), "trust");
  EXPECT_EQ(method_for(kFile, from("192.168.32.0")), "none");
  EXPECT_EQ(method_for("host all all 0.0.0.0/0 trust", from("8.8.8.8")), "trust");
  EXPECT_EQ(method_for("host all all 0.0.0.0/0 trust", from("::1")), "none");
}

TEST(AccessRules, sameuser_is_the_database_of_ones_own_name) {
  constexpr std::string_view kFile = "host sameuser all all trust\n";
  EXPECT_EQ(method_for(kFile, from("1.2.3.4", "ann", "ann")), "trust");
  EXPECT_EQ(method_for(kFile, from("1.2.3.4", "ann", "shop")), "none");
}

TEST(AccessRules, a_line_that_is_not_understood_is_named) {
  const auto error = [](std::string_view line) {
    return method_for("\n" + std::string(line), from("1.2.3.4"));
  };
  EXPECT_EQ(error("hosts all all all trust"), "line 2: \"hosts\" is not a connection type");
  EXPECT_EQ(error("host all all all md5"), "line 2: the method \"md5\" is not supported yet");
  EXPECT_EQ(error("host all all all"), "line 2: the method is missing");
  EXPECT_EQ(error("host all all"), "line 2: the address is missing");
  EXPECT_EQ(error("host all"), "line 2: the user is missing");
  EXPECT_EQ(error("host all all 1.2.3.4/33 trust"),
            "line 2: \"1.2.3.4/33\" is not an address with a prefix length");
  EXPECT_EQ(error("host all all example.org trust"), "line 2: \"example.org\" is not an address");
  EXPECT_EQ(error("host all all 1.2.3.4 255.0.255.0 trust"),
            "line 2: the mask of the address is not valid");
  EXPECT_EQ(error("host all @names all trust"),
            "line 2: files of names and patterns (@names) are not supported yet");
  EXPECT_EQ(error("host all all all cert"), "line 2: the method cert requires hostssl");
  EXPECT_EQ(error("host all all all oauth"),
            "line 2: the method oauth requires the database kafka");
  EXPECT_EQ(error("host kafka,shop all all oauth"),
            "line 2: the method oauth requires the database kafka");
  EXPECT_EQ(error("host all all all trust map=x"),
            "line 2: options of authentication methods are not supported yet");
  EXPECT_EQ(error("host \"all all all trust"), "line 2: a quote is not closed");
}

}  // namespace
}  // namespace server::auth
