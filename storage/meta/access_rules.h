// Kafka's access rules (ACLs) that no right of SQL's GRANT can express. Such a rule is for all
// names with a prefix, for all users, for a single operation, or for a role that does not exist
// yet, or it denies an operation (docs/adr/0051).
#pragma once
#include <compare>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>

namespace storage {

// RuleResource and RuleOperation have the numbers of Kafka's protocol.
enum class RuleResource : int8_t { Topic = 2, Group = 3, Cluster = 4, TransactionalId = 5 };
enum class RuleOperation : int8_t {
  All = 2,
  Read = 3,
  Write = 4,
  Create = 5,
  Delete = 6,
  Alter = 7,
  Describe = 8,
  ClusterAction = 9,
  DescribeConfigs = 10,
  AlterConfigs = 11,
  IdempotentWrite = 12
};

inline constexpr std::string_view kEverybody = "*";  // as a principal: every user
inline constexpr std::string_view kEveryName = "*";  // as a literal name: every name
// The only name that a resource of type Cluster has.
inline constexpr std::string_view kTheCluster = "kafka-cluster";

struct AccessRule {
  RuleResource resource = RuleResource::Topic;
  bool is_prefix = false;  // `name` is a prefix of names
  std::string name = {};
  std::string principal = {};  // a role, whether it exists or not, or kEverybody
  RuleOperation operation = RuleOperation::All;
  bool denies = false;
  // Members are compared in their order, so that the rules for one name are adjacent in a set.
  auto operator<=>(const AccessRule&) const = default;
};
using AccessRules = std::set<AccessRule>;

// Calls `visit` for each rule that matches the resource: by its exact name, for every name, or by a
// prefix of its name. The cost grows with the number of matching rules, not of all rules.
void for_each_rule(const AccessRules& rules, RuleResource resource, std::string_view name,
                   const std::function<void(const AccessRule&)>& visit);

}  // namespace storage
