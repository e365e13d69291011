// Tests the address of an external registry, and its possible answers.
#include "server/registry/registry_replies.h"

#include <gtest/gtest.h>

#include "server/registry/registry_client.h"

namespace server {
namespace {

engine::JsonTree tree(std::string_view json) { return *engine::parse_json_tree(json); }

TEST(RegistryUrls, have_several_places_and_a_password_each) {
  const auto endpoints =
      parse_registry_urls(" http://one:8081/, https://ann:p%40ss@two:443/registry/ ,");
  ASSERT_TRUE(endpoints);
  ASSERT_EQ(endpoints->size(), 2u);
  EXPECT_EQ((*endpoints)[0].url, "http://one:8081");
  EXPECT_EQ((*endpoints)[0].user_and_password, "");
  EXPECT_EQ((*endpoints)[1].url, "https://two:443/registry");
  EXPECT_EQ((*endpoints)[1].user_and_password, "ann:p@ss");
}

TEST(RegistryUrls, are_http_and_nothing_else) {
  for (const char* wrong : {"", ",", "one:8081", "ftp://one", "http://", "http://a b",
                            "file:///etc/passwd", "http://one/?x=1", "http://one\r\nX: y"})
    EXPECT_FALSE(parse_registry_urls(wrong)) << wrong;
}

TEST(RegistryReplies, a_schema_has_a_text) {
  const auto read =
      read_registered(tree(R"({"subject":"s","version":2,"id":5,"schemaType":"JSON","schema":"{}",)"
                           R"("references":[{"name":"n","subject":"t","version":3}]})"));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->id, 5);
  EXPECT_EQ(read->version, 2);
  EXPECT_EQ(read->schema->kind, engine::SchemaKind::Json);
  EXPECT_EQ(read->schema->references, (std::vector<engine::SchemaReference>{{"n", "t", 3}}));
  EXPECT_EQ(read_registered(tree(R"({"schema":"\"int\""})"))->schema->kind,
            engine::SchemaKind::Avro);
}

TEST(RegistryReplies, an_invalid_answer_is_reported) {
  const std::string huge(engine::kMaxSchemaSize + 1, 'x');
  for (const std::string& wrong :
       {std::string("{}"), std::string("[]"), std::string(R"({"schema":7})"),
        std::string(R"({"schema":"x","schemaType":"XML"})"),
        std::string(R"({"schema":"x","id":"5"})"), std::string(R"({"schema":"x","id":-5})"),
        std::string(R"({"schema":"x","references":[{"name":"n"}]})"),
        R"({"schema":")" + huge + R"("})"})
    EXPECT_FALSE(read_registered(tree(wrong))) << wrong.substr(0, 100);
  EXPECT_FALSE(read_registered_id(tree("{}")));
  EXPECT_FALSE(read_uses(tree("{}")));
  EXPECT_FALSE(read_versions(tree(R"([{"schema":"x"}])")));
}

TEST(RegistryReplies, lists_become_a_registry) {
  const auto registry =
      read_versions(tree(R"([{"subject":"s","version":2,"id":6,"schema":"\"int\""},)"
                         R"({"subject":"s","version":1,"id":5,"schema":"\"long\""},)"
                         R"({"subject":"s","version":1,"id":5,"schema":"\"long\""}])"));
  ASSERT_TRUE(registry);
  EXPECT_EQ(*registry->versions("s"), (std::vector<int32_t>{1, 2}));
  EXPECT_EQ(registry->latest("s")->id, 6);
}

}  // namespace
}  // namespace server
