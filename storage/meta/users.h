// Authentication and rights of users: a pure state machine over the "users" parts of the metadata
// log.
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
  // By mechanism (SCRAM-SHA-256, SCRAM-SHA-512), as text; opaque to this folder. None: no password.
  std::map<std::string, std::string> verifiers = {};
  std::set<std::string> member_of = {};
  // Distinguishes successive roles of the same name, for sessions that were admitted as an earlier
  // one. The number is not stored, and counts from zero in each process.
  uint64_t incarnation = 0;
  bool operator==(const Role& other) const {
    return may_login == other.may_login && is_superuser == other.is_superuser &&
           verifiers == other.verifiers && member_of == other.member_of;
  }
};

// A set of bits.
using Rights = uint16_t;
// Each right includes the right to see the object and its settings, which Kafka's requests can also
// grant alone.
inline constexpr Rights kMaySelect = 1, kMayInsert = 2, kMayCreate = 4, kOwns = 8,
                        kMayDescribe = 16;
// Single operations of Kafka that only access rules give: they are never stored as rights.
inline constexpr Rights kMayDelete = 32, kMayAlter = 64, kMayDescribeConfigs = 128,
                        kMayAlterConfigs = 256, kMayActForCluster = 512,
                        kMayWriteIdempotently = 1024;
inline constexpr std::string_view kEverything = "";  // as the topic of a right
// Kafka's consumer groups and transactional ids have rights, too, under names that no topic can
// have. Consuming as a group needs kMaySelect, writing in transactions kMayInsert.
inline constexpr std::string_view kGroupPrefix = "group:", kTransactionPrefix = "transaction:";
// The names of all topics, all groups and all transactional ids. Each gives rights on its kind, and
// GRANT ... ON ALL gives all three.
inline constexpr std::string_view kAllOfAKind[] = {kEverything, "group:*", "transaction:*"};

// Rights belong to topics, so that SQL statements and Kafka requests check the same rights; a
// stream or table has the rights of its topic. Like Kafka's access rules, rights stay when the
// topic is deleted.
struct Users {
  std::map<std::string, Role> roles = {};
  std::map<std::string, std::map<std::string, Rights>> rights = {};  // by topic, by role
  AccessRules rules = {};  // Kafka's rules that a right cannot express
  // For plausible answers about users that do not exist; created with the first user.
  std::string secret = {};
  uint64_t incarnations = 0;  // number of roles that were created so far
  bool operator==(const Users& other) const {
    return roles == other.roles && rights == other.rights && rules == other.rules &&
           secret == other.secret;
  }
};

struct PutRole {
  std::string name;
  Role role;
};
// Erases a role, its rights and the rules for it: another role of this name begins without them.
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
// Needs feature level 5.
struct SetRule {
  AccessRule rule;
  bool is_there = true;  // false: the rule is removed
};
using UserChange = std::variant<PutRole, EraseRole, SetRights, SetUsersSecret, SetRule>;

std::string encode_user_changes(const std::vector<UserChange>& changes);
// Returns the users after the changes. Fails with IncompatibleFormat, StorageFailure or
// LimitExceeded, in the same way on all nodes.
Result<Users> apply_user_changes(const Users& users, std::string_view part);
// Encodes the whole state, as changes to an empty one.
std::string encode_users(const Users& users);

// Returns the rights of a role on a topic: its own, those of the roles that it is a member of,
// those on everything and those by rules, minus the operations that any rule denies. Superusers are
// not considered here. For one of kAllOfAKind the result holds for every name, so that one denied
// name removes a right.
Rights rights_on(const Users& users, const std::string& role, const std::string& topic);
// Returns the rights of a set of roles, which is the result of roles_of().
Rights rights_on(const Users& users, const std::set<std::string>& roles, const std::string& topic);
// Returns the operations that Kafka's clients may do, for the result of roles_of(): rights_on() and
// the operations that a right includes in Kafka, such as DESCRIBE with READ, unless a rule denies
// them. For the cluster `name` has no effect.
Rights operations_on(const Users& users, const std::set<std::string>& roles, RuleResource resource,
                     std::string_view name);
bool is_superuser(const Users& users, const std::string& role);
// Returns the roles whose rights the role has, including itself.
std::set<std::string> roles_of(const Users& users, const std::string& role);

}  // namespace storage
