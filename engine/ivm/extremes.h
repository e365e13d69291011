// The values of a group for MIN and MAX, in their order, so that the next value is known when one is removed.
#pragma once
#include <absl/container/btree_map.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/types/column.h"

namespace engine {

// Keeps values of one type in PostgreSQL's order.
//
// Threads: one at a time.
class Extremes {
 public:
  // Returns whether values of the type can be kept: numbers and times with exact values, and texts that are compared
  // by their characters. Equal values of these types have equal bytes.
  static bool supports(const SqlType& type);
  explicit Extremes(const SqlType& type) : values_(Less{type.kind() == TypeKind::String}) {}

  // Adds the value `weight` times, or removes it if `weight` is negative. Nulls are ignored.
  void add(const Column& column, size_t row, int64_t weight);
  // Append the smallest or the largest value to the column; null if there is none.
  void append_least(Column& out) const;
  void append_greatest(Column& out) const;
  // Returns whether neither end has a value that was removed more often than it was added.
  bool are_valid() const;
  // Returns the approximate memory of the values.
  size_t bytes() const { return bytes_; }

 private:
  struct Less {
    bool is_text;
    bool operator()(std::string_view a, std::string_view b) const;
    using is_transparent = void;
  };
  // values, encoded so that Less orders them, and how often each of them occurs
  absl::btree_map<std::string, int64_t, Less> values_;
  size_t bytes_ = 0;
};

}  // namespace engine
