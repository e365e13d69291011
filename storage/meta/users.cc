#include "storage/meta/users.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/sized.h"

namespace storage {

namespace {

// part    = version u8, count of changes varint, changes
// change  = 1 name flags u8 (1: may log in, 2: superuser) count (mechanism verifier)* count (role)*
//         | 2 name
//         | 3 topic role rights u8
//         | 4 secret
//         | 5 name resource u8 operation u8 flags u8 (1: prefix, 2: denies, 4: removed) principal
// Texts follow their lengths, which are varints.
constexpr uint8_t kUsersVersion = 1;
// The version of a part with access rules. Parts without such rules have the earlier version, so
// that earlier programs can read them.
constexpr uint8_t kVersionWithRules = 2;
constexpr uint8_t kPutRole = 1, kEraseRole = 2, kSetRights = 3, kSetSecret = 4, kSetRule = 5;
constexpr uint8_t kPrefix = 1, kDenies = 2, kGoes = 4;
constexpr uint8_t kMayLogin = 1, kSuperuser = 2;

// The numbers of roles, rights and rules are limited, because each change copies all of them.
constexpr size_t kMostRoles = 10'000, kMostRights = 100'000, kMostRules = 10'000;

Error damaged_users() { return {ErrorCode::StorageFailure, "a change of users is damaged"}; }

struct Encoder {
  std::string& out;

  void operator()(const PutRole& put) const {
    out += static_cast<char>(kPutRole);
    append_sized(out, put.name);
    out += static_cast<char>((put.role.may_login ? kMayLogin : 0) |
                             (put.role.is_superuser ? kSuperuser : 0));
    append_varint(out, put.role.verifiers.size());
    for (const auto& [mechanism, verifier] : put.role.verifiers) {
      append_sized(out, mechanism);
      append_sized(out, verifier);
    }
    append_varint(out, put.role.member_of.size());
    for (const std::string& role : put.role.member_of) append_sized(out, role);
  }
  void operator()(const EraseRole& erase) const {
    out += static_cast<char>(kEraseRole);
    append_sized(out, erase.name);
  }
  void operator()(const SetRights& set) const {
    out += static_cast<char>(kSetRights);
    append_sized(out, set.topic);
    append_sized(out, set.role);
    out += static_cast<char>(set.rights);
  }
  void operator()(const SetUsersSecret& set) const {
    out += static_cast<char>(kSetSecret);
    append_sized(out, set.secret);
  }
  void operator()(const SetRule& set) const {
    out += static_cast<char>(kSetRule);
    append_sized(out, set.rule.name);
    out += static_cast<char>(set.rule.resource);
    out += static_cast<char>(set.rule.operation);
    out += static_cast<char>((set.rule.is_prefix ? kPrefix : 0) | (set.rule.denies ? kDenies : 0) |
                             (set.is_there ? 0 : kGoes));
    append_sized(out, set.rule.principal);
  }
};

Role read_role(ByteReader& in) {
  Role role;
  const auto flags = in.be<uint8_t>();
  role.may_login = (flags & kMayLogin) != 0;
  role.is_superuser = (flags & kSuperuser) != 0;
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) {
    std::string mechanism(read_sized(in));
    role.verifiers.insert_or_assign(std::move(mechanism), std::string(read_sized(in)));
  }
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left)
    role.member_of.emplace(read_sized(in));
  return role;
}

void put_role(Users& users, std::string name, Role role) {
  const auto found = users.roles.find(name);
  role.incarnation = found == users.roles.end() ? ++users.incarnations : found->second.incarnation;
  users.roles.insert_or_assign(std::move(name), std::move(role));
}

void erase_role(Users& users, const std::string& name) {
  users.roles.erase(name);
  for (auto& [other, role] : users.roles) role.member_of.erase(name);
  for (auto& [topic, by_role] : users.rights) by_role.erase(name);
  std::erase_if(users.rules, [&](const AccessRule& rule) { return rule.principal == name; });
  std::erase_if(users.rights, [](const auto& entry) { return entry.second.empty(); });
}

