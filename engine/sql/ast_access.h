// Users, and what they may do.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/sql/ast_name.h"

namespace engine {

// Names of users are folded to lower case as PostgreSQL folds them, not to upper case as all others.
struct RoleOptions {
  std::optional<bool> may_login, is_superuser;
  // As written: a text, or a verifier. Empty takes the password away, none leaves it as it is.
  std::optional<std::string> password;
};
struct CreateRole {
  bool is_user = false;  // CREATE USER: LOGIN unless told otherwise
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

enum class Right : uint8_t { Select, Insert, Create, All };
struct RightsTarget {
  bool is_everything = false;      // ALL [STREAMS | TABLES]
  bool is_topics = false;          // of Kafka's clients, by their exact names
  std::vector<Name> sources = {};  // else these
};
// GRANT and REVOKE: rights on something or, without ON, the roles of others.
struct ChangeRights {
  bool is_grant = false;
  std::vector<Right> rights = {};
  std::vector<std::string> roles = {};  // in place of rights
  std::optional<RightsTarget> target = {};
  std::vector<std::string> grantees = {};
};
struct ChangeOwner {
  Name source;
  TextPosition position = {};
  std::string owner;
};

}  // namespace engine
