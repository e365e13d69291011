#include "engine/system_tables/access_facts.h"

#include <string_view>

#include "engine/system_tables/catalog_objects.h"

namespace engine {

namespace {

// The owner of objects that have no other owner.
constexpr std::string_view kFirstUser = "millrace";
constexpr int64_t kFirstNumber = 16384, kNumbers = (int64_t{1} << 31) - kFirstNumber;

// Returns the FNV-1a hash, which is equal in every process.
uint64_t hash_of(std::string_view text) {
  uint64_t hash = 14695981039346656037ull;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  return hash;
}

}  // namespace

RightsFact AccessFacts::rights_of(const RoleFact& role, const std::string& topic) const {
  if (role.is_superuser) return {true, true, true};
  if (by_rules) return by_rules(role, topic);
  RightsFact sum;
  for (const std::string& place : {topic, std::string()}) {
    const auto by_role = rights.find(place);
    if (by_role == rights.end()) continue;
    for (const auto& [holder, held] : by_role->second) {
      if (!role.roles.contains(holder)) continue;
      sum.may_select |= held.may_select || held.owns;
      sum.may_insert |= held.may_insert || held.owns;
      sum.owns |= held.owns;
    }
  }
  return sum;
}

std::string AccessFacts::owner_of(const std::string& topic) const {
  if (const auto by_role = rights.find(topic); by_role != rights.end())
    for (const auto& [role, held] : by_role->second)
      if (held.owns) return role;
  return {};
}

std::map<std::string, int64_t> AccessFacts::numbers() const {
  std::map<std::string, int64_t> numbers = {{std::string(kFirstUser), kOwner}};
  std::set<int64_t> taken;
  for (const RoleFact& role : roles) {
    if (role.name == kFirstUser) continue;
    int64_t number = static_cast<int64_t>(hash_of(role.name) % kNumbers) + kFirstNumber;
    while (!taken.insert(number).second) ++number;
    numbers[role.name] = number;
  }
  return numbers;
}

}  // namespace engine
