#include "server/http/body_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/suggest.h"

namespace server::http {

namespace {

// Returns the name that the user probably means; empty if none is near enough.
std::string near_name(std::string_view name, const std::vector<std::string>& others) {
  constexpr size_t kLeastPrefix = 3;
  for (const std::string& other : others)
    if (name.size() >= kLeastPrefix && other.starts_with(name)) return other;
  return nearest_name(name, others);
}

}  // namespace

std::string unrecognized_field(const engine::JsonTree& object,
                               std::span<const std::string_view> names, UnknownFields unknown) {
  constexpr size_t kMostShown = 100;
  for (const auto& [name, value] : object.members) {
    if (std::ranges::find(names, name) != names.end()) continue;
    std::vector<std::string> others;
    for (const std::string_view known : names)
      if (!object.find(known)) others.emplace_back(known);
    const std::string near = near_name(name, others);
    if (near.empty() && unknown == UnknownFields::IgnoredIfOther) continue;
    return fmt::format("Unrecognized field: {}{}", name.substr(0, kMostShown),
                       near.empty() ? fmt::format(" (known: {})", fmt::join(names, ", "))
                                    : fmt::format(" (did you mean {}?)", near));
  }
  return {};
}

}  // namespace server::http
