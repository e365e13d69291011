#include "server/kafka/permissions.h"

#include <algorithm>

namespace server::kafka {

namespace {

using storage::kMayCreate;
using storage::kMayDescribe;
using storage::kMayInsert;
using storage::kMaySelect;
using storage::kOwns;
using storage::Rights;

// Any of these is enough; 0: for superusers.
struct Rule {
  ResourceType type;
  Operation operation;
  Rights rights;
};
// Whoever may read or write something may know how it is, as Kafka has it. To change or delete it is its owner's.
constexpr Rule kRules[] = {
    {ResourceType::Topic, Operation::Read, kMaySelect},
    {ResourceType::Topic, Operation::Write, kMayInsert},
    {ResourceType::Topic, Operation::Create, kMayCreate},
    {ResourceType::Topic, Operation::Describe, kMaySelect | kMayInsert | kMayDescribe},
    {ResourceType::Topic, Operation::DescribeConfigs, kMaySelect | kMayInsert | kMayDescribe},
    {ResourceType::Topic, Operation::Delete, kOwns},
    {ResourceType::Topic, Operation::Alter, kOwns},
    {ResourceType::Topic, Operation::AlterConfigs, kOwns},
    {ResourceType::Group, Operation::Read, kMaySelect},
    {ResourceType::Group, Operation::Describe, kMaySelect | kMayDescribe},
    {ResourceType::Group, Operation::Delete, kOwns},
    {ResourceType::TransactionalId, Operation::Write, kMayInsert},
    {ResourceType::TransactionalId, Operation::Describe, kMayInsert | kMayDescribe},
    {ResourceType::Cluster, Operation::Create, kMayCreate},
    {ResourceType::Cluster, Operation::Describe, kMaySelect | kMayDescribe},
    {ResourceType::Cluster, Operation::DescribeConfigs, kMaySelect | kMayDescribe},
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
  // No rights are kept for a topic without a name: that stands for everything.
  if (type == ResourceType::Topic && name.empty()) return false;
  return (storage::rights_on(*users_, roles_, key_of(type, name)) & rule->rights) != 0;
}

int32_t Permissions::operations_on(ResourceType type, std::string_view name) const {
  int32_t operations = 0;
  for (const Rule& each : kRules)
    if (each.type == type && may(each.operation, type, name))
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
