// Kafka's ACLs. If an ACL allows an operation to one existing role, on one name or on all names,
// and a right of SQL's GRANT has the same meaning, it is stored as this right. Every other ACL is
// stored as a rule in addition to the rights (docs/adr/0051).
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>

#include "server/kafka/cluster_view.h"
#include "server/kafka/handlers/handlers.h"
#include "server/kafka/permissions.h"
#include "server/kafka/sasl.h"
#include "server/kafka/wire_errors.h"

namespace server::kafka {

namespace {

using storage::Rights;

constexpr std::string_view kNoAccessRules =
    "access rules are not enabled: every client has all rights (--access-file enables them)";
constexpr int8_t kAny = 1;
constexpr int8_t kMatch = 2, kLiteral = 3, kPrefixed = 4;
constexpr int8_t kDeny = 2, kAllow = 3;
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

using storage::AccessRule;
using storage::RuleOperation;
using storage::RuleResource;

// An ACL, and the right of SQL that has the same meaning, if one exists.
struct AclRule {
  AccessRule rule;
  std::optional<Rights> right = {};
};

RuleResource resource_of_key(std::string_view key) {
  if (key.starts_with(storage::kGroupPrefix)) return RuleResource::Group;
  if (key.starts_with(storage::kTransactionPrefix)) return RuleResource::TransactionalId;
  return RuleResource::Topic;
}

// Returns the ACL that a right represents.
AccessRule rule_of(const std::string& key, const std::string& role, Operation operation) {
  AccessRule rule;
  rule.resource = resource_of_key(key);
  rule.principal = role;
  rule.operation = static_cast<RuleOperation>(operation);
  if (rule.resource == RuleResource::Group)
    rule.name = key.substr(storage::kGroupPrefix.size());
  else if (rule.resource == RuleResource::TransactionalId)
    rule.name = key.substr(storage::kTransactionPrefix.size());
  else if (key != storage::kEverything)
    rule.name = key;
  else
    rule.name = storage::kEveryName;
  if (key == storage::kEverything && operation == Operation::Create) {
    rule.resource = RuleResource::Cluster;
    rule.name = storage::kTheCluster;
  }
  return rule;
}

// Returns whether kafka-acls allows the operation for this type of resource. Other combinations
// have no meaning.
bool means_something(RuleResource type, RuleOperation operation) {
  using enum RuleOperation;
  switch (type) {
    case RuleResource::Topic:
      return operation != ClusterAction && operation != IdempotentWrite;
    case RuleResource::Group:
      return operation == All || operation == Read || operation == Describe ||
             operation == Delete || operation == DescribeConfigs || operation == AlterConfigs;
    case RuleResource::TransactionalId:
      return operation == All || operation == Write || operation == Describe;
    case RuleResource::Cluster:
      return operation != Read && operation != Write && operation != Delete;
  }
  return false;
}

std::vector<AclRule> rules_of(const storage::Users& users) {
  std::vector<AclRule> rules;
  for (const auto& [key, by_role] : users.rights) {
    // A key with a colon in its name belongs to the declaration of a stream or table
    // (server/metadata/rights.h), not to a topic, so its rights are not ACLs.
    const bool is_topic = resource_of_key(key) == RuleResource::Topic;
    if (is_topic && key.find(':') != std::string::npos) continue;
    for (const auto& [role, rights] : by_role)
      for (const Row& row : kRows)
        if (rights & row.right) {
          AccessRule rule = rule_of(key, role, row.operation);
          if (means_something(rule.resource, rule.operation))
            rules.push_back({std::move(rule), row.right});
        }
  }
  for (const AccessRule& rule : users.rules) rules.push_back({rule});
  return rules;
}

// Returns whether the name of an ACL matches the filter of DescribeAcls or DeleteAcls.
template <class Filter>
bool fits_name(const Filter& filter, const AccessRule& rule) {
  if (!filter.resource_name_filter)
    return filter.pattern_type_filter == kAny || filter.pattern_type_filter == kMatch ||
           filter.pattern_type_filter == (rule.is_prefix ? kPrefixed : kLiteral);
  const std::string& name = *filter.resource_name_filter;
  switch (filter.pattern_type_filter) {
    case kMatch:
      return rule.is_prefix ? name.starts_with(rule.name)
                            : name == rule.name || rule.name == storage::kEveryName;
    case kLiteral:
      return !rule.is_prefix && name == rule.name;
    case kPrefixed:
      return rule.is_prefix && name == rule.name;
    default:
      return filter.pattern_type_filter == kAny && name == rule.name;
  }
}
template <class Filter>
bool fits(const Filter& filter, const AccessRule& rule) {
  const auto is = [](int8_t wanted, auto value) {
    return wanted == kAny || wanted == static_cast<int8_t>(value);
  };
  return is(filter.resource_type_filter, rule.resource) && fits_name(filter, rule) &&
         (!filter.principal_filter ||
          *filter.principal_filter == std::string(kUserPrefix) + rule.principal) &&
         (!filter.host_filter || *filter.host_filter == "*") &&
         is(filter.operation, rule.operation) &&
         is(filter.permission_type, rule.denies ? kDeny : kAllow);
}

bool has_rules(const HandlerContext& context) { return context.sasl && context.sasl->has_limits(); }

// Returns whether the client may change the ACL. As in Kafka, superusers and users with ALTER on
// the cluster may change all ACLs. The owner of a resource may only allow others to use this
// resource, as with GRANT.
bool may_change(const HandlerContext& context, const AccessRule& rule) {
  if (!context.permissions || context.permissions->may_cluster(Operation::Alter)) return true;
  const bool is_of_one_name = !rule.is_prefix && rule.name != storage::kEveryName;
  return is_of_one_name && !rule.denies && rule.resource != RuleResource::Cluster &&
         context.permissions->owns(static_cast<ResourceType>(rule.resource), rule.name);
}

struct AclRefusal {
  KafkaError error = KafkaError::None;
  std::string message = {};
};

AclRefusal invalid(std::string message) { return {KafkaError::InvalidRequest, std::move(message)}; }

AclRefusal check_resource(const AccessRule& rule, int8_t pattern) {
  if (pattern != kLiteral && pattern != kPrefixed)
    return invalid("the pattern type of a rule must be LITERAL or PREFIXED");
  switch (rule.resource) {
    case RuleResource::Topic:
      if (rule.name.empty() || rule.name.find(':') != std::string::npos)
        return invalid(fmt::format("\"{}\" is not a valid topic name", rule.name));
      return {};
    case RuleResource::Group:
    case RuleResource::TransactionalId:
      return rule.name.empty() ? invalid("the resource name is empty") : AclRefusal{};
    case RuleResource::Cluster:
      return rule.name == kClusterName && !rule.is_prefix
                 ? AclRefusal{}
                 : invalid(fmt::format("the name of the cluster is {}, and its pattern type is "
                                       "LITERAL",
                                       kClusterName));
  }
  return invalid("rules must be for topics, groups, transactional ids or the cluster");
}

// Returns the right with the same meaning as the ACL, if the role and such a right exist.
std::optional<Rights> right_of(const AccessRule& rule, const storage::Users& users) {
  if (rule.denies || rule.is_prefix || !users.roles.contains(rule.principal)) return {};
  const auto operation = static_cast<Operation>(rule.operation);
  const auto* const row = std::ranges::find(kRows, operation, &Row::operation);
  if (row == std::end(kRows)) return {};
  const bool is_cluster = rule.resource == RuleResource::Cluster;
  // Kafka expresses the right to create any topic as CREATE on the cluster. So no other operation
  // on the cluster is a right of SQL, and neither is CREATE on all topics.
  if (is_cluster ? operation != Operation::Create
                 : operation == Operation::Create && rule.name == storage::kEveryName)
    return {};
  return row->right;
}

constexpr size_t kMostAclNameBytes = 4'096;  // the limit for a group's id

// Reads the ACL, or returns the reason for refusing it.
AclRefusal read_rule(const CreateAclsRequest::Creation& asked, const storage::Users& users,
                     AclRule& read) {
  AccessRule& rule = read.rule;
  rule.resource = static_cast<RuleResource>(asked.resource_type);
  rule.is_prefix = asked.resource_pattern_type == kPrefixed;
  rule.name = asked.resource_name;
  if (AclRefusal refused = check_resource(rule, asked.resource_pattern_type);
      refused.error != KafkaError::None)
    return refused;
  if (asked.permission_type != kAllow && asked.permission_type != kDeny)
    return invalid("a rule must be ALLOW or DENY");
  rule.denies = asked.permission_type == kDeny;
  if (asked.host != "*") return invalid("rules for single hosts belong in the access file");
  if (!asked.principal.starts_with(kUserPrefix) || asked.principal.size() == kUserPrefix.size())
    return invalid(fmt::format("a principal must have the form {}NAME", kUserPrefix));
  rule.principal = asked.principal.substr(kUserPrefix.size());
  if (rule.name.size() > kMostAclNameBytes || rule.principal.size() > kMostAclNameBytes)
    return invalid(fmt::format("a name has at most {} bytes", kMostAclNameBytes));
  rule.operation = static_cast<RuleOperation>(asked.operation);
  if (asked.operation < static_cast<int8_t>(RuleOperation::All) ||
      asked.operation > static_cast<int8_t>(RuleOperation::IdempotentWrite) ||
      !means_something(rule.resource, rule.operation))
    return invalid("the operation is not valid for this resource type");
  read.right = right_of(rule, users);
  return {};
}

std::string key_of_right(const AccessRule& rule) {
  return key_of(static_cast<ResourceType>(rule.resource), rule.name);
}

// Combines the ACLs that a request adds or removes into user changes: one change for each right,
// even if several ACLs name this right, and the changes of the rules.
class RulesChange {
 public:
  void add(const AclRule& rule, bool is_given) { steps_.push_back({rule, is_given}); }
  bool empty() const { return steps_.empty(); }