void set_rights(Users& users, const std::string& topic, const std::string& role, Rights rights) {
  if (rights != 0) {
    users.rights[topic][role] = rights;
    return;
  }
  const auto found = users.rights.find(topic);
  if (found == users.rights.end()) return;
  found->second.erase(role);
  if (found->second.empty()) users.rights.erase(found);
}

void read_rule(ByteReader& in, Users& users, std::string name) {
  AccessRule rule;
  rule.name = std::move(name);
  const auto resource = in.be<uint8_t>(), operation = in.be<uint8_t>(), flags = in.be<uint8_t>();
  rule.principal = read_sized(in);
  const bool is_known = resource >= static_cast<uint8_t>(RuleResource::Topic) &&
                        resource <= static_cast<uint8_t>(RuleResource::TransactionalId) &&
                        operation >= static_cast<uint8_t>(RuleOperation::All) &&
                        operation <= static_cast<uint8_t>(RuleOperation::IdempotentWrite);
  // A rule with unknown fields makes the whole part fail. If only this rule were skipped,
  // operations that it denies could be allowed.
  if (!in.ok() || !is_known) return in.fail();
  rule.resource = static_cast<RuleResource>(resource);
  rule.operation = static_cast<RuleOperation>(operation);
  rule.is_prefix = (flags & kPrefix) != 0;
  rule.denies = (flags & kDenies) != 0;
  if (flags & kGoes)
    users.rules.erase(rule);
  else
    users.rules.insert(std::move(rule));
}

void read_change(ByteReader& in, Users& users) {
  const auto kind = in.be<uint8_t>();
  std::string name(read_sized(in));
  if (kind == kPutRole) {
    put_role(users, std::move(name), read_role(in));
  } else if (kind == kEraseRole) {
    erase_role(users, name);
  } else if (kind == kSetRights) {
    const std::string role(read_sized(in));
    set_rights(users, name, role, in.be<uint8_t>());
  } else if (kind == kSetSecret) {
    users.secret = std::move(name);
  } else if (kind == kSetRule) {
    read_rule(in, users, std::move(name));
  } else {
    in.fail();
  }
}

}  // namespace

std::string encode_user_changes(const std::vector<UserChange>& changes) {
  const bool has_rules = std::ranges::any_of(
      changes, [](const UserChange& each) { return std::holds_alternative<SetRule>(each); });
  std::string part(1, static_cast<char>(has_rules ? kVersionWithRules : kUsersVersion));
  append_varint(part, changes.size());
  for (const UserChange& change : changes) std::visit(Encoder{part}, change);
  return part;
}

Result<Users> apply_user_changes(const Users& users, std::string_view part) {
  ByteReader in(part);
  const auto version = in.be<uint8_t>();
  if (!in.ok()) return damaged_users();
  if (version > kVersionWithRules)
    return Error{ErrorCode::IncompatibleFormat, "a change of users was written by a newer version"};
  Users changed = users;
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) read_change(in, changed);
  if (!in.ok() || !in.at_end()) return damaged_users();
  size_t rights = 0;
  for (const auto& [topic, by_role] : changed.rights) rights += by_role.size();
  if (changed.roles.size() > kMostRoles || rights > kMostRights)
    return Error{
        ErrorCode::LimitExceeded,
        fmt::format("at most {} roles with {} rights are possible", kMostRoles, kMostRights)};
  if (changed.rules.size() > kMostRules)
    return Error{ErrorCode::LimitExceeded,
                 fmt::format("at most {} access rules besides rights are possible", kMostRules)};
  return changed;
}

std::string encode_users(const Users& users) {
  std::vector<UserChange> changes;
  if (!users.secret.empty()) changes.push_back(SetUsersSecret{users.secret});
  for (const auto& [name, role] : users.roles) changes.push_back(PutRole{name, role});
  for (const auto& [topic, by_role] : users.rights)
    for (const auto& [role, rights] : by_role) changes.push_back(SetRights{topic, role, rights});
  for (const AccessRule& rule : users.rules) changes.push_back(SetRule{rule});
  return encode_user_changes(changes);
}

