// Statements about users and their rights, as parsed.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/sql/ast_name.h"

namespace engine {

// Names of users are folded to lower case, as in PostgreSQL; all other names are folded to upper case.
struct RoleOptions {
  std::optional<bool> may_login, is_superuser;
  // A password or a password verifier, as written. An empty text removes the password; without a
  // value, the password stays unchanged.
  std::optional<std::string> password;
};
struct CreateRole {
  bool is_user = false;  // CREATE USER, whose default is LOGIN
  std::string name;
  RoleOptions options = {};
};
struct AlterRole {
  bool is_user = false;
  std::string name;
  RoleOptions options = {};
};
struct DropRole {
  bool if_exists = false;
  std::vector<std::string> names = {};
};

// All includes neither CreateConnector nor CreateLink: connectors and links reach other systems with the server's
// network and files.
enum class Right : uint8_t { Select, Insert, Create, CreateConnector, CreateLink, All };
struct RightsTarget {
  bool is_everything = false;      // ALL, ALL STREAMS or ALL TABLES
  bool is_topics = false;          // topics for Kafka's clients, by their exact names
  std::vector<Name> sources = {};  // if not ALL: the named sources
};
// GRANT and REVOKE of rights on an object or, without ON, of membership in other roles.
struct ChangeRights {
  bool is_grant = false;
  std::vector<Right> rights = {};
  std::vector<std::string> roles = {};  // set if roles are granted in place of rights
  std::optional<RightsTarget> target = {};
  std::vector<std::string> grantees = {};
};
struct ChangeOwner {
  Name source;
  TextPosition position = {};
  std::string owner;
};

}  // namespace engine
