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
// Texts stand behind their length as a varint.
constexpr uint8_t kVersion = 1;
constexpr uint8_t kPutRole = 1, kEraseRole = 2, kSetRights = 3, kSetSecret = 4;
constexpr uint8_t kMayLogin = 1, kSuperuser = 2;

// Every change copies them all.
constexpr size_t kMostRoles = 10'000, kMostRights = 100'000;

Error damaged() { return {ErrorCode::StorageFailure, "a change of users is damaged"}; }

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
  } else {
    in.fail();
  }
}

}  // namespace

std::string encode_user_changes(const std::vector<UserChange>& changes) {
  std::string part(1, static_cast<char>(kVersion));
  append_varint(part, changes.size());
  for (const UserChange& change : changes) std::visit(Encoder{part}, change);
  return part;
}

Result<Users> apply_user_changes(const Users& users, std::string_view part) {
  ByteReader in(part);
  const auto version = in.be<uint8_t>();
  if (!in.ok()) return damaged();
  if (version > kVersion)
    return Error{ErrorCode::IncompatibleFormat, "a change of users was written by a newer version"};
  Users changed = users;
  for (uint64_t left = in.varint(); left > 0 && in.ok(); --left) read_change(in, changed);
  if (!in.ok() || !in.at_end()) return damaged();
  size_t rights = 0;
  for (const auto& [topic, by_role] : changed.rights) rights += by_role.size();
  if (changed.roles.size() > kMostRoles || rights > kMostRights)
    return Error{ErrorCode::LimitExceeded,
                 fmt::format("there may be {} roles, with {} rights", kMostRoles, kMostRights)};
  return changed;
}

std::string encode_users(const Users& users) {
  std::vector<UserChange> changes;
  if (!users.secret.empty()) changes.push_back(SetUsersSecret{users.secret});
  for (const auto& [name, role] : users.roles) changes.push_back(PutRole{name, role});
  for (const auto& [topic, by_role] : users.rights)
    for (const auto& [role, rights] : by_role) changes.push_back(SetRights{topic, role, rights});
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

Rights rights_on(const Users& users, const std::string& role, const std::string& topic) {
  return rights_on(users, roles_of(users, role), topic);
}

Rights rights_on(const Users& users, const std::set<std::string>& roles, const std::string& topic) {
  Rights rights = 0;
  const std::string_view all = topic.starts_with(kGroupPrefix)         ? kAllOfAKind[1]
                               : topic.starts_with(kTransactionPrefix) ? kAllOfAKind[2]
                                                                       : kAllOfAKind[0];
  for (const std::string& each : {topic, std::string(all)}) {
    const auto found = users.rights.find(each);
    if (found == users.rights.end()) continue;
    for (const auto& [holder, held] : found->second)
      if (roles.contains(holder)) rights |= held;
  }
  // Whoever owns a topic may do all that there is to do with it.
  return rights & kOwns ? kMaySelect | kMayInsert | kMayCreate | kMayDescribe | kOwns : rights;
}

bool is_superuser(const Users& users, const std::string& role) {
  const auto found = users.roles.find(role);
  return found != users.roles.end() && found->second.is_superuser;
}

}  // namespace storage
