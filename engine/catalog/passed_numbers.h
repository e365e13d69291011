// Sequences that go on behind numbers which rows were given otherwise: those of SERIAL columns in a cluster (docs/adr/0100). Pure.
#pragma once
#include <cstdint>

#include "engine/catalog/sequence.h"

namespace engine {

// So much a sequence's version goes up where somebody has said where it goes on (setval(), ALTER SEQUENCE), which may be further
// back; by 1 where it does not go back.
constexpr int64_t kVersionsOfCount = int64_t{1} << 32;

// A column owns it, and it only goes up.
bool is_passed_by_rows(const Sequence& sequence);

// Of what was reserved before rows have passed it.
struct PassedNumbers {
  int64_t reserved_to = 0;    // numbers behind that nobody was given
  bool has_reserved = false;  // whether anybody was given any
  bool ends_reserves =
      false;  // some may be at hand that rows have: what was reserved is not to be given any more
};
// Rows have numbers from `least` to `greatest`: the next ones come behind these.
PassedNumbers pass_numbers(Sequence& sequence, int64_t least, int64_t greatest);

}  // namespace engine