std::set<std::string> roles_of(const Users& users, const std::string& role) {
  std::set<std::string> all = {role};
  std::vector<std::string> open = {role};
  while (!open.empty()) {
    const auto found = users.roles.find(open.back());
    open.pop_back();
    if (found == users.roles.end()) continue;
    for (const std::string& group : found->second.member_of)
      if (all.insert(group).second) open.push_back(group);
  }
  return all;
}

namespace {

struct Resource {
  RuleResource kind;
  std::string_view name;
};

// Parses a key of Users::rights into the kind and the name of a resource.
Resource resource_of(std::string_view key) {
  if (key.starts_with(kGroupPrefix)) return {RuleResource::Group, key.substr(kGroupPrefix.size())};
  if (key.starts_with(kTransactionPrefix))
    return {RuleResource::TransactionalId, key.substr(kTransactionPrefix.size())};
  return {RuleResource::Topic, key == kEverything ? kEveryName : key};
}

std::string_view all_of_the_kind(RuleResource kind) {
  return kAllOfAKind[kind == RuleResource::Group             ? 1
                     : kind == RuleResource::TransactionalId ? 2
                                                             : 0];
}

Rights stored_rights(const Users& users, const std::set<std::string>& roles, std::string_view key) {
  Rights rights = 0;
  const auto found = users.rights.find(std::string(key));
  if (found == users.rights.end()) return rights;
  for (const auto& [holder, held] : found->second)
    if (roles.contains(holder)) rights |= held;
  return rights;
}

Rights right_of(RuleOperation operation) {
  switch (operation) {
    case RuleOperation::All:
      return kOwns;
    case RuleOperation::Read:
      return kMaySelect;
    case RuleOperation::Write:
      return kMayInsert;
    case RuleOperation::Create:
      return kMayCreate;
    case RuleOperation::Delete:
      return kMayDelete;
    case RuleOperation::Alter:
      return kMayAlter;
    case RuleOperation::Describe:
      return kMayDescribe;
    case RuleOperation::ClusterAction:
      return kMayActForCluster;
    case RuleOperation::DescribeConfigs:
      return kMayDescribeConfigs;
    case RuleOperation::AlterConfigs:
      return kMayAlterConfigs;
    case RuleOperation::IdempotentWrite:
      return kMayWriteIdempotently;
  }
  return 0;
}

// Returns the rights that a denied operation removes. SQL's DROP and ALTER require ownership, so a
// rule that denies Delete or Alter also denies ownership.
Rights denied_by(RuleOperation operation) {
  if (operation == RuleOperation::All) return static_cast<Rights>(~0);
  const bool is_ownership = operation == RuleOperation::Delete || operation == RuleOperation::Alter;
  return static_cast<Rights>(right_of(operation) | (is_ownership ? kOwns : 0));
}

struct Held {
  Rights allowed = 0, denied = 0;

