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
Status check_superuser(const storage::Users& users, const Asker& asker, std::string_view what);

}  // namespace server
