#include "server/kafka/permissions.h"

#include <algorithm>

namespace server::kafka {

namespace {

using storage::Rights;

// The right that allows an operation on a type of resource. Operations without a row are refused.
// On the cluster, SQL rights allow only CREATE and descriptions; the other operations need a
// superuser or an ACL.
struct Rule {
  ResourceType type;
  Operation operation;
  Rights right;
};
constexpr Rule kRules[] = {
    {ResourceType::Topic, Operation::Read, storage::kMaySelect},
    {ResourceType::Topic, Operation::Write, storage::kMayInsert},
    {ResourceType::Topic, Operation::Create, storage::kMayCreate},
    {ResourceType::Topic, Operation::Describe, storage::kMayDescribe},
    {ResourceType::Topic, Operation::DescribeConfigs, storage::kMayDescribeConfigs},
    {ResourceType::Topic, Operation::Delete, storage::kMayDelete},
    {ResourceType::Topic, Operation::Alter, storage::kMayAlter},
    {ResourceType::Topic, Operation::AlterConfigs, storage::kMayAlterConfigs},
    {ResourceType::Group, Operation::Read, storage::kMaySelect},
    {ResourceType::Group, Operation::Describe, storage::kMayDescribe},
    {ResourceType::Group, Operation::Delete, storage::kMayDelete},
    {ResourceType::TransactionalId, Operation::Write, storage::kMayInsert},
    {ResourceType::TransactionalId, Operation::Describe, storage::kMayDescribe},
    {ResourceType::Cluster, Operation::Create, storage::kMayCreate},
    {ResourceType::Cluster, Operation::Describe, storage::kMayDescribe},
    {ResourceType::Cluster, Operation::DescribeConfigs, storage::kMayDescribeConfigs},
    {ResourceType::Cluster, Operation::Alter, storage::kMayAlter},
    {ResourceType::Cluster, Operation::AlterConfigs, storage::kMayAlterConfigs},
    {ResourceType::Cluster, Operation::ClusterAction, storage::kMayActForCluster},
    {ResourceType::Cluster, Operation::IdempotentWrite, storage::kMayWriteIdempotently},
};

}  // namespace

std::string key_of(ResourceType type, std::string_view name) {
  switch (type) {
    case ResourceType::Topic:
      return std::string(name == "*" ? storage::kEverything : name);
    case ResourceType::Group:
      return std::string(storage::kGroupPrefix).append(name);
    case ResourceType::TransactionalId:
      return std::string(storage::kTransactionPrefix).append(name);
    default:
      return std::string(storage::kEverything);
  }
}

Permissions::Permissions(std::shared_ptr<const storage::Users> users, std::string user)
    : users_(std::move(users)),
      user_(std::move(user)),
      roles_(storage::roles_of(*users_, user_)),
      is_superuser_(storage::is_superuser(*users_, user_)) {}

bool Permissions::may(Operation operation, ResourceType type, std::string_view name) const {
  if (is_superuser_) return true;
  const auto* const rule = std::ranges::find_if(
      kRules, [&](const Rule& each) { return each.type == type && each.operation == operation; });
  if (rule == std::end(kRules)) return false;
  // In the table of rights, an empty name stands for all topics. A request with an empty topic name
  // must not use these rights. No topic has an empty name.
  if (type == ResourceType::Topic && name.empty()) return false;
  const auto resource = static_cast<storage::RuleResource>(type);
  return (storage::operations_on(*users_, roles_, resource, name) & rule->right) != 0;
}

bool Permissions::owns(ResourceType type, std::string_view name) const {
  return is_superuser_ ||
         (storage::rights_on(*users_, roles_, key_of(type, name)) & storage::kOwns) != 0;
}

int32_t Permissions::operations_on(ResourceType type, std::string_view name) const {
  const bool has_name = type != ResourceType::Topic || !name.empty();
  const auto resource = static_cast<storage::RuleResource>(type);
  const Rights held = has_name && !is_superuser_
                          ? storage::operations_on(*users_, roles_, resource, name)
                          : Rights{0};
  int32_t operations = 0;
  for (const Rule& each : kRules)
    if (each.type == type && (is_superuser_ || (held & each.right) != 0))
      operations |= 1 << static_cast<int>(each.operation);
  return operations;
}

int32_t authorized_operations(const Permissions* permissions, ResourceType type,
                              std::string_view name) {
  if (permissions) return permissions->operations_on(type, name);
  switch (type) {
    case ResourceType::Topic:
      return kAllTopicOperations;
    case ResourceType::Group:
      return kAllGroupOperations;
    default:
      return kAllClusterOperations;
  }
}

}  // namespace server::kafka
