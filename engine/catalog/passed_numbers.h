// Sequences that continue after numbers that rows were given explicitly: those of SERIAL columns in a cluster
// (docs/adr/0100). Pure.
#pragma once
#include <cstdint>

#include "engine/catalog/sequence.h"

namespace engine {

// Added to a sequence's version by setval() and ALTER SEQUENCE, which may move the sequence back. A change that cannot
// move it back adds 1.
constexpr int64_t kVersionsOfCount = int64_t{1} << 32;

// Whether the sequence belongs to a column and only counts up.
bool is_passed_by_rows(const Sequence& sequence);

// Numbers of the sequence that were reserved before rows passed it.
struct PassedNumbers {
  int64_t reserved_to = 0;     // numbers after this one were not reserved
  bool has_reserved = false;   // whether any numbers were reserved
  bool ends_reserves = false;  // rows may have reserved numbers; do not hand these out
};
// Rows have numbers from `least` to `greatest`; moves the sequence so that its next numbers follow
// these.
PassedNumbers pass_numbers(Sequence& sequence, int64_t least, int64_t greatest);

}  // namespace engine
