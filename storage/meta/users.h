// Who may come in, and who may do what: a pure state machine over the "users" parts of the metadata log.
#pragma once
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "storage/meta/access_rules.h"

namespace storage {

// A "users" part of a metadata command or snapshot.
inline constexpr std::string_view kUsersPart = "users";

// A user is a role that may log in.
struct Role {
  bool may_login = false, is_superuser = false;
  // By mechanism (SCRAM-SHA-256, SCRAM-SHA-512), as text; to this folder they are opaque. None: no password.
  std::map<std::string, std::string> verifiers = {};
  std::set<std::string> member_of = {};
  // Tells apart roles that had the same name one after the other, for those who were let in as the first; it is not
  // kept, and starts anew with the process.
  uint64_t incarnation = 0;
  bool operator==(const Role& other) const {
    return may_login == other.may_login && is_superuser == other.is_superuser &&
           verifiers == other.verifiers && member_of == other.member_of;
  }
};

// Bits of a number.
using Rights = uint16_t;
// To know that it is there and how it is goes with each of them; Kafka's requests give it alone, too.
inline constexpr Rights kMaySelect = 1, kMayInsert = 2, kMayCreate = 4, kOwns = 8,
                        kMayDescribe = 16;
// Single operations of Kafka's, which access rules alone give: they are never kept as rights.
inline constexpr Rights kMayDelete = 32, kMayAlter = 64, kMayDescribeConfigs = 128,
                        kMayAlterConfigs = 256, kMayActForCluster = 512,
                        kMayWriteIdempotently = 1024;
inline constexpr std::string_view kEverything = "";  // as the topic of a right
// Kafka's consumer groups and transactional ids have rights, too: under names that no topic can have. To consume as a
// group is kMaySelect, to write in transactions kMayInsert.
inline constexpr std::string_view kGroupPrefix = "group:", kTransactionPrefix = "transaction:";
// All topics, all groups, all transactional ids: each gives rights on its kind, and GRANT ... ON ALL gives all three.
inline constexpr std::string_view kAllOfAKind[] = {kEverything, "group:*", "transaction:*"};

// Rights belong to topics, so that SQL's statements and Kafka's requests find the same ones; those of a stream or table
// are its topic's. They stay when the topic goes, as Kafka's access rules do.
struct Users {
  std::map<std::string, Role> roles = {};
  std::map<std::string, std::map<std::string, Rights>> rights = {};  // by topic, by role
  AccessRules rules = {};  // of Kafka's, that a right cannot say
  // For answers about users that are not there; made with the first user.
  std::string secret = {};
  uint64_t incarnations = 0;  // of roles, so far
  bool operator==(const Users& other) const {
    return roles == other.roles && rights == other.rights && rules == other.rules &&
           secret == other.secret;
  }
};

struct PutRole {
  std::string name;
  Role role;
};
// With the rights that it has, and the rules for it: another role of this name begins without.
struct EraseRole {
  std::string name;
};
struct SetRights {
  std::string topic, role;
  Rights rights;  // 0: none
};
struct SetUsersSecret {
  std::string secret;
};
// Of feature level 5.
struct SetRule {
  AccessRule rule;
  bool is_there = true;  // false: it goes
};
using UserChange = std::variant<PutRole, EraseRole, SetRights, SetUsersSecret, SetRule>;

std::string encode_user_changes(const std::vector<UserChange>& changes);
// Fails with IncompatibleFormat, StorageFailure or LimitExceeded; all nodes fail alike.
Result<Users> apply_user_changes(const Users& users, std::string_view part);
// The whole state as changes of none.
std::string encode_users(const Users& users);

// The rights of a role on a topic: its own, those of the roles that it is a member of, those on everything and those by
// rules, less the operations that any rule denies it. Superusers are not asked here. For one of kAllOfAKind the result
// holds for every name, so that one denied name takes a right away.
Rights rights_on(const Users& users, const std::string& role, const std::string& topic);
// Likewise, of roles_of() a role.
Rights rights_on(const Users& users, const std::set<std::string>& roles, const std::string& topic);
// The operations that Kafka's clients may do, for roles_of() a role: rights_on() and the operations that go with a right
// in Kafka, such as DESCRIBE with READ, unless a rule denies them. For the cluster `name` has no effect.
Rights operations_on(const Users& users, const std::set<std::string>& roles, RuleResource resource,
                     std::string_view name);
bool is_superuser(const Users& users, const std::string& role);
// The roles whose rights it has, itself among them.
std::set<std::string> roles_of(const Users& users, const std::string& role);

}  // namespace storage
