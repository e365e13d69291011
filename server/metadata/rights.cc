#include "server/metadata/rights.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "engine/catalog/catalog.h"
#include "engine/types/ascii.h"

namespace server {

namespace {

bool has(const storage::Users& users, const Asker& asker, const std::string& topic,
         storage::Rights needed) {
  return is_superuser(users, asker) ||
         (storage::rights_on(users, *asker, topic) & needed) == needed;
}

Error denied(std::string message) { return {ErrorCode::InsufficientPrivilege, std::move(message)}; }

std::string described(const engine::DataSource& source) {
  return fmt::format("{} {}", source.kind == engine::SourceKind::Stream ? "stream" : "table",
                     source.name);
}

std::string grant_hint(std::string_view right, const engine::DataSource& source,
                       const std::string& role) {
  return fmt::format("Its owner or a superuser may GRANT {} ON {} TO \"{}\".", right,
                     engine::display_name(source.name), role);
}

// Returns the name under which the rights on a declaration are stored. Rights belong to topics. For
// a declaration over another role's topic they are stored under a name that no topic can have, as
// for rights on groups.
std::string declaration_of(const std::string& source) {
  return std::string(kDeclarationPrefix) + source;
}

}  // namespace

std::vector<storage::UserChange> owned_by(const storage::Users& users, const std::string& topic,
                                          const std::optional<std::string>& owner) {
  std::vector<storage::UserChange> changes;
  if (const auto by_role = users.rights.find(topic); by_role != users.rights.end())
    for (const auto& [role, rights] : by_role->second)
      if (rights & storage::kOwns && role != owner)
        changes.push_back(storage::SetRights{
            topic, role, static_cast<storage::Rights>(rights & ~storage::kOwns)});
  if (owner && users.roles.contains(*owner))
    changes.push_back(storage::SetRights{topic, *owner, storage::kOwns});
  return changes;
}

bool is_superuser(const storage::Users& users, const Asker& asker) {
  return !asker || storage::is_superuser(users, *asker);
}

Status check_read(const storage::Users& users, const Asker& asker,
                  const engine::DataSource& source) {
  if (has(users, asker, source.topic, storage::kMaySelect)) return {};
  return denied(fmt::format("permission denied for {}", described(source)))
      .with_hint(grant_hint("SELECT", source, *asker));
}

Status check_insert(const storage::Users& users, const Asker& asker,
                    const engine::DataSource& source) {
  if (has(users, asker, source.topic, storage::kMayInsert)) return {};
  return denied(fmt::format("permission denied for {}", described(source)))
      .with_hint(grant_hint("INSERT", source, *asker));
}

Status check_create(const storage::Users& users, const Asker& asker,
                    const std::vector<std::string>& topics,
                    const std::vector<std::string>& new_topics) {
  if (is_superuser(users, asker)) return {};
  const std::set<std::string> roles = storage::roles_of(users, *asker);
  const auto may_create = [&](const std::string& topic) {
    return (storage::rights_on(users, roles, topic) & storage::kMayCreate) != 0;
  };
  const bool may_create_all =
      (storage::operations_on(users, roles, storage::RuleResource::Cluster, {}) &
       storage::kMayCreate) != 0;
  const bool names_topics = !topics.empty() || !new_topics.empty();
  const bool may = names_topics ? std::ranges::all_of(new_topics, may_create) &&
                                      (may_create_all || std::ranges::all_of(topics, may_create))
                                : may_create_all;
  if (may) return {};
  if (may_create_all)
    for (const std::string& topic : new_topics)
      if (!may_create(topic)) return denied(fmt::format("permission denied for topic {}", topic));
  return denied("permission denied to create streams and tables")
      .with_hint(fmt::format("A superuser may GRANT CREATE ON ALL TO \"{}\".", *asker));
}

Status check_owner(const storage::Users& users, const Asker& asker,
                   const engine::DataSource& source) {
  if (has(users, asker, source.topic, storage::kOwns)) return {};
  return denied(fmt::format("must be owner of {}", described(source)));
}

Status check_topic(const storage::Users& users, const Asker& asker, const std::string& topic,
                   storage::Rights needed) {
  if (has(users, asker, topic, needed)) return {};
  return denied(fmt::format("permission denied for topic {}", topic));
}

Status check_alter_settings(const storage::Users& users, const Asker& asker,
                            const std::string& topic) {
  if (is_superuser(users, asker) || (storage::operations_on(users, storage::roles_of(users, *asker),
                                                            storage::RuleResource::Topic, topic) &
                                     storage::kMayAlterConfigs) != 0)
    return {};
  return denied(fmt::format("permission denied for the settings of topic {}", topic))
      .with_hint(
          fmt::format("The owner of the topic has the right, and a user with an ACL: kafka-acls "
                      "--add --allow-principal User:{} --operation AlterConfigs --topic {}.",
                      *asker, topic));
}

Status check_group(const storage::Users& users, const Asker& asker, const std::string& group) {
  if (is_superuser(users, asker) || (storage::operations_on(users, storage::roles_of(users, *asker),
                                                            storage::RuleResource::Group, group) &
                                     storage::kMaySelect) != 0)
    return {};
  return denied(fmt::format("permission denied for consumer group {}", group))
      .with_hint(fmt::format("GRANT SELECT ON TOPIC \"group:{}\" TO \"{}\" gives the right.", group,
                             *asker));
}

Status check_declare(const storage::Users& users, const Asker& asker, const std::string& topic) {
  if (has(users, asker, topic, storage::kMaySelect) ||
      has(users, asker, topic, storage::kMayInsert) || has(users, asker, topic, storage::kOwns))
    return {};
  return denied(fmt::format("permission denied for topic {}", topic))
      .with_hint(fmt::format("A stream or table over a topic that exists needs the right to read "
                             "or to write it: GRANT "
                             "SELECT ON TOPIC \"{}\" TO \"{}\".",
                             topic, *asker));
}

Status check_drop(const storage::Users& users, const Asker& asker,
                  const engine::DataSource& source) {
  if (has(users, asker, declaration_of(source.name), storage::kOwns)) return {};
  return check_owner(users, asker, source);
}

bool is_without_rights(const storage::Users& users, const engine::DataSource& source) {
  const auto declared = users.rights.find(declaration_of(source.name));
  return declared != users.rights.end() &&
         std::ranges::none_of(declared->second, [&](const auto& by_role) {
           return check_declare(users, by_role.first, source.topic).has_value();
         });
}

std::vector<storage::UserChange> declared_by(const storage::Users& users, const std::string& source,
                                             const Asker& role) {
  return owned_by(users, declaration_of(source), role);
}

Status check_superuser(const storage::Users& users, const Asker& asker, std::string_view what) {
  if (is_superuser(users, asker)) return {};
  return denied(fmt::format("must be superuser to {}", what));
}

namespace {

// Returns whether the role, or a role of which it is a member, may create the objects that are kept under this name.
bool may_create_each(const storage::Users& users, const std::string& role, std::string_view key) {
  const auto by_role = users.rights.find(std::string(key));
  return by_role != users.rights.end() &&
         std::ranges::any_of(storage::roles_of(users, role), [&](const std::string& each) {
           const auto held = by_role->second.find(each);
           return held != by_role->second.end() && (held->second & storage::kMayCreate);
         });
}

}  // namespace

Status check_create_connector(const storage::Users& users, const Asker& asker) {
  if (is_superuser(users, asker) || may_create_each(users, *asker, kEveryConnector)) return {};
  return denied("permission denied to create connectors")
      .with_hint(fmt::format("A superuser may GRANT CREATE CONNECTOR ON ALL TO \"{}\".", *asker));
}

Status check_create_link(const storage::Users& users, const Asker& asker) {
  if (is_superuser(users, asker) || may_create_each(users, *asker, kEveryLink)) return {};
  return denied("permission denied to create links")
      .with_hint(fmt::format("A superuser may GRANT CREATE LINK ON ALL TO \"{}\".", *asker));
}

Status check_use_link(const storage::Users& users, const Asker& asker, const std::string& link,
                      const std::string& owner) {
  if (is_superuser(users, asker) || may_create_each(users, *asker, kEveryLink)) return {};
  const auto roles = storage::roles_of(users, *asker);
  if (!owner.empty() && std::ranges::find(roles, owner) != roles.end()) return {};
  return denied(fmt::format("permission denied for link {}", link))
      .with_hint(fmt::format(
          "Its owner may use it. A superuser may GRANT CREATE LINK ON ALL TO \"{}\".", *asker));
}

}  // namespace server
