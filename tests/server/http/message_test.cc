#include "server/http/message.h"

#include <gtest/gtest.h>

#include "server/http/accept.h"
#include "server/http/connection_parts.h"
#include "server/http/routes.h"

namespace server::http {
namespace {

TEST(Message, percent_signs_stand_for_bytes) {
  EXPECT_EQ(percent_decoded("a%20b%2Fc"), "a b/c");
  EXPECT_EQ(percent_decoded("%"), std::nullopt);
  EXPECT_EQ(percent_decoded("%2"), std::nullopt);
  EXPECT_EQ(percent_decoded("%g0"), std::nullopt);
}

TEST(Message, a_target_is_a_path_or_a_url) {
  EXPECT_EQ(parse_target("/a/b?c=d")->path, "/a/b");
  EXPECT_EQ(parse_target("/a/b?c=d")->query, "c=d");
  EXPECT_EQ(parse_target("http://x:80/a")->path, "/a");
  EXPECT_EQ(parse_target("a b"), std::nullopt);
}

TEST(Message, values_of_a_query_are_decoded) {
  EXPECT_EQ(query_value("a=1&b=x%20y+z&b=2", "b"), "x y z");
  EXPECT_EQ(query_value("a=1&bb=2", "b"), std::nullopt);
  EXPECT_EQ(query_value("&&=&b", "b"), "");
  EXPECT_EQ(query_value("b=%z", "b"), std::nullopt);
  EXPECT_EQ(query_value("", "b"), std::nullopt);
}

TEST(Accept, selects_the_preferred_type_of_the_available_ones) {
  const auto choice = [](std::string_view accept) {
    return accepted_type(accept, {"application/vnd.x.v1", "application/json"}).value_or("none");
  };
  EXPECT_EQ(choice(""), "application/vnd.x.v1");
  EXPECT_EQ(choice("*/*"), "application/vnd.x.v1");
  EXPECT_EQ(choice("application/json"), "application/json");
  EXPECT_EQ(choice("application/json; charset=utf-8"), "application/json");
  EXPECT_EQ(choice("Application/JSON;charset=utf-8 ; q=0.9"), "application/json");
  EXPECT_EQ(choice("application/json, text/plain, */*"), "application/json")
      << "as browsers' clients ask";
  EXPECT_EQ(choice("text/plain, application/*"), "application/vnd.x.v1");
  EXPECT_EQ(choice("application/vnd.x.v1;q=0.5, application/json"), "application/json");
  EXPECT_EQ(choice("*/*, application/vnd.x.v1;q=0"), "application/json");
  EXPECT_EQ(choice("text/html"), "none");
  EXPECT_EQ(choice("application/json;q=x"), "none");
  for (const char* odd : {",", ";", ";;q=", ", ,", "/", "*/", "/*", ",;q=1,"})
    EXPECT_EQ(choice(odd), "none") << odd;
}

TEST(Routes, parts_in_braces_stand_for_any_one) {
  Routes routes;
  routes.add({"GET", "/status/{type}/{name}", nullptr});
  routes.add({"GET", "/status", nullptr});
  EXPECT_EQ(routes.find("GET", "/status/stream/A").parameters,
            (std::vector<std::string>{"stream", "A"}));
  EXPECT_EQ(routes.find("GET", "/status/").route->path, "/status");
  EXPECT_EQ(routes.find("GET", "/status//A").route, nullptr);
  EXPECT_EQ(routes.find("GET", "/status/a/b/c").route, nullptr);
  EXPECT_EQ(routes.find("GET", "/status/a%2fb/c").parameters,
            (std::vector<std::string>{"a/b", "c"}));
  EXPECT_EQ(routes.find("DELETE", "/status").allowed, "GET, HEAD");
}

}  // namespace
}  // namespace server::http
