#include "engine/types/value.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace engine {

namespace {

bool same_double(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
}

bool has_text_keys(const ValueMap& map) {
  return std::ranges::all_of(map, [](const auto& entry) {
    return std::holds_alternative<std::string>(entry.first.payload());
  });
}

std::vector<const std::pair<Value, Value>*> by_key(const ValueMap& map) {
  std::vector<const std::pair<Value, Value>*> entries;
  for (const auto& entry : map) entries.push_back(&entry);
  std::ranges::sort(entries, {}, [](const auto* entry) -> const std::string& {
    return entry->first.as_string();
  });
  return entries;
}

// Compares two maps in any order of their keys.
bool same_map(const ValueMap& a, const ValueMap& b) {
  if (a.size() != b.size()) return false;
  if (has_text_keys(a) && has_text_keys(b))  // this way is faster for large maps
    return std::ranges::equal(by_key(a), by_key(b),
                              [](const auto* one, const auto* other) { return *one == *other; });
  return std::ranges::all_of(
      a, [&](const auto& entry) { return std::ranges::find(b, entry) != b.end(); });
}

}  // namespace

bool Value::operator==(const Value& other) const {
  if (payload_.index() != other.payload_.index()) return false;
  return std::visit(
      [&](const auto& mine) {
        using T = std::decay_t<decltype(mine)>;
        const auto& theirs = std::get<T>(other.payload_);
        if constexpr (std::is_same_v<T, double>)
          return same_double(mine, theirs);
        else if constexpr (std::is_same_v<T, std::shared_ptr<const ValueList>>)
          return *mine == *theirs;
        else if constexpr (std::is_same_v<T, std::shared_ptr<const ValueMap>>)
          return same_map(*mine, *theirs);
        else
          return mine == theirs;
      },
      payload_);
}

}  // namespace engine
