#include "storage/meta/group_configs.h"

#include <gtest/gtest.h>

using namespace storage;

namespace {

const std::string kSession(kConsumerSessionTimeoutMs), kHeartbeat(kConsumerHeartbeatIntervalMs);

ConfigChange set(std::string name, std::string value) {
  return {std::move(name), ConfigChange::Kind::Set, std::move(value)};
}

GroupConfigs applied(const GroupConfigs& now, const std::string& group, const GroupConfig& config) {
  return apply_group_configs(now, encode_group_config(group, config)).value();
}

}  // namespace

TEST(GroupConfigs, are_set_and_taken_away) {
  const auto config =
      changed_group_config({}, std::vector{set(kSession, "50000"), set(kHeartbeat, "6000")});
  ASSERT_TRUE(config);
  GroupConfigs all = applied({}, "g", *config);
  EXPECT_EQ(group_config_number(all, "g", kSession), 50'000);
  EXPECT_EQ(group_config_number(all, "other", kSession), std::nullopt);
  const auto less = changed_group_config(
      *config, std::vector<ConfigChange>{{kSession, ConfigChange::Kind::Delete}});
  ASSERT_TRUE(less);
  all = applied(all, "g", *less);
  EXPECT_EQ(group_config_number(all, "g", kSession), std::nullopt);
  EXPECT_EQ(group_config_number(all, "g", kHeartbeat), 6'000);
  EXPECT_TRUE(applied(all, "g", {}).empty()) << "what has none is gone";
}

TEST(GroupConfigs, have_names_and_ranges) {
  for (const ConfigChange& wrong :
       {set("retention.ms", "1"), set(kSession, "44999"), set(kSession, "60001"),
        set(kSession, "x"), set(kHeartbeat, ""), set(kHeartbeat, "5000 "),
        ConfigChange{kHeartbeat, ConfigChange::Kind::Append, "6000"}})
    EXPECT_FALSE(changed_group_config({}, std::span(&wrong, 1)))
        << wrong.name << "=" << wrong.value;
  const ConfigChange newer{"newer", ConfigChange::Kind::Delete};
  EXPECT_EQ(changed_group_config({{"newer", "1"}}, std::span(&newer, 1)), GroupConfig());
  EXPECT_EQ(changed_group_config({}, std::span(&newer, 1)), GroupConfig()) << "as in Kafka";
}

TEST(GroupConfigs, some_settings_are_words) {
  const std::string reset(kShareAutoOffsetReset);
  const GroupConfigs all = applied({}, "g", {{reset, "earliest"}});
  EXPECT_EQ(group_config_text(all, "g", reset), "earliest");
  EXPECT_EQ(group_config_text(all, "other", reset), "latest");
  EXPECT_EQ(group_config_text(all, "g", "none"), "");
  const ConfigChange hour = set(reset, "by_duration:PT1H");
  EXPECT_TRUE(changed_group_config({}, std::span(&hour, 1)));
  EXPECT_EQ(begin_duration_ms("by_duration:PT1H").value_or(-1), 3'600'000);
  const ConfigChange bad = set(reset, "by_duration:1h");
  EXPECT_FALSE(changed_group_config({}, std::span(&bad, 1)));
  for (const char* wrong : {"", "ear", "latest earliest", "5"}) {
    const ConfigChange change = set(reset, wrong);
    const auto changed = changed_group_config({}, std::span(&change, 1));
    ASSERT_FALSE(changed) << wrong;
    EXPECT_NE(changed.error().message.find("latest, earliest or by_duration"), std::string::npos);
  }
}

TEST(GroupConfigs, a_whole_state_restores_itself_from_nothing) {
  const GroupConfigs all =
      applied(applied({}, "g", {{kSession, "50000"}}), "h", {{kHeartbeat, "6000"}});
  EXPECT_EQ(apply_group_configs({}, encode_group_configs(all)).value(), all);
  EXPECT_EQ(apply_group_configs({}, encode_group_configs({})).value(), GroupConfigs{});
}

TEST(GroupConfigs, damaged_and_newer_changes_are_refused) {
  const std::string part = encode_group_config("g", {{kSession, "50000"}});
  for (size_t size = 0; size < part.size(); ++size)
    EXPECT_FALSE(apply_group_configs({}, part.substr(0, size))) << size;
  EXPECT_FALSE(apply_group_configs({}, part + "x"));
  std::string newer = part;
  newer[0] = 100;
  EXPECT_EQ(apply_group_configs({}, newer).error().code, ErrorCode::IncompatibleFormat);
}
