// A 128-bit identity that never changes. References to topics, instances and stores of queries use
// it instead of a name.
#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

struct Uuid {
  std::array<uint8_t, 16> bytes{};

  // Returns a random version-4 id from the operating system.
  static Uuid random();
  // Returns lower-case hexadecimal digits with hyphens, as in RFC 9562.
  std::string to_string() const;
  bool is_nil() const { return *this == Uuid{}; }
  auto operator<=>(const Uuid&) const = default;

  template <typename H>
  friend H AbslHashValue(H h, const Uuid& id) {
    return H::combine_contiguous(std::move(h), id.bytes.data(), id.bytes.size());
  }
};