  void add(const AccessRule& rule) {
    if (rule.denies)
      denied |= denied_by(rule.operation);
    else
      allowed |= right_of(rule.operation);
  }
};

bool binds(const AccessRule& rule, const std::set<std::string>& roles) {
  return rule.principal == kEverybody || roles.contains(rule.principal);
}

Held by_rules(const Users& users, const std::set<std::string>& roles, RuleResource kind,
              std::string_view name) {
  Held held;
  for_each_rule(users.rules, kind, name, [&](const AccessRule& rule) {
    if (binds(rule, roles)) held.add(rule);
  });
  return held;
}

// Returns the rights on the cluster. CREATE on the cluster allows topics of any name; it follows
// from a right on all topics or from a rule.
Held on_cluster(const Users& users, const std::set<std::string>& roles) {
  Held held = by_rules(users, roles, RuleResource::Cluster, kTheCluster);
  if (held.allowed & kOwns) held.allowed |= kMayCreate;
  held.allowed |= stored_rights(users, roles, kEverything);
  return held;
}

Held held_on(const Users& users, const std::set<std::string>& roles, const Resource& resource) {
  Held held = by_rules(users, roles, resource.kind, resource.name);
  const std::string_view all = all_of_the_kind(resource.kind);
  Rights everywhere = stored_rights(users, roles, all);
  if (resource.kind == RuleResource::Topic && !users.rules.empty()) {
    const Held cluster = on_cluster(users, roles);
    if (cluster.denied & kMayCreate) everywhere = static_cast<Rights>(everywhere & ~kMayCreate);
    held.allowed |= static_cast<Rights>(cluster.allowed & ~cluster.denied & kMayCreate);
  }
  held.allowed |= everywhere;
  if (resource.name == kEveryName) {
    // The result must hold for every name, so a rule that denies a single name counts, too.
    for (const AccessRule& rule : users.rules)
      if (rule.denies && rule.resource == resource.kind && binds(rule, roles)) held.add(rule);
    return held;
  }
  std::string key;
  if (resource.kind == RuleResource::Group) key = kGroupPrefix;
  if (resource.kind == RuleResource::TransactionalId) key = kTransactionPrefix;
  held.allowed |= stored_rights(users, roles, key.append(resource.name));
  return held;
}

constexpr Rights kAllOfAnOwner = kMaySelect | kMayInsert | kMayCreate | kMayDescribe | kOwns;

}  // namespace

Rights rights_on(const Users& users, const std::string& role, const std::string& topic) {
  return rights_on(users, roles_of(users, role), topic);
}

Rights rights_on(const Users& users, const std::set<std::string>& roles, const std::string& topic) {
  const Held held = held_on(users, roles, resource_of(topic));
  // A topic's owner has all rights on the topic.
  const Rights allowed = held.allowed & kOwns ? kAllOfAnOwner : held.allowed;
  return static_cast<Rights>(allowed & ~held.denied);
}

Rights operations_on(const Users& users, const std::set<std::string>& roles, RuleResource resource,
                     std::string_view name) {
  if (resource == RuleResource::Cluster) {
    const Held held = on_cluster(users, roles);
    // On the cluster, a right to create all topics allows CREATE, and a right to read all topics
    // allows DESCRIBE and DESCRIBE_CONFIGS. Rights on topics allow no other operation there.
    constexpr Rights kOfRules = kMayAlter | kMayAlterConfigs | kMayDescribeConfigs |
                                kMayActForCluster | kMayWriteIdempotently | kMayCreate |
                                kMayDescribe;
    const Held rules = by_rules(users, roles, resource, kTheCluster);
    Rights may = static_cast<Rights>(rules.allowed & kOwns ? kOfRules : rules.allowed & kOfRules);
    if (held.allowed & (kMayCreate | kOwns)) may |= kMayCreate;
    if (held.allowed & (kMaySelect | kMayDescribe | kOwns))
      may |= kMayDescribe | kMayDescribeConfigs;
    if (may & kMayAlter) may |= kMayDescribe;
    if (may & kMayAlterConfigs) may |= kMayDescribeConfigs;
    return static_cast<Rights>(may & ~held.denied);
  }
  const Held held = held_on(users, roles, {resource, name});
  Rights may = held.allowed;
  if (may & kOwns)
    may |= kAllOfAnOwner | kMayDelete | kMayAlter | kMayDescribeConfigs | kMayAlterConfigs;
  // As in Kafka's authorizer, these operations include DESCRIBE. Unlike in Kafka, a user that may
  // read or write a topic may also see its settings.
  const auto uses =
      static_cast<Rights>(resource == RuleResource::Group             ? kMaySelect
                          : resource == RuleResource::TransactionalId ? kMayInsert
                                                                      : kMaySelect | kMayInsert);
  if (may & (uses | kMayDelete | kMayAlter)) may |= kMayDescribe;
  if (may & (uses | kMayDescribe | kMayAlterConfigs)) may |= kMayDescribeConfigs;
  return static_cast<Rights>(may & ~held.denied);
}

bool is_superuser(const Users& users, const std::string& role) {
  const auto found = users.roles.find(role);
  return found != users.roles.end() && found->second.is_superuser;
}

}  // namespace storage