  std::vector<storage::UserChange> operator()(const storage::Users& users) const {
    std::map<std::pair<std::string, std::string>, Rights> after;
    std::vector<storage::UserChange> changes;
    for (const Step& step : steps_) {
      const AccessRule& rule = step.rule.rule;
      if (!step.rule.right) {
        changes.push_back(storage::SetRule{rule, step.is_given});
        continue;
      }
      // The role may have been dropped meanwhile, together with its rights. In this case nothing
      // has to be changed.
      if (!users.roles.contains(rule.principal)) continue;
      const std::string key = key_of_right(rule);
      const auto [place, is_first] = after.try_emplace({key, rule.principal}, Rights{0});
      if (is_first)
        if (const auto by_role = users.rights.find(key); by_role != users.rights.end())
          if (const auto held = by_role->second.find(rule.principal); held != by_role->second.end())
            place->second = held->second;
      place->second = static_cast<Rights>(step.is_given ? place->second | *step.rule.right
                                                        : place->second & ~*step.rule.right);
    }
    for (const auto& [place, rights] : after)
      changes.push_back(storage::SetRights{place.first, place.second, rights});
    return changes;
  }

 private:
  struct Step {
    AclRule rule;
    bool is_given;
  };
  std::vector<Step> steps_;
};

// Returns whether ACLs may be stored as rules. A node with an older program could not apply a
// metadata command with such a rule.
bool may_keep_rules(const HandlerContext& context) {
  const auto view = context.backend.cluster();
  return !view || view->metadata->feature_level() >= storage::kAccessRulesLevel;
}

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
    response.error_message = "to list rules, SELECT ON ALL or superuser rights are required";
    return reply.send(response);
  }
  using Place = std::tuple<RuleResource, std::string, bool>;
  std::map<Place, std::set<std::tuple<std::string, RuleOperation, bool>>> resources;
  for (const AclRule& each : rules_of(*context.backend.users()))
    if (const AccessRule& rule = each.rule; fits(request, rule))
      resources[{rule.resource, rule.name, rule.is_prefix}].emplace(rule.principal, rule.operation,
                                                                    rule.denies);
  for (const auto& [place, acls] : resources) {
    auto& resource = response.resources.emplace_back();
    resource.resource_type = static_cast<int8_t>(std::get<0>(place));
    resource.resource_name = std::get<1>(place);
    resource.pattern_type = std::get<2>(place) ? kPrefixed : kLiteral;
    for (const auto& [principal, operation, denies] : acls)
      resource.acls.push_back({std::string(kUserPrefix) + principal, "*",
                               static_cast<int8_t>(operation), denies ? kDeny : kAllow});
  }
  reply.send(response);
}

