// Checks of access rights; all SQL statements use these functions.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/catalog/catalog.h"
#include "storage/meta/users.h"

namespace server {

// The changes by which a new topic belongs to one role alone, or to none without an asker. Earlier
// owners of a topic of the same name lose it.
std::vector<storage::UserChange> owned_by(const storage::Users& users, const std::string& topic,
                                          const std::optional<std::string>& owner);

// The role that asks. None: everything is allowed, as for the server itself and for all clients of
// a server without access rules.
using Asker = std::optional<std::string>;

bool is_superuser(const storage::Users& users, const Asker& asker);

// The checks fail with InsufficientPrivilege and PostgreSQL's error texts.
Status check_read(const storage::Users& users, const Asker& asker,
                  const engine::DataSource& source);
Status check_insert(const storage::Users& users, const Asker& asker,
                    const engine::DataSource& source);
// Checks the right to create streams, tables and types over existing `topics` and over
// `new_topics`. CREATE is a right on everything; a Kafka ACL may allow or deny it for topics with a
// name prefix.
Status check_create(const storage::Users& users, const Asker& asker,
                    const std::vector<std::string>& topics = {},
                    const std::vector<std::string>& new_topics = {});
Status check_owner(const storage::Users& users, const Asker& asker,
                   const engine::DataSource& source);
Status check_topic(const storage::Users& users, const Asker& asker, const std::string& topic,
                   storage::Rights needed);
// Checks the right to declare a stream or table over an existing topic. It needs the right to read
// or write the topic, as describing it by Kafka's requests does.
Status check_declare(const storage::Users& users, const Asker& asker, const std::string& topic);
// Checks the right to drop: the topic's owner has it, and so has the role that declared the source
// over a topic of another role.
Status check_drop(const storage::Users& users, const Asker& asker,
                  const engine::DataSource& source);
// Whether the role that declared the source can no longer read or write its topic. Such a
// declaration does not keep the topic's owner from dropping, truncating or altering.
bool is_without_rights(const storage::Users& users, const engine::DataSource& source);
// The changes by which a declaration over an existing topic belongs to a role. It belongs to none
// if it is dropped, or if its topic was created with it.
std::vector<storage::UserChange> declared_by(const storage::Users& users, const std::string& source,
                                             const Asker& role);
inline constexpr std::string_view kDeclarationPrefix = "source:";
Status check_superuser(const storage::Users& users, const Asker& asker, std::string_view what);

}  // namespace server
