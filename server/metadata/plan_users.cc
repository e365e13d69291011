#include "server/metadata/plan_users.h"

#include <fmt/format.h>

#include <algorithm>

#include "server/auth/verifier.h"

namespace server {

namespace {

using storage::Rights;
using storage::Role;
using storage::Users;

constexpr size_t kSaltBytes = 16, kSecretBytes = 32;
constexpr size_t kMaxNameBytes = 63;  // PostgreSQL's limit

Error unknown_role(const std::string& name) {
  return Error{ErrorCode::UndefinedObject, fmt::format("role \"{}\" does not exist", name)}
      .with_hint(
          "CREATE USER name PASSWORD '...' makes a role. SELECT rolname FROM pg_roles lists the "
          "roles.");
}

// Stores the value of PASSWORD '...'. A SCRAM verifier is stored as it is. From a password, a verifier is computed for
// each mechanism. An empty password removes the verifiers.
Status set_password(Role& role, const std::string& password, std::vector<std::string>& notices) {
  role.verifiers.clear();
  if (password.empty()) {
    notices.emplace_back("empty string is not a valid password, clearing password");
    return {};
  }
  if (const auto verifier = auth::parse_verifier(password)) {
    role.verifiers[std::string(auth::mechanism_name(verifier->hash))] = password;
    return {};
  }
  if (password.starts_with("SCRAM-SHA-"))
    return Error{ErrorCode::InvalidParameter, "the SCRAM verifier is not valid",
                 "The password begins like a SCRAM verifier.",
                 fmt::format("A verifier has the form "
                             "SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey, with at most {} "
                             "iterations.",
                             auth::kMostIterations)};
  TRY(auth::check_password(password));
  for (const auth::Hash hash : {auth::Hash::Sha256, auth::Hash::Sha512})
    role.verifiers[std::string(auth::mechanism_name(hash))] =
        to_text(make_verifier(hash, password, auth::random_bytes(kSaltBytes)));
  return {};
}

// Plans the changes of one statement.
struct UserPlanner {
  const MetadataImage& image;
  const Asker& asker;
  const Users& users = *image.users;
  PlannedUsers planned = {};

  Result<const Role*> find(const std::string& name) const {
    const auto found = users.roles.find(name);
    if (found == users.roles.end()) return unknown_role(name);
    return &found->second;
  }

  Status apply(Role& role, const engine::RoleOptions& options) {
    if (options.may_login) role.may_login = *options.may_login;
    if (options.is_superuser) role.is_superuser = *options.is_superuser;
    if (options.password) TRY(set_password(role, *options.password, planned.notices));
    return {};
  }

  Status operator()(const engine::CreateRole& create) {
    planned.tag = "CREATE ROLE";
    TRY(check_superuser(users, asker, "create roles"));
    if (create.name.empty() || create.name.size() > kMaxNameBytes)
      return Error{ErrorCode::InvalidParameter,
                   fmt::format("the name of a role must have 1 to {} bytes", kMaxNameBytes)};
    if (create.name.starts_with("pg_") || create.name == "public" || create.name == "all")
      return Error{ErrorCode::InvalidParameter,
                   fmt::format("role name \"{}\" is reserved", create.name)};
    if (users.roles.contains(create.name))
      return Error{ErrorCode::DuplicateObject,
                   fmt::format("role \"{}\" already exists", create.name)};
    Role role{.may_login = create.is_user};
    TRY(apply(role, create.options));
    planned.changes.push_back(storage::PutRole{create.name, std::move(role)});
    return {};
  }

  Status operator()(const engine::AlterRole& alter) {
    planned.tag = "ALTER ROLE";
    const engine::RoleOptions& options = alter.options;
    // A role may change its own password, but only if the statement changes nothing else.
    const bool is_own_password =
        asker == alter.name && options.password && !options.may_login && !options.is_superuser;
    if (!is_own_password) TRY(check_superuser(users, asker, "alter roles"));
    Role role = *TRY(find(alter.name));
    TRY(apply(role, options));
    planned.changes.push_back(storage::PutRole{alter.name, std::move(role)});
    return {};
  }

