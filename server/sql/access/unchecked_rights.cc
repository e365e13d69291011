#include "server/sql/access/unchecked_rights.h"

#include "engine/sql/ast_access.h"

namespace server::sql {

namespace {

// Returns the effect of the statement on this server; empty if the statement does not concern users and rights.
struct EffectOf {
  std::string operator()(const engine::CreateRole&) const {
    return "The role is stored. Until the server runs with --access-file, clients need neither a "
           "role nor a password, and may do everything.";
  }
  std::string operator()(const engine::AlterRole&) const {
    return "The change is stored. Until the server runs with --access-file, clients need neither "
           "a role nor a password, and may do everything.";
  }
  std::string operator()(const engine::DropRole&) const {
    return "Clients can still connect under the name of a dropped role, and do everything.";
  }
  std::string operator()(const engine::ChangeRights& change) const {
    return change.is_grant ? "The grant is stored. Until the server runs with --access-file, every "
                             "client may do everything."
                           : "The change is stored. Until the server runs with --access-file, "
                             "every client may still do everything.";
  }
  template <class Other>
  std::string operator()(const Other&) const {
    return {};
  }
};

}  // namespace

std::optional<Notice> warning_about_unchecked_rights(const engine::Statement& statement,
                                                     const std::optional<std::string>& user) {
  if (user) return std::nullopt;
  std::string effect = std::visit(EffectOf{}, statement);
  if (effect.empty()) return std::nullopt;
  return Notice{NoticeLevel::Warning,
                "passwords and rights are not checked, because the server was started without "
                "--access-file",
                std::move(effect),
                "Create a superuser with a password, and start the server with --access-file FILE. "
                "The line \"host all all all scram-sha-256\" in FILE requires a password of every "
                "client."};
}

}  // namespace server::sql
