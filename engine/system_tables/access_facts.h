// Who there is and who may do what, as pg_roles and its kin tell it.
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
  std::set<std::string> roles = {};  // whose rights it has, itself among them
};

struct AccessFacts {
  std::vector<RoleFact> roles = {};  // by name
  std::map<std::string, std::map<std::string, RightsFact>> rights =
      {};                                 // by topic ("": all), by role
  std::optional<std::string> asker = {};  // none: whoever asks may do everything
  // The rights of a role that is no superuser on a topic, where access rules of Kafka's allow or deny as well; null: no
  // rules exist, and `rights` are all.
  std::function<RightsFact(const RoleFact& role, const std::string& topic)> by_rules = {};

  // With those by way of other roles, and on everything.
  RightsFact rights_of(const RoleFact& role, const std::string& topic) const;
  // Of the topic; empty: nobody's.
  std::string owner_of(const std::string& topic) const;
  // The numbers of the roles. They follow from the names, as those of tables do.
  std::map<std::string, int64_t> numbers() const;
};

}  // namespace engine
