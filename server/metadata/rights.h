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

// Returns the changes that make `owner` the only owner of a new topic; without `owner` no role owns
// it. Earlier owners of a topic of the same name lose their ownership.
std::vector<storage::UserChange> owned_by(const storage::Users& users, const std::string& topic,
                                          const std::optional<std::string>& owner);

// The role whose rights are checked. Without a value everything is allowed: for the server itself,
// and for all clients of a server without access rules.
using Asker = std::optional<std::string>;

bool is_superuser(const storage::Users& users, const Asker& asker);

// The following checks fail with InsufficientPrivilege and PostgreSQL's error texts.
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
// Checks the right to change the settings of a topic, as Kafka's AlterConfigs needs it.
Status check_alter_settings(const storage::Users& users, const Asker& asker,
                            const std::string& topic);
// Checks the right to read and commit the offsets of a consumer group, as Kafka's OffsetCommit needs it.
Status check_group(const storage::Users& users, const Asker& asker, const std::string& group);
// Checks the right to declare a stream or table over an existing topic. The role needs the right to read or to write
// the topic. Kafka's requests that describe a topic need the same.
Status check_declare(const storage::Users& users, const Asker& asker, const std::string& topic);
// Checks the right to drop a source: the topic's owner has this right, and so has the role that
// declared the source over a topic of another role.
Status check_drop(const storage::Users& users, const Asker& asker,
                  const engine::DataSource& source);
// Whether the role that declared the source can no longer read or write its topic. Such a
// declaration does not prevent the topic's owner from dropping, truncating or altering the topic.
bool is_without_rights(const storage::Users& users, const engine::DataSource& source);
// Returns the changes that store `role` as the role that declared the source; without a role, those
// that remove the stored one. Only a source over a topic that existed before has such a role, which
// may drop the source without owning the topic. So callers pass no role for a source that is
// dropped or was created with its topic.
std::vector<storage::UserChange> declared_by(const storage::Users& users, const std::string& source,
                                             const Asker& role);
inline constexpr std::string_view kDeclarationPrefix = "source:";
Status check_superuser(const storage::Users& users, const Asker& asker, std::string_view what);
// GRANT CREATE CONNECTOR ON ALL is kept as kMayCreate under this name, which no topic can have.
inline constexpr std::string_view kEveryConnector = "connector:*";
// Checks the right to create, change and drop connectors.
Status check_create_connector(const storage::Users& users, const Asker& asker);
// GRANT CREATE LINK ON ALL is kept as kMayCreate under this name, which no topic can have.
inline constexpr std::string_view kEveryLink = "link:*";
// Checks the right to create links, and to use and drop links of other roles.
Status check_create_link(const storage::Users& users, const Asker& asker);
// Checks the right to use, show and drop a link. The link's owner and the roles of check_create_link() have it: a link
// contains credentials, so other roles must not use it.
Status check_use_link(const storage::Users& users, const Asker& asker, const std::string& link,
                      const std::string& owner);

}  // namespace server
