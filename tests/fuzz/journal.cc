// Fuzz target: an entry of a task's journal. An entry that can be decoded stays the same after it
// is encoded again.
#include "engine/exec/journal.h"

#include <cassert>

#include "tests/fuzz/every_type.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const fuzz::ExactBytes bytes({reinterpret_cast<const char*>(data), size});
  const auto entry = engine::decode_journal(bytes.view());
  if (!entry) return 0;
  const auto again = engine::decode_journal(engine::encode_journal(*entry));
  assert(again && *again == *entry);
  return 0;
}
