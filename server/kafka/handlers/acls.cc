// Kafka's access rules, over the rights that SQL's GRANT gives: a right is a rule that allows, for one role, from
// everywhere. What rights cannot say is refused.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "server/kafka/handlers/handlers.h"
#include "server/kafka/permissions.h"
#include "server/kafka/sasl.h"
#include "server/kafka/wire_errors.h"

namespace server::kafka {

namespace {

using storage::Rights;

constexpr std::string_view kNoAccessRules =
    "there are no access rules: everybody may do everything (--access-file)";
constexpr int8_t kAnyPattern = 1, kMatch = 2, kLiteral = 3;
constexpr int8_t kAnyPermission = 1, kAllow = 3;
constexpr std::string_view kUserPrefix = "User:";

struct Row {
  Rights right;
  Operation operation;
};
constexpr Row kRows[] = {{storage::kMaySelect, Operation::Read},
                         {storage::kMayInsert, Operation::Write},
                         {storage::kMayCreate, Operation::Create},
                         {storage::kMayDescribe, Operation::Describe},
                         {storage::kOwns, Operation::All}};

struct Resource {
  ResourceType type;
  std::string name;
  bool operator<(const Resource& other) const {
    return std::tie(type, name) < std::tie(other.type, other.name);
  }
};
// One right of one role.
struct Rule {
  Resource resource;
  Operation operation;
  std::string role;
  std::string key;  // of the rights
  Rights right;
};

Resource resource_of(const std::string& key, Operation operation) {
  for (const auto& [prefix, type] :
       {std::pair{storage::kGroupPrefix, ResourceType::Group},
        std::pair{storage::kTransactionPrefix, ResourceType::TransactionalId}})
    if (key.starts_with(prefix)) return {type, key.substr(prefix.size())};
  if (key != storage::kEverything) return {ResourceType::Topic, key};
  if (operation == Operation::Create) return {ResourceType::Cluster, std::string(kClusterName)};
  return {ResourceType::Topic, "*"};
}

// Those that can mean something: to create a group is no right.
bool is_told(ResourceType type, Operation operation) {
  switch (type) {
    case ResourceType::Group:
      return operation != Operation::Write && operation != Operation::Create;
    case ResourceType::TransactionalId:
      return operation != Operation::Read && operation != Operation::Create;
    default:
      return true;
  }
}

std::vector<Rule> rules_of(const storage::Users& users) {
  std::vector<Rule> rules;
  for (const auto& [key, by_role] : users.rights)
    for (const auto& [role, rights] : by_role)
      for (const Row& row : kRows) {
        Resource resource = resource_of(key, row.operation);
        if ((rights & row.right) && is_told(resource.type, row.operation))
          rules.push_back({std::move(resource), row.operation, role, key, row.right});
      }
  return rules;
}

// `filter`: of DescribeAcls or DeleteAcls.
template <class Filter>
bool fits(const Filter& filter, const Rule& rule) {
  const auto is = [](int8_t wanted, auto value) {
    return wanted == 1 || wanted == static_cast<int8_t>(value);
  };
  const bool is_named = !filter.resource_name_filter ||
                        *filter.resource_name_filter == rule.resource.name ||
                        (filter.pattern_type_filter == kMatch && rule.resource.name == "*");
  return is(filter.resource_type_filter, rule.resource.type) && is_named &&
         (filter.pattern_type_filter == kAnyPattern || filter.pattern_type_filter == kMatch ||
          filter.pattern_type_filter == kLiteral) &&
         (!filter.principal_filter ||
          *filter.principal_filter == std::string(kUserPrefix) + rule.role) &&
         (!filter.host_filter || *filter.host_filter == "*") &&
         is(filter.operation, rule.operation) &&
         (filter.permission_type == kAnyPermission || filter.permission_type == kAllow);
}

bool has_rules(const HandlerContext& context) { return context.sasl && context.sasl->has_limits(); }

// Who owns something may say who else may use it, as with GRANT.
bool may_change(const HandlerContext& context, const Resource& resource) {
  return !context.permissions ||
         (resource.type != ResourceType::Cluster && resource.name != "*" &&
          context.permissions->may(Operation::Delete, resource.type, resource.name));
}

struct Refusal {
  KafkaError error = KafkaError::None;
  std::string message = {};
};

Refusal invalid(std::string message) { return {KafkaError::InvalidRequest, std::move(message)}; }

Refusal check_resource(const Resource& resource, int8_t pattern) {
  if (pattern != kLiteral)
    return invalid("rules for all names that begin alike are not supported yet: LITERAL is");
  switch (resource.type) {
    case ResourceType::Topic:
      if (resource.name.empty() || resource.name.find(':') != std::string::npos)
        return invalid(fmt::format("\"{}\" cannot be the name of a topic", resource.name));
      return {};
    case ResourceType::Group:
    case ResourceType::TransactionalId:
      return resource.name.empty() ? invalid("the name is empty") : Refusal{};
    case ResourceType::Cluster:
      return resource.name == kClusterName
                 ? Refusal{}
                 : invalid(fmt::format("the cluster is called {}", kClusterName));
    default:
      return invalid("there are rules for topics, groups, transactional ids and the cluster");
  }
}

// Which right a rule is; else why there is none.
Refusal read_rule(const CreateAclsRequest::Creation& asked, const storage::Users& users,
                  Rule& rule) {
  rule.resource = {static_cast<ResourceType>(asked.resource_type), asked.resource_name};
  if (Refusal refused = check_resource(rule.resource, asked.resource_pattern_type);
      refused.error != KafkaError::None)
    return refused;
  if (asked.permission_type != kAllow)
    return invalid("rules that deny are not supported: what is not allowed is denied");
  if (asked.host != "*") return invalid("rules for single hosts are lines of the access file");
  if (!asked.principal.starts_with(kUserPrefix))
    return invalid(fmt::format("a principal is written {}NAME", kUserPrefix));
  rule.role = asked.principal.substr(kUserPrefix.size());
  if (!users.roles.contains(rule.role))
    return invalid(fmt::format("role \"{}\" does not exist", rule.role));
  rule.operation = static_cast<Operation>(asked.operation);
  const auto* const row = std::ranges::find(kRows, rule.operation, &Row::operation);
  const bool is_cluster = rule.resource.type == ResourceType::Cluster;
  if (row == std::end(kRows) || !is_told(rule.resource.type, rule.operation) ||
      (is_cluster && rule.operation != Operation::Create))
    return invalid(is_cluster
                       ? "of operations on the cluster CREATE can be allowed; all others are a "
                         "superuser's"
                       : "this operation cannot be allowed by itself: READ, WRITE, CREATE and "
                         "DESCRIBE can, and ALL, which is ownership");
  rule.key = key_of(rule.resource.type, rule.resource.name);
  rule.right = row->right;
  return {};
}

// One change of each right, which may be named more than once.
class RightsChange {
 public:
  void add(const Rule& rule, bool is_given) {
    steps_.push_back({rule.key, rule.role, rule.right, is_given});
  }
  bool empty() const { return steps_.empty(); }

