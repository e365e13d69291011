// Users and their rights, for pg_roles and similar tables.
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace engine {

struct RightsFact {
  bool may_select = false, may_insert = false, owns = false;
};

struct RoleFact {
  std::string name;
  bool may_login = false, is_superuser = false, has_password = false;
  std::set<std::string> member_of = {};
  std::set<std::string> roles = {};  // roles whose rights this role has, including itself
};

struct AccessFacts {
  std::vector<RoleFact> roles = {};  // ordered by name
  std::map<std::string, std::map<std::string, RightsFact>> rights =
      {};                                 // by topic ("": all topics), then by role
  std::optional<std::string> asker = {};  // the role that asks; not set: it may do everything
  // Returns the rights that a role, which is not a superuser, has on a topic under Kafka's access rules. Null: no such
  // rules exist, and `rights` are complete.
  std::function<RightsFact(const RoleFact& role, const std::string& topic)> by_rules = {};

  // Returns the rights of the role on the topic, including rights through other roles and rights on all topics.
  RightsFact rights_of(const RoleFact& role, const std::string& topic) const;
  // Returns the owner of the topic; empty: no owner.
  std::string owner_of(const std::string& topic) const;
  // Returns the numbers (oids) of the roles. They are derived from the names, like the numbers of tables.
  std::map<std::string, int64_t> numbers() const;
};

}  // namespace engine
