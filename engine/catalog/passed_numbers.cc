#include "engine/catalog/passed_numbers.h"

#include <algorithm>

namespace engine {

bool is_passed_by_rows(const Sequence& sequence) {
  return !sequence.owner_table.empty() && sequence.increment > 0 && !sequence.cycles;
}

PassedNumbers pass_numbers(Sequence& sequence, int64_t least, int64_t greatest) {
  PassedNumbers passed;
  passed.reserved_to =
      sequence.is_called
          ? sequence.last_value
          : static_cast<int64_t>(std::max<__int128>(
                static_cast<__int128>(sequence.last_value) - sequence.increment, INT64_MIN));
  passed.has_reserved = sequence.is_called || sequence.version > 0;
  passed.ends_reserves = passed.has_reserved && least <= passed.reserved_to;
  if (greatest > passed.reserved_to) {
    sequence.last_value = std::min(greatest, sequence.max);
    sequence.is_called = true;
  }
  if (passed.ends_reserves) ++sequence.version;
  return passed;
}

}  // namespace engine