  std::vector<storage::UserChange> operator()(const storage::Users& users) const {
    std::map<std::pair<std::string, std::string>, Rights> after;
    for (const Step& step : steps_) {
      if (!users.roles.contains(step.role)) continue;
      const auto [place, is_first] = after.try_emplace({step.key, step.role}, Rights{0});
      if (is_first)
        if (const auto key = users.rights.find(step.key); key != users.rights.end())
          if (const auto held = key->second.find(step.role); held != key->second.end())
            place->second = held->second;
      place->second = static_cast<Rights>(step.is_given ? place->second | step.right
                                                        : place->second & ~step.right);
    }
    std::vector<storage::UserChange> changes;
    for (const auto& [place, rights] : after)
      changes.push_back(storage::SetRights{place.first, place.second, rights});
    return changes;
  }

 private:
  struct Step {
    std::string key, role;
    Rights right;
    bool is_given;
  };
  std::vector<Step> steps_;
};

}  // namespace

void handle_describe_acls(HandlerContext& context, DescribeAclsRequest request,
                          Reply<DescribeAclsResponse> reply) {
  DescribeAclsResponse response;
  if (!has_rules(context)) {
    response.error_code = kSecurityDisabled;
    response.error_message = kNoAccessRules;
    return reply.send(response);
  }
  if (context.permissions && !context.permissions->may_cluster(Operation::Describe)) {
    response.error_code = kClusterRefused;
    response.error_message = "to list rules one needs SELECT ON ALL, or to be a superuser";
    return reply.send(response);
  }
  std::map<Resource, DescribeAclsResponse::Resource> resources;
  for (const Rule& rule : rules_of(*context.backend.users())) {
    if (!fits(request, rule)) continue;
    auto& resource = resources[rule.resource];
    resource.acls.push_back(
        {std::string(kUserPrefix) + rule.role, "*", static_cast<int8_t>(rule.operation), kAllow});
  }
  for (auto& [resource, told] : resources) {
    told.resource_type = static_cast<int8_t>(resource.type);
    told.resource_name = resource.name;
    told.pattern_type = kLiteral;
    response.resources.push_back(std::move(told));
  }
  reply.send(response);
}

void handle_create_acls(HandlerContext& context, CreateAclsRequest request,
                        Reply<CreateAclsResponse> reply) {
  CreateAclsResponse response;
  RightsChange change;
  const auto users = context.backend.users();
  for (const auto& asked : request.creations) {
    auto& result = response.results.emplace_back();
    Rule rule;
    Refusal refused;
    if (!has_rules(context))
      refused = {kSecurityDisabled, std::string(kNoAccessRules)};
    else
      refused = read_rule(asked, *users, rule);
    if (refused.error == KafkaError::None && !may_change(context, rule.resource))
      refused = {kClusterRefused, "only its owner and superusers say who may use it"};
    if (refused.error == KafkaError::None) {
      change.add(rule, true);
      continue;
    }
    result.error_code = refused.error;
    result.error_message = std::move(refused.message);
  }
  if (change.empty()) return reply.send(response);
  context.backend.change_users(
      std::move(change),
      [reply, response = std::move(response)](Status done) mutable {
        if (!done)
          for (auto& result : response.results)
            if (result.error_code == KafkaError::None)
              result = {kafka_error(done.error().code), done.error().message};
        reply.send(response);
      });
}

void handle_delete_acls(HandlerContext& context, DeleteAclsRequest request,
                        Reply<DeleteAclsResponse> reply) {
  DeleteAclsResponse response;
  RightsChange change;
  const std::vector<Rule> rules =
      has_rules(context) ? rules_of(*context.backend.users()) : std::vector<Rule>();
  for (const auto& filter : request.filters) {
    auto& result = response.filter_results.emplace_back();
    if (!has_rules(context)) {
      result.error_code = kSecurityDisabled;
      result.error_message = kNoAccessRules;
      continue;
    }
    for (const Rule& rule : rules) {
      if (!fits(filter, rule)) continue;
      // What somebody may not see is not there for it.
      if (!may_change(context, rule.resource)) {
        result.error_code = kClusterRefused;
        continue;
      }
      auto& match = result.matching_acls.emplace_back();
      match.resource_type = static_cast<int8_t>(rule.resource.type);
      match.resource_name = rule.resource.name;
      match.pattern_type = kLiteral;
      match.principal = std::string(kUserPrefix) + rule.role;
      match.host = "*";
      match.operation = static_cast<int8_t>(rule.operation);
      match.permission_type = kAllow;
      change.add(rule, false);
    }
  }
  if (change.empty()) return reply.send(response);
  context.backend.change_users(
      std::move(change),
      [reply, response = std::move(response)](Status done) mutable {
        if (!done)
          for (auto& result : response.filter_results)
            result = {kafka_error(done.error().code), done.error().message, {}};
        reply.send(response);
      });
}

}  // namespace server::kafka
