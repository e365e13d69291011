// Tests access rules: which rules match a name, which rights they give, and the form in which they are stored.
#include "storage/meta/access_rules.h"

#include <random>
#include <vector>

#include "storage/meta/users.h"

using namespace storage;

namespace {

Users applied(const Users& users, const std::vector<UserChange>& changes) {
  return apply_user_changes(users, encode_user_changes(changes)).value();
}

AccessRule rule(std::string name, std::string principal, RuleOperation operation,
                bool denies = false, bool is_prefix = false,
                RuleResource resource = RuleResource::Topic) {
  return {resource, is_prefix, std::move(name), std::move(principal), operation, denies};
}

Users with(std::vector<AccessRule> rules) {
  std::vector<UserChange> changes = {PutRole{"ann", {.member_of = {"staff"}}},
                                     PutRole{"staff", {}}};
  for (AccessRule& each : rules) changes.push_back(SetRule{std::move(each)});
  return applied({}, changes);
}

bool may(const Users& users, const std::string& name, Rights right,
         RuleResource resource = RuleResource::Topic) {
  return (operations_on(users, roles_of(users, "ann"), resource, name) & right) != 0;
}

}  // namespace

TEST(AccessRules, a_name_is_fitted_by_itself_by_everything_and_by_its_beginnings) {
  std::mt19937 random(7);
  const auto word = [&] {
    std::string text;
    for (size_t size = 1 + random() % 5; size > 0; --size) text += "ab\xff*"[random() % 4];
    return text;
  };
  for (int round = 0; round < 300; ++round) {
    AccessRules rules;
    for (int i = 0; i < 40; ++i)
      rules.insert(rule(random() % 9 == 0 ? "*" : word(), "u", RuleOperation::Read, false,
                        random() % 2 == 0,
                        random() % 2 == 0 ? RuleResource::Topic : RuleResource::Group));
    for (int i = 0; i < 20; ++i) {
      const std::string name = word();
      AccessRules expected, found;
      for (const AccessRule& each : rules)
        if (each.resource == RuleResource::Topic &&
            (each.is_prefix ? name.starts_with(each.name) : each.name == name || each.name == "*"))
          expected.insert(each);
      size_t visits = 0;
      for_each_rule(rules, RuleResource::Topic, name, [&](const AccessRule& each) {
        ++visits;
        found.insert(each);
      });
      ASSERT_EQ(found, expected) << name;
      ASSERT_EQ(visits, found.size()) << "each once";
    }
  }
}

TEST(AccessRules, a_denial_wins_over_any_permission) {
  using enum RuleOperation;
  const std::vector<AccessRule> allowed = {rule("app-", "ann", Read, false, true),
                                           rule("app-x", "*", Read), rule("*", "staff", Read),
                                           rule("app-x", "ann", All)};
  const std::vector<AccessRule> denials = {
      rule("app-x", "ann", Read, true),   rule("app-", "ann", Read, true, true),
      rule("app-x", "*", Read, true),     rule("*", "ann", Read, true),
      rule("app-x", "staff", Read, true), rule("app-x", "ann", All, true)};
  for (const AccessRule& allows : allowed) {
    EXPECT_TRUE(may(with({allows}), "app-x", kMaySelect)) << allows.name;
    EXPECT_EQ(may(with({allows}), "other", kMaySelect), allows.name == "*");
    for (const AccessRule& denies : denials) {
      const Users users = with({allows, denies});
      EXPECT_FALSE(may(users, "app-x", kMaySelect)) << denies.name << " " << denies.principal;
      EXPECT_EQ(rights_on(users, "ann", "app-x") & kMaySelect, 0);
    }
    EXPECT_TRUE(may(with({allows, rule("app-x", "bob", Read, true)}), "app-x", kMaySelect));
    EXPECT_TRUE(may(with({allows, rule("app-x", "ann", Write, true)}), "app-x", kMaySelect));
    EXPECT_TRUE(may(with({allows, rule("app-x", "ann", Read, true, false, RuleResource::Group)}),
                    "app-x", kMaySelect));
  }
  Users owner =
      applied(with({rule("orders", "ann", Delete, true)}), {SetRights{"orders", "ann", kOwns}});
  EXPECT_TRUE(may(owner, "orders", kMaySelect));
  EXPECT_FALSE(may(owner, "orders", kMayDelete));
  EXPECT_EQ(rights_on(owner, "ann", "orders") & kOwns, 0) << "DROP asks for ownership";
  owner = applied(with({rule("orders", "ann", Read, true)}), {SetRights{"orders", "ann", kOwns}});
  EXPECT_NE(rights_on(owner, "ann", "orders") & kOwns, 0);
  EXPECT_EQ(rights_on(owner, "ann", "orders") & kMaySelect, 0);
}

