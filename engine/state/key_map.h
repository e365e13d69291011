// A hash map by key bytes that finds by view, with entries that do not move.
#pragma once
#include <absl/container/node_hash_map.h>

#include <functional>
#include <string>
#include <string_view>

namespace engine {

// Debian's abseil has a string_view of its own, so its transparent hash does not know ours.
struct KeyHash {
  using is_transparent = void;
  size_t operator()(std::string_view key) const { return std::hash<std::string_view>{}(key); }
};

template <class T>
using KeyMap = absl::node_hash_map<std::string, T, KeyHash, std::equal_to<>>;

}  // namespace engine
