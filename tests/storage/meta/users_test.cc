#include "storage/meta/users.h"

using namespace storage;

namespace {

Users applied(const Users& users, const std::vector<UserChange>& changes) {
  return apply_user_changes(users, encode_user_changes(changes)).value();
}

Users some_users() {
  return applied(
      {},
      {SetUsersSecret{"secret"}, PutRole{"ann", {true, false, {{"SCRAM-SHA-256", "v"}}, {"staff"}}},
       PutRole{"staff", {}}, PutRole{"root", {true, true, {}, {}}},
       SetRights{"orders", "staff", kMaySelect}, SetRights{"orders", "ann", kMayInsert},
       SetRights{"sales", "ann", kOwns}, SetRights{"", "root", kMayCreate}});
}

}  // namespace

TEST(Users, rights_come_from_roles_and_from_everything) {
  Users users = some_users();
  EXPECT_EQ(rights_on(users, "ann", "orders"), kMaySelect | kMayInsert);
  EXPECT_EQ(rights_on(users, "staff", "orders"), kMaySelect);
  EXPECT_EQ(rights_on(users, "ann", "other"), 0);
  EXPECT_EQ(rights_on(users, "ann", "sales"),
            kMaySelect | kMayInsert | kMayCreate | kMayDescribe | kOwns);
  EXPECT_EQ(rights_on(users, "nobody", "orders"), 0);
  users = applied(users, {SetRights{"", "staff", kMaySelect}});
  EXPECT_EQ(rights_on(users, "ann", "other"), kMaySelect);
  EXPECT_TRUE(is_superuser(users, "root"));
  EXPECT_FALSE(is_superuser(users, "ann"));
  EXPECT_FALSE(is_superuser(users, "nobody"));
}

TEST(Users, memberships_go_through_and_end) {
  Users users = applied(some_users(), {PutRole{"staff", {false, false, {}, {"all_of_us"}}},
                                       PutRole{"all_of_us", {false, false, {}, {"ann"}}}});
  EXPECT_EQ(roles_of(users, "ann"), (std::set<std::string>{"ann", "staff", "all_of_us"}));
}

TEST(Users, a_dropped_role_loses_its_rights_and_memberships) {
  const Users users = applied(some_users(), {EraseRole{"staff"}});
  EXPECT_FALSE(users.roles.contains("staff"));
  EXPECT_TRUE(users.roles.at("ann").member_of.empty());
  EXPECT_EQ(rights_on(users, "ann", "orders"), kMayInsert);
  EXPECT_TRUE(applied(users, {SetRights{"orders", "ann", 0}}).rights.count("orders") == 0);
}

TEST(Users, groups_and_transactional_ids_have_rights_of_their_own) {
  const Users users = applied(some_users(), {SetRights{"", "ann", kMaySelect},
                                             SetRights{"group:billing", "ann", kMaySelect},
                                             SetRights{"transaction:*", "ann", kMayInsert}});
  EXPECT_EQ(rights_on(users, "ann", "group:billing"), kMaySelect);
  EXPECT_EQ(rights_on(users, "ann", "group:other"), 0);
  EXPECT_EQ(rights_on(users, "ann", "transaction:any"), kMayInsert);
  EXPECT_EQ(rights_on(users, "ann", "other"), kMaySelect);
}

TEST(Users, a_role_that_is_created_again_is_another_one) {
  Users users = some_users();
  const uint64_t first = users.roles.at("ann").incarnation;
  users = applied(users, {PutRole{"ann", {}}});
  EXPECT_EQ(users.roles.at("ann").incarnation, first);
  users = applied(users, {EraseRole{"ann"}, PutRole{"ann", {}}});
  EXPECT_NE(users.roles.at("ann").incarnation, first);
}

TEST(Users, a_whole_state_restores_itself_from_nothing) {
  EXPECT_EQ(apply_user_changes({}, encode_users(some_users())).value(), some_users());
  EXPECT_EQ(apply_user_changes({}, encode_users({})).value(), Users{});
}

TEST(Users, damaged_and_newer_changes_are_refused) {
  const std::string part = encode_users(some_users());
  for (size_t size = 0; size < part.size(); ++size)
    EXPECT_FALSE(apply_user_changes({}, part.substr(0, size))) << size;
  EXPECT_FALSE(apply_user_changes({}, part + "x"));
  std::string newer = part;
  newer[0] = 3;
  EXPECT_EQ(apply_user_changes({}, newer).error().code, ErrorCode::IncompatibleFormat);
}
