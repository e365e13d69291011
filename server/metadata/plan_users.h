// Turns a statement about users and their rights into changes of the "users" part of the metadata
// log. Passwords are replaced by verifiers here.
#pragma once
#include <string>
#include <vector>

#include "engine/sql/ast.h"
#include "server/metadata/image.h"
#include "server/metadata/rights.h"
#include "storage/meta/users.h"

namespace server {

// Whether the statement is CREATE, ALTER or DROP ROLE, GRANT, REVOKE or ALTER ... OWNER TO.
bool is_user_statement(const engine::Statement& statement);

struct PlannedUsers {
  std::vector<storage::UserChange> changes;  // empty: the statement changes nothing
  std::vector<std::string> notices = {};
  std::string tag;
};
// Plans the changes of a statement. Fails with DuplicateObject, UndefinedObject, UndefinedSource,
// InvalidParameter, InsufficientPrivilege, DependentObjects. Takes some milliseconds if a password
// is set.
Result<PlannedUsers> plan_users(const engine::Statement& statement, const MetadataImage& image,
                                const Asker& asker);

}  // namespace server
