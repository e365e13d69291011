// Moves the sequences of SERIAL columns past explicit numbers that rows contain, in a cluster, so
// that no generated number repeats them (docs/adr/0100). The functions are pure.
#pragma once
#include <cstdint>

#include "engine/catalog/sequence.h"

namespace engine {

// setval() and ALTER SEQUENCE may move a sequence back. They add this number to Sequence::version.
// A change that cannot move the sequence back adds 1. So the version shows whether the sequence may
// have moved back.
constexpr int64_t kVersionsOfCount = int64_t{1} << 32;

// Returns whether explicit numbers in rows move the sequence. This is so if it belongs to a column
// and only counts up.
bool is_passed_by_rows(const Sequence& sequence);

// The result of moving a sequence past explicit numbers: facts about the numbers that nodes had
// reserved before.
struct PassedNumbers {
  int64_t reserved_to = 0;    // the highest number that was reserved
  bool has_reserved = false;  // whether any numbers were reserved
  // rows may have some of the reserved numbers, so nodes must not give these out
  bool ends_reserves = false;
};
// Moves the sequence past the explicit numbers of rows. `least` and `greatest` are the lowest and
// the highest of them.
PassedNumbers pass_numbers(Sequence& sequence, int64_t least, int64_t greatest);

}  // namespace engine
