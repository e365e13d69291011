#include "storage/meta/link_table.h"

#include <gtest/gtest.h>

namespace storage {
namespace {

LinkDefinitionPtr link_named(const std::string& name) {
  return std::make_shared<const LinkDefinition>(
      LinkDefinition{name, Uuid::random(), "ann", {{"bootstrap.servers", "kafka1:9092"}}});
}

TEST(LinkTable, changes_are_applied_in_their_order) {
  const LinkDefinitionPtr prod = link_named("prod"), other = link_named("prod");
  const auto links = apply_link_changes({}, encode_link_changes({{"prod", prod}}));
  ASSERT_TRUE(links);
  EXPECT_EQ(*links->at("prod"), *prod);
  const auto replaced =
      apply_link_changes(*links, encode_link_changes({{"prod", nullptr}, {"prod", other}}));
  ASSERT_TRUE(replaced);
  EXPECT_EQ(replaced->at("prod")->id, other->id);
  EXPECT_TRUE(apply_link_changes(*replaced, encode_link_changes({{"prod", nullptr}}))->empty());
}

TEST(LinkTable, a_snapshot_has_all_links) {
  const LinkTable links = {{"a", link_named("a")}, {"b", link_named("b")}};
  const auto read = apply_link_changes({}, encode_links(links));
  ASSERT_TRUE(read);
  ASSERT_EQ(read->size(), 2u);
  EXPECT_EQ(*read->at("b"), *links.at("b"));
}

TEST(LinkTable, damaged_parts_are_errors) {
  const std::string part = encode_links({{"a", link_named("a")}});
  for (size_t size = 0; size < part.size(); ++size)
    EXPECT_FALSE(apply_link_changes({}, part.substr(0, size))) << size;
  EXPECT_FALSE(apply_link_changes({}, part + "x"));
  std::string newer = part;
  newer[0] = 9;
  EXPECT_EQ(apply_link_changes({}, newer).error().code, ErrorCode::IncompatibleFormat);
}

TEST(LinkTable, the_number_of_links_is_limited) {
  LinkTable links;
  for (size_t i = 0; i < kMostLinks; ++i) links[std::to_string(i)] = link_named(std::to_string(i));
  ASSERT_TRUE(apply_link_changes({}, encode_links(links)));
  links["one more"] = link_named("one more");
  EXPECT_EQ(apply_link_changes({}, encode_links(links)).error().code, ErrorCode::LimitExceeded);
}

}  // namespace
}  // namespace storage
