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

bool same_map(const ValueMap& a, const ValueMap& b) {
  if (a.size() != b.size()) return false;
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
