// The access rights of a client's user, as operations of Kafka's ACLs. They include the rights that
// SQL's GRANT gives.
#pragma once
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "storage/meta/users.h"

namespace server::kafka {

// The operations of Kafka's ACLs, with the protocol's numbers.
enum class Operation : int8_t {
  Any = 1,
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
enum class ResourceType : int8_t {
  Any = 1,
  Topic = 2,
  Group = 3,
  Cluster = 4,
  TransactionalId = 5
};
inline constexpr std::string_view kClusterName = "kafka-cluster";

// Returns the name under which rights on a resource are stored. Rights on the cluster are stored as
// rights on everything.
std::string key_of(ResourceType type, std::string_view name);

// The rights of one user at one moment.
//
// Threads: any; the object never changes. Owner: the session, which replaces it when the users
// change.
class Permissions {
 public:
  Permissions(std::shared_ptr<const storage::Users> users, std::string user);

  // Returns whether the user may do everything, because the user is a superuser.
  bool is_unlimited() const { return is_superuser_; }
  bool may(Operation operation, ResourceType type, std::string_view name) const;
  bool may_topic(Operation operation, std::string_view name) const {
    return may(operation, ResourceType::Topic, name);
  }
  bool may_group(Operation operation, std::string_view name) const {
    return may(operation, ResourceType::Group, name);
  }
  bool may_cluster(Operation operation) const {
    return may(operation, ResourceType::Cluster, kClusterName);
  }
  // Returns whether the user has ALL on the resource, by a right or an ACL, without any denial.
  bool owns(ResourceType type, std::string_view name) const;
  int32_t operations_on(ResourceType type, std::string_view name) const;

  const std::string& user() const { return user_; }
  const storage::Users& users() const { return *users_; }

 private:
  const std::shared_ptr<const storage::Users> users_;
  const std::string user_;
  const std::set<std::string> roles_;
  const bool is_superuser_;
};

// The bits of all operations that Kafka defines for a type of resource. Clients without limits may
// perform all of them.
inline constexpr int32_t kAllTopicOperations = 0xdf8, kAllClusterOperations = 0x1fa0,
                         kAllGroupOperations = 0xd48;
// Returns a bit for each operation that the client may perform on the resource, for requests that
// ask for these bits (KIP-430). A client without limits has null as `permissions`.
int32_t authorized_operations(const Permissions* permissions, ResourceType type,
                              std::string_view name);

}  // namespace server::kafka
