// The warning about users and rights on a server that does not check them.
#pragma once
#include <optional>
#include <string>

#include "engine/sql/ast.h"
#include "server/sql/port.h"

namespace server::sql {

// Returns a warning if the statement is CREATE, ALTER or DROP ROLE, GRANT or REVOKE, and the server runs without access
// file. Such a server stores roles and rights but asks no client for a password and allows every statement, which users
// of PostgreSQL do not expect. `user` is the session's user whose rights are checked; the sessions of a server without
// access file have none. ALTER ... OWNER TO gets no warning: the catalog shows the new owner, and dumps have the
// statement for each table.
std::optional<Notice> warning_about_unchecked_rights(const engine::Statement& statement,
                                                     const std::optional<std::string>& user);

}  // namespace server::sql
