// Moves the sequences of SERIAL columns in a cluster past numbers that rows were given explicitly (docs/adr/0100). The
// functions are pure.
#pragma once
#include <cstdint>

#include "engine/catalog/sequence.h"

namespace engine {

// setval() and ALTER SEQUENCE, which may move the sequence back, add this number to the sequence's version. A change
// that cannot move the sequence back adds 1.
constexpr int64_t kVersionsOfCount = int64_t{1} << 32;

// Returns whether the sequence belongs to a column and only counts up.
bool is_passed_by_rows(const Sequence& sequence);

// The numbers of a sequence that were reserved before numbers of rows passed the sequence.
struct PassedNumbers {
  int64_t reserved_to = 0;     // numbers after this one were not reserved
  bool has_reserved = false;   // some numbers were reserved
  bool ends_reserves = false;  // rows may have reserved numbers; do not hand these out
};
// Moves the sequence so that its next numbers follow the numbers of rows, which are from `least` to `greatest`.
PassedNumbers pass_numbers(Sequence& sequence, int64_t least, int64_t greatest);

}  // namespace engine
