// Answers statements that have no effect here, such as VACUUM and CREATE INDEX.
#include <fmt/format.h>

#include "server/pg/session.h"
#include "server/pg/statements/own_statement.h"

namespace server::pg {

namespace {

// Returns the reason why a statement that PostgreSQL programs send has no effect.
std::string nothing_to_do(const std::string& tag) {
  if (tag == "CREATE INDEX" || tag == "DROP INDEX")
    return fmt::format("no index was {}: rows are found by their PRIMARY KEY, or by a scan",
                       tag == "DROP INDEX" ? "dropped" : "made");
  if (tag == "CREATE EXTENSION")
    return "extensions are not needed: gen_random_uuid() and uuid_generate_v4() are built in";
  return tag + " has no effect here";
}

}  // namespace

Status Session::OwnStatement::operator()(const engine::Maintain& maintain) {
  if (maintain.tag == "SET CONSTRAINTS") {
    if (!is_in_transaction())
      warn(ErrorCode::NoTransaction, "SET CONSTRAINTS can only be used in transaction blocks");
    return done(maintain.tag);
  }
  const bool is_of_database = maintain.tag.ends_with(" DATABASE");
  if (is_in_transaction() && (is_of_database || maintain.tag == "VACUUM"))
    return Error{ErrorCode::ActiveTransaction,
                 maintain.tag + " cannot run inside a transaction block"};
  if (is_of_database)
    warn(ErrorCode::NotSupported,
         std::string("all names refer to the only database: nothing was ") +
             (maintain.tag == "DROP DATABASE" ? "dropped" : "made"));
  else if (is_wanted(settings(), sql::NoticeLevel::Notice))
    writer().notice({sql::NoticeLevel::Notice, nothing_to_do(maintain.tag)});
  return done(maintain.tag);
}

}  // namespace server::pg