void handle_create_acls(HandlerContext& context, CreateAclsRequest request,
                        Reply<CreateAclsResponse> reply) {
  CreateAclsResponse response;
  RulesChange change;
  const auto users = context.backend.users();
  for (const auto& asked : request.creations) {
    auto& result = response.results.emplace_back();
    AclRule rule;
    AclRefusal refused;
    if (!has_rules(context))
      refused = {kSecurityDisabled, std::string(kNoAccessRules)};
    else
      refused = read_rule(asked, *users, rule);
    if (refused.error == KafkaError::None && !may_change(context, rule.rule))
      refused = {kClusterRefused,
                 "only superusers can create this rule; the owner of a resource can allow access "
                 "with LITERAL rules"};
    if (refused.error == KafkaError::None && !rule.right && !may_keep_rules(context))
      refused = invalid(fmt::format(
          "rules that are PREFIXED, deny, are for User:* or allow a single operation require "
          "millrace.version {}: kafka-features upgrade --feature millrace.version={}",
          storage::kAccessRulesLevel.value(), storage::kAccessRulesLevel.value()));
    if (refused.error == KafkaError::None) {
      change.add(rule, true);
      continue;
    }
    result.error_code = refused.error;
    result.error_message = std::move(refused.message);
  }
  if (change.empty()) return reply.send(response);
  context.backend.change_users(
      std::move(change), [reply, response = std::move(response)](Status done) mutable {
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
  RulesChange change;
  const std::vector<AclRule> rules =
      has_rules(context) ? rules_of(*context.backend.users()) : std::vector<AclRule>();
  for (const auto& filter : request.filters) {
    auto& result = response.filter_results.emplace_back();
    if (!has_rules(context)) {
      result.error_code = kSecurityDisabled;
      result.error_message = kNoAccessRules;
      continue;
    }
    for (const AclRule& each : rules) {
      const AccessRule& rule = each.rule;
      if (!fits(filter, rule)) continue;
      // An ACL that the client may not see is not listed.
      if (!may_change(context, rule)) {
        result.error_code = kClusterRefused;
        continue;
      }
      auto& match = result.matching_acls.emplace_back();
      match.resource_type = static_cast<int8_t>(rule.resource);
      match.resource_name = rule.name;
      match.pattern_type = rule.is_prefix ? kPrefixed : kLiteral;
      match.principal = std::string(kUserPrefix) + rule.principal;
      match.host = "*";
      match.operation = static_cast<int8_t>(rule.operation);
      match.permission_type = rule.denies ? kDeny : kAllow;
      change.add(each, false);
    }
  }
  if (change.empty()) return reply.send(response);
  context.backend.change_users(
      std::move(change), [reply, response = std::move(response)](Status done) mutable {
        if (!done)
          for (auto& result : response.filter_results)
            result = {kafka_error(done.error().code), done.error().message, {}};
        reply.send(response);
      });
}

}  // namespace server::kafka
