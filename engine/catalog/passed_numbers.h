// Moves the sequences of SERIAL columns in a cluster past the explicit numbers of rows (docs/adr/0100). The functions
// are pure.
#pragma once
#include <cstdint>

#include "engine/catalog/sequence.h"

namespace engine {

// setval() and ALTER SEQUENCE, which may move the sequence back, add this number to the sequence's version. A change
// that cannot move the sequence back adds 1.
constexpr int64_t kVersionsOfCount = int64_t{1} << 32;

// Returns whether explicit numbers of rows move the sequence: it belongs to a column and only counts up.
bool is_passed_by_rows(const Sequence& sequence);

// The result of moving a sequence past numbers of rows: facts about its earlier reservations.
struct PassedNumbers {
  int64_t reserved_to = 0;     // numbers after this one were not reserved
  bool has_reserved = false;   // some numbers were reserved
  bool ends_reserves = false;  // rows may have numbers that are reserved; do not hand these out
};
// Moves the sequence past the explicit numbers of rows, which are from `least` to `greatest`.
PassedNumbers pass_numbers(Sequence& sequence, int64_t least, int64_t greatest);

}  // namespace engine