// As in Kafka's StandardAuthorizer, DESCRIBE is implied by operations that use or change a resource, unless it is
// denied.
TEST(AccessRules, operations_imply_others) {
  using enum RuleOperation;
  for (const RuleOperation each : {Read, Write, Delete, Alter})
    EXPECT_TRUE(may(with({rule("t", "ann", each)}), "t", kMayDescribe));
  EXPECT_TRUE(may(with({rule("t", "ann", AlterConfigs)}), "t", kMayDescribeConfigs));
  EXPECT_FALSE(may(with({rule("t", "ann", AlterConfigs)}), "t", kMayAlter));
  EXPECT_FALSE(
      may(with({rule("t", "ann", Read), rule("t", "ann", Describe, true)}), "t", kMayDescribe));
  EXPECT_TRUE(
      may(with({rule("t", "ann", Read), rule("t", "ann", Describe, true)}), "t", kMaySelect));
  const auto cluster = [](RuleOperation operation, bool denies = false) {
    return rule("kafka-cluster", "ann", operation, denies, false, RuleResource::Cluster);
  };
  EXPECT_TRUE(may(with({cluster(Alter)}), "", kMayAlter, RuleResource::Cluster));
  EXPECT_TRUE(may(with({cluster(Alter)}), "", kMayDescribe, RuleResource::Cluster));
  EXPECT_FALSE(may(with({rule("*", "ann", All)}), "", kMayAlter, RuleResource::Cluster));
  EXPECT_TRUE(may(with({cluster(Create)}), "new", kMayCreate));
  EXPECT_FALSE(
      may(with({cluster(Create), rule("ne", "ann", Create, true, true)}), "new", kMayCreate));
  EXPECT_TRUE(may(with({rule("ne", "ann", Create, false, true)}), "new", kMayCreate));
  const Users creator = applied(with({cluster(Create, true)}), {SetRights{"", "ann", kMayCreate}});
  EXPECT_FALSE(may(creator, "new", kMayCreate));
  EXPECT_FALSE(may(creator, "", kMayCreate, RuleResource::Cluster));
}

// The REST proxy admits each user that has rights on every name. So a rule that denies a single
// name must remove these rights.
TEST(AccessRules, one_denied_name_takes_away_the_rights_on_everything) {
  const std::vector<UserChange> all = {SetRights{"", "ann", kMaySelect | kMayInsert}};
  EXPECT_NE(rights_on(applied(with({}), all), "ann", "") & kMayInsert, 0);
  const Users denied = applied(with({rule("secret-", "*", RuleOperation::Write, true, true)}), all);
  EXPECT_EQ(rights_on(denied, "ann", "") & kMayInsert, 0);
  EXPECT_NE(rights_on(denied, "ann", "") & kMaySelect, 0);
  EXPECT_NE(rights_on(denied, "ann", "open") & kMayInsert, 0);
}

TEST(AccessRules, rules_are_kept_and_go_with_their_role) {
  using enum RuleOperation;
  const Users users = with({rule("a", "ann", Read, true), rule("a", "late", All, false, true),
                            rule("g", "*", Describe, false, false, RuleResource::Group)});
  EXPECT_EQ(users.rules.size(), 3u);
  EXPECT_EQ(apply_user_changes({}, encode_users(users)).value(), users);
  EXPECT_EQ(applied(users, {EraseRole{"late"}}).rules.size(), 2u);
  EXPECT_EQ(applied(users, {SetRule{rule("a", "ann", Read, true), false}}).rules.size(), 2u);
  EXPECT_EQ(encode_user_changes({SetRights{"t", "ann", kOwns}}).front(), 1)
      << "earlier programs read what has no rules";
  EXPECT_EQ(encode_user_changes({SetRule{rule("a", "ann", Read)}}).front(), 2);
  std::string damaged = encode_user_changes({SetRule{rule("a", "ann", RuleOperation(77))}});
  EXPECT_FALSE(apply_user_changes({}, damaged)) << "half of the rules would allow what others deny";
}
