// Tests the definitions of connectors in the metadata log.
#include "storage/meta/connectors.h"

#include <gtest/gtest.h>

namespace storage {
namespace {

ConnectorDefinitionPtr connector(std::string name, ConnectorConfig config = {}) {
  return std::make_shared<const ConnectorDefinition>(
      ConnectorDefinition{std::move(name), Uuid{{7}}, "ann", ConnectorTarget::Paused, config});
}

TEST(Connectors, a_definition_is_read_as_it_was_written) {
  const auto log = connector("Log", {{"connector.class", "file"}, {"file", "a\nb"}, {"", ""}});
  const auto applied = apply_connector_changes({}, encode_connector_changes({{"Log", log}}));
  ASSERT_TRUE(applied);
  ASSERT_EQ(applied->size(), 1U);
  EXPECT_EQ(*applied->at("Log"), *log);
  const auto again = apply_connector_changes({}, encode_connectors(*applied));
  ASSERT_TRUE(again);
  EXPECT_EQ(*again->at("Log"), *log);
}

TEST(Connectors, a_dropped_connector_is_removed_and_names_keep_their_case) {
  auto all = apply_connector_changes(
      {}, encode_connector_changes({{"a", connector("a")}, {"A", connector("A")}}));
  ASSERT_TRUE(all);
  all = apply_connector_changes(*all, encode_connector_changes({{"a", nullptr}, {"b", nullptr}}));
  ASSERT_TRUE(all);
  EXPECT_EQ(all->size(), 1U);
  EXPECT_TRUE(all->contains("A"));
}

TEST(Connectors, every_cut_and_every_newer_version_is_refused) {
  const std::string part = encode_connector_changes({{"a", connector("a", {{"k", "v"}})}});
  for (size_t size = 0; size < part.size(); ++size)
    EXPECT_EQ(apply_connector_changes({}, part.substr(0, size)).error().code,
              ErrorCode::StorageFailure)
        << size;
  EXPECT_FALSE(apply_connector_changes({}, part + "x"));
  std::string newer = part;
  newer[0] = 2;
  EXPECT_EQ(apply_connector_changes({}, newer).error().code, ErrorCode::IncompatibleFormat);
}

TEST(Connectors, have_a_limit) {
  Connectors all;
  for (size_t i = 0; i < kMostConnectors; ++i)
    all["c" + std::to_string(i)] = connector("c" + std::to_string(i));
  EXPECT_TRUE(apply_connector_changes({}, encode_connectors(all)));
  EXPECT_EQ(
      apply_connector_changes(all, encode_connector_changes({{"d", connector("d")}})).error().code,
      ErrorCode::LimitExceeded);
}

}  // namespace
}  // namespace storage