  Status operator()(const engine::DropRole& drop) {
    planned.tag = "DROP ROLE";
    TRY(check_superuser(users, asker, "drop roles"));
    for (const std::string& name : drop.names) {
      if (!users.roles.contains(name)) {
        if (!drop.if_exists) return unknown_role(name);
        planned.notices.push_back(fmt::format("role \"{}\" does not exist, skipping", name));
        continue;
      }
      if (asker == name) return Error{ErrorCode::ObjectState, "current user cannot be dropped"};
      for (const auto& [topic, by_role] : users.rights)
        if (const auto held = by_role.find(name);
            held != by_role.end() && held->second & storage::kOwns && image.topics->find(topic))
          return Error{
              ErrorCode::DependentObjects,
              fmt::format("role \"{}\" cannot be dropped because some objects depend on it", name),
              fmt::format("It is the owner of topic {}.", topic),
              "Use ALTER STREAM or ALTER TABLE ... OWNER TO to assign another owner."};
      planned.changes.push_back(storage::EraseRole{name});
    }
    return {};
  }

  Result<const engine::DataSource*> find_source(const engine::Name& name) const {
    const engine::DataSource* source = image.catalog->find_source(name.text);
    if (!source && name.quoting == engine::Quoting::Double) {
      std::string upper = name.text;
      std::ranges::transform(upper, upper.begin(),
                             [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
      source = image.catalog->find_source(upper);
    }
    if (source) return source;
    return Error{ErrorCode::UndefinedSource,
                 fmt::format("relation \"{}\" does not exist", name.text)};
  }

  // Returns the topics of a target; fails unless the user owns all of them.
  Result<std::vector<std::string>> topics_of(const engine::RightsTarget& target) const {
    std::vector<std::string> topics;
    if (target.is_everything) {
      TRY(check_superuser(users, asker, "change rights on everything"));
      for (const std::string_view each : storage::kAllOfAKind) topics.emplace_back(each);
    }
    for (const engine::Name& name : target.sources) {
      if (target.is_topics) {
        TRY(check_topic(users, asker, name.text, storage::kOwns));
        topics.push_back(name.text);
        continue;
      }
      const engine::DataSource* source = TRY(find_source(name));
      TRY(check_owner(users, asker, *source));
      topics.push_back(source->topic);
    }
    return topics;
  }

  Rights held(const std::string& topic, const std::string& role) const {
    const auto by_role = users.rights.find(topic);
    if (by_role == users.rights.end()) return 0;
    const auto found = by_role->second.find(role);
    return found == by_role->second.end() ? 0 : found->second;
  }

  Status operator()(const engine::ChangeRights& change) {
    planned.tag = change.is_grant ? "GRANT" : "REVOKE";
    if (!change.target) planned.tag += " ROLE";
    for (const std::string& grantee : change.grantees)
      if (grantee == "public")
        return Error{ErrorCode::NotSupported, "rights of all users (PUBLIC) are not supported yet",
                     "",
                     "Create a role for them: CREATE ROLE everyone; GRANT everyone TO ann; and "
                     "name it in place of PUBLIC."};
      else
        TRY(find(grantee));
    if (!change.target) return change_members(change);
    Rights rights = 0;
    const auto names = [&](engine::Right right) {
      return std::ranges::find(change.rights, right) != change.rights.end();
    };
    if (names(engine::Right::CreateConnector))
      TRY(change_outside_right(change, kEveryConnector, "CREATE CONNECTOR"));
    if (names(engine::Right::CreateLink))
      TRY(change_outside_right(change, kEveryLink, "CREATE LINK"));
    for (const engine::Right right : change.rights)
      if (right != engine::Right::CreateConnector && right != engine::Right::CreateLink)
        rights |= right == engine::Right::Select   ? storage::kMaySelect
                  : right == engine::Right::Insert ? storage::kMayInsert
                  : right == engine::Right::Create
                      ? storage::kMayCreate
                      : storage::kMaySelect | storage::kMayInsert | storage::kMayCreate;
    const bool names_create =
        std::ranges::find(change.rights, engine::Right::Create) != change.rights.end();
    if (names_create && !change.target->is_everything)
      return Error{ErrorCode::InvalidStatement,
                   "CREATE can only be granted on ALL",
                   {},
                   "GRANT CREATE ON ALL TO ..."};
    if (rights == 0) return {};
    for (const std::string& topic : TRY(topics_of(*change.target)))
      for (const std::string& grantee : change.grantees) {
        const Rights before = held(topic, grantee);
        Rights after = static_cast<Rights>(change.is_grant ? before | rights : before & ~rights);
        // If no other right is left, the right to describe is removed, too.
        if (!change.is_grant && !(after & ~storage::kMayDescribe)) after = 0;
        if (after != before) planned.changes.push_back(storage::SetRights{topic, grantee, after});
        note_rules(topic, grantee, after, rights, change.is_grant);
      }
    return {};
  }

  // The rights to create connectors and links are stored under names of their own and not with topics, since they
  // concern other systems. GRANT ALL does not include them.
  Status change_outside_right(const engine::ChangeRights& change, std::string_view name,
                              std::string_view right) {
    if (!change.target->is_everything)
      return Error{ErrorCode::InvalidStatement,
                   fmt::format("{} can only be granted on ALL", right),
                   {},
                   fmt::format("GRANT {} ON ALL TO ...", right)};
    TRY(check_superuser(users, asker, "change rights on everything"));
    const std::string key(name);
    for (const std::string& grantee : change.grantees) {
      const Rights after = change.is_grant ? storage::kMayCreate : Rights{0};
      if (after != held(key, grantee))
        planned.changes.push_back(storage::SetRights{key, grantee, after});
    }
    return {};
  }

  // Adds a notice if Kafka ACLs make the statement ineffective: they deny rights that the GRANT gives, or they
  // allow rights that the REVOKE removes. `named` are the rights of the statement.
  void note_rules(const std::string& topic, const std::string& grantee, Rights after, Rights named,
                  bool is_grant) {
    if (users.rules.empty()) return;
    storage::Users next = users;
    next.rights[topic][grantee] = after;
    const Rights with_rules = storage::rights_on(next, grantee, topic);
    next.rules.clear();
    const Rights without = storage::rights_on(next, grantee, topic);
    const std::string place = topic.empty() ? "all topics" : fmt::format("topic {}", topic);
    if (is_grant && (named & without & ~with_rules))
      planned.notices.push_back(fmt::format(
          "access rules deny role \"{}\" some of these rights on {} (kafka-acls --list shows them)",
          grantee, place));
    if (!is_grant && (named & with_rules & ~without))
      planned.notices.push_back(
          fmt::format("access rules still allow role \"{}\" some of these rights on {} (kafka-acls "
                      "--list shows "
                      "them)",
                      grantee, place));
  }

  Status change_members(const engine::ChangeRights& change) {
    TRY(check_superuser(users, asker, "change memberships"));
    for (const std::string& member : change.grantees) {
      Role role = *TRY(find(member));
      for (const std::string& group : change.roles) {
        TRY(find(group));
        if (change.is_grant && storage::roles_of(users, group).contains(member))
          return Error{ErrorCode::InvalidStatement,
                       fmt::format("role \"{}\" is a member of role \"{}\"", group, member)};
        change.is_grant ? void(role.member_of.insert(group)) : void(role.member_of.erase(group));
      }
      planned.changes.push_back(storage::PutRole{member, std::move(role)});
    }
    return {};
  }

  Status operator()(const engine::ChangeOwner& change) {
    const auto source = find_source(change.source);
    if (!source) return Error(source.error()).at(change.position);
    const bool is_stream = (*source)->kind == engine::SourceKind::Stream;
    planned.tag = is_stream ? "ALTER STREAM" : "ALTER TABLE";
    TRY(check_owner(users, asker, **source));
    TRY(find(change.owner));
    if (!is_superuser(users, asker) && !storage::roles_of(users, *asker).contains(change.owner))
      return Error{ErrorCode::InsufficientPrivilege,
                   fmt::format("must be member of role \"{}\"", change.owner)};
    const std::string& topic = (*source)->topic;
    if (const auto by_role = users.rights.find(topic); by_role != users.rights.end())
      for (const auto& [role, rights] : by_role->second)
        if (rights & storage::kOwns && role != change.owner)
          planned.changes.push_back(
              storage::SetRights{topic, role, static_cast<Rights>(rights & ~storage::kOwns)});
    const auto after = static_cast<Rights>(held(topic, change.owner) | storage::kOwns);
    planned.changes.push_back(storage::SetRights{topic, change.owner, after});
    return {};
  }

  template <class Other>
  Status operator()(const Other&) {
    return Error{ErrorCode::NotSupported, "this statement is not supported yet"};
  }
};

}  // namespace

bool is_user_statement(const engine::Statement& statement) {
  return std::holds_alternative<engine::CreateRole>(statement) ||
         std::holds_alternative<engine::AlterRole>(statement) ||
         std::holds_alternative<engine::DropRole>(statement) ||
         std::holds_alternative<engine::ChangeRights>(statement) ||
         std::holds_alternative<engine::ChangeOwner>(statement);
}

Result<PlannedUsers> plan_users(const engine::Statement& statement, const MetadataImage& image,
                                const Asker& asker) {
  UserPlanner planner{image, asker};
  TRY(std::visit(planner, statement));
  if (!planner.planned.changes.empty() && image.users->secret.empty())
    planner.planned.changes.emplace_back(storage::SetUsersSecret{auth::random_bytes(kSecretBytes)});
  return std::move(planner.planned);
}

}  // namespace server
