// Whether somebody may do something: the one place that SQL's statements ask.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/catalog/catalog.h"
#include "storage/meta/users.h"

namespace server {

// The changes by which a topic that is made belongs to one role alone; to none where there is no asker. Whoever had one
// of that name before keeps nothing of it.
std::vector<storage::UserChange> owned_by(const storage::Users& users, const std::string& topic,
                                          const std::optional<std::string>& owner);

// The role that asks; none: whoever may do everything, as the server itself and all clients of one without access rules.
using Asker = std::optional<std::string>;

bool is_superuser(const storage::Users& users, const Asker& asker);

// They fail with InsufficientPrivilege, in PostgreSQL's words.
Status check_read(const storage::Users& users, const Asker& asker,
                  const engine::DataSource& source);
Status check_insert(const storage::Users& users, const Asker& asker,
                    const engine::DataSource& source);
// May make streams, tables and types over `topics` that exist, and `new_topics`. CREATE is a right on everything; a rule
// may allow it for topics whose names begin alike, or deny it.
Status check_create(const storage::Users& users, const Asker& asker,
                    const std::vector<std::string>& topics = {},
                    const std::vector<std::string>& new_topics = {});
Status check_owner(const storage::Users& users, const Asker& asker,
                   const engine::DataSource& source);
Status check_topic(const storage::Users& users, const Asker& asker, const std::string& topic,
                   storage::Rights needed);
// May declare a stream or table over a topic that exists, which needs the right to read or to write it, as
// describing it by Kafka's requests does.
Status check_declare(const storage::Users& users, const Asker& asker, const std::string& topic);
// May drop it: the owner of its topic, and the role that declared it over a topic of another role.
Status check_drop(const storage::Users& users, const Asker& asker,
                  const engine::DataSource& source);
// Whether the role that declared it can no longer read or write its topic. Such a declaration does not
// stop the owner of the topic from dropping, truncating or altering.
bool is_without_rights(const storage::Users& users, const engine::DataSource& source);
// The changes by which a declaration over a topic that exists belongs to a role, and to none where it is dropped or made its topic.
std::vector<storage::UserChange> declared_by(const storage::Users& users, const std::string& source,
                                             const Asker& role);
inline constexpr std::string_view kDeclarationPrefix = "source:";
Status check_superuser(const storage::Users& users, const Asker& asker, std::string_view what);

}  // namespace server
