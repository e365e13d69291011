#include "storage/meta/access_rules.h"

#include <algorithm>
#include <iterator>

namespace storage {

namespace {

// Visits the rules whose name is exactly `name`.
void visit_name(const AccessRules& rules, RuleResource resource, bool is_prefix,
                std::string_view name, const std::function<void(const AccessRule&)>& visit) {
  const AccessRule first{resource, is_prefix, std::string(name), {}, RuleOperation{}, false};
  for (auto rule = rules.lower_bound(first); rule != rules.end() && rule->resource == resource &&
                                             rule->is_prefix == is_prefix && rule->name == name;
       ++rule)
    visit(*rule);
}

size_t common_size(std::string_view one, std::string_view other) {
  const auto [end, other_end] = std::ranges::mismatch(one, other);
  return static_cast<size_t>(end - one.begin());
}

}  // namespace

void for_each_rule(const AccessRules& rules, RuleResource resource, std::string_view name,
                   const std::function<void(const AccessRule&)>& visit) {
  if (rules.empty()) return;
  visit_name(rules, resource, false, name, visit);
  if (name != kEveryName) visit_name(rules, resource, false, kEveryName, visit);
  // Visits the rules for prefixes of the name, the longest prefix first. Each step searches the
  // last rule that is not after the prefix `left`. If that rule is not for a prefix of the name, no
  // remaining rule is for a longer prefix than the part that this rule shares with the name. So the
  // next step searches from that part.
  for (std::string_view left = name; !left.empty();) {
    std::string behind(left);
    behind.push_back('\0');
    const auto next =
        rules.lower_bound(AccessRule{resource, true, behind, {}, RuleOperation{}, false});
    if (next == rules.begin()) return;
    const AccessRule& before = *std::prev(next);
    if (before.resource != resource || !before.is_prefix) return;
    const size_t shared = common_size(before.name, left);
    const bool fits = shared == before.name.size();
    if (fits) visit_name(rules, resource, true, before.name, visit);
    left = name.substr(0, fits ? shared - std::min<size_t>(shared, 1) : shared);
  }
}

}  // namespace storage
