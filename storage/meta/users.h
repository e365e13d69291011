// Authentication and rights of users. A pure state machine over the "users" parts of the metadata
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
  // Password verifiers as text, by mechanism (SCRAM-SHA-256, SCRAM-SHA-512); this folder does not
  // interpret them. Empty: no password.
  std::map<std::string, std::string> verifiers = {};
  std::set<std::string> member_of = {};
  // Distinguishes roles that had the same name one after the other, so that a session that logged
  // in under the earlier role is detected. The number is not stored, and counts from zero in each
  // process.
  uint64_t incarnation = 0;
  bool operator==(const Role& other) const {
    return may_login == other.may_login && is_superuser == other.is_superuser &&
           verifiers == other.verifiers && member_of == other.member_of;
  }
};

// A set of rights, with one bit for each.
using Rights = uint16_t;
// Each right includes kMayDescribe, the right to see the object and its settings. Kafka's requests
// can also grant kMayDescribe alone.
inline constexpr Rights kMaySelect = 1, kMayInsert = 2, kMayCreate = 4, kOwns = 8,
                        kMayDescribe = 16;
// Operations of Kafka that only access rules can allow. They are never stored as rights.
inline constexpr Rights kMayDelete = 32, kMayAlter = 64, kMayDescribeConfigs = 128,
                        kMayAlterConfigs = 256, kMayActForCluster = 512,
                        kMayWriteIdempotently = 1024;
inline constexpr std::string_view kEverything = "";  // as the topic of a right: all topics
// Kafka's consumer groups and transactional ids have rights, too, under names that no topic can
// have. Consuming as a group needs kMaySelect, writing in transactions kMayInsert.
inline constexpr std::string_view kGroupPrefix = "group:", kTransactionPrefix = "transaction:";
// The names that stand for all topics, all groups and all transactional ids. GRANT ... ON ALL sets
// the rights of all three.
inline constexpr std::string_view kAllOfAKind[] = {kEverything, "group:*", "transaction:*"};

// Roles, rights and access rules. Rights belong to topics, so that SQL statements and Kafka
// requests check the same rights; a stream or table has the rights of its topic. Like Kafka's
// access rules, rights are kept when the topic is deleted.
struct Users {
  std::map<std::string, Role> roles = {};
  // rights by the topic's name and then by the role's name
  std::map<std::string, std::map<std::string, Rights>> rights = {};
  AccessRules rules = {};  // Kafka's rules that a right cannot express
  // When a user that does not exist tries to log in, the server sends a plausible answer that is
  // derived from this secret, so that the client cannot learn which users exist. The secret is
  // created together with the first user.
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
// Erases a role with its rights and access rules, so that a later role of the same name begins
// without them.
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
// Adds or removes an access rule. Needs feature level 5.
struct SetRule {
  AccessRule rule;
  bool is_there = true;  // false: the rule is removed
};
using UserChange = std::variant<PutRole, EraseRole, SetRights, SetUsersSecret, SetRule>;

std::string encode_user_changes(const std::vector<UserChange>& changes);
// Returns the users after the changes. Fails with IncompatibleFormat, StorageFailure or
// LimitExceeded, in the same way on all nodes.
Result<Users> apply_user_changes(const Users& users, std::string_view part);
// Encodes all users and rights, as changes to an empty state.
std::string encode_users(const Users& users);

// Returns the rights of a role on a topic: its own rights, those of the roles of which it is a
// member, those on all topics, and those that access rules allow, without the operations that a
// rule denies. Does not consider superusers. If `topic` is one of kAllOfAKind, the result must hold
// for every name. So if a rule denies an operation on one name, the result does not contain it.
Rights rights_on(const Users& users, const std::string& role, const std::string& topic);
// Returns the rights of a set of roles, which is the result of roles_of().
Rights rights_on(const Users& users, const std::set<std::string>& roles, const std::string& topic);
// Returns the operations that Kafka's clients may do; `roles` is the result of roles_of(). The
// result contains rights_on() and the operations that these rights include in Kafka (READ, for
// example, includes DESCRIBE), unless a rule denies them. For the resource Cluster, `name` has no
// effect.
Rights operations_on(const Users& users, const std::set<std::string>& roles, RuleResource resource,
                     std::string_view name);
bool is_superuser(const Users& users, const std::string& role);
// Returns the roles whose rights the role has, including itself.
std::set<std::string> roles_of(const Users& users, const std::string& role);

}  // namespace storage
