#include "engine/state/layers.h"

#include <algorithm>

namespace engine {

namespace {

// Of entries that a scan reads from the backing at a time.
constexpr size_t kScannedBytes = 256 << 10;

// The store went on and needed the memory that an open scan kept.
Error scan_overtaken() {
  return {ErrorCode::ObjectState,
          "the table has changed too much while it was being read",
          {},
          "Read it again, and faster; or raise memory-limit."};
}

}  // namespace

std::shared_ptr<const ScanHold> Layers::begin_scan() {
  std::erase_if(scans_, [](const std::weak_ptr<ScanHold>& scan) { return scan.expired(); });
  auto hold = std::make_shared<ScanHold>(stored_, current_, is_complete());
  scans_.push_back(hold);
  return hold;
}

Result<bool> Layers::scan(StoreCursor& cursor, StorePlace end, size_t max_entries,
                          const InMemory& in_memory, const InBacking& in_backing) {
  if (!cursor.hold) {
    cursor.hold = begin_scan();
    cursor.is_in_memory = cursor.hold->was_complete;
    cursor.end = end;
  }
  if (cursor.hold->is_overtaken) return scan_overtaken();
  if (cursor.is_in_memory) return in_memory(cursor);
  cursor.is_in_memory = !TRY(scan_backing(cursor, max_entries, in_backing));
  cursor.end = end;
  return true;
}

// False at the end.
Result<bool> Layers::scan_backing(StoreCursor& cursor, size_t max_entries,
                                  const InBacking& in_backing) {
  Status status;
  size_t left = max_entries, bytes = 0;
  const auto take = [&](std::string_view key, std::string_view value) {
    bytes += key.size() + value.size();
    const Result<bool> goes_on = in_backing(key, value);
    if (!goes_on) status = goes_on.error();
    return goes_on && *goes_on && --left > 0 && bytes < kScannedBytes;
  };
  const bool has_more = TRY(backing_->scan(cursor.backing_place, take));
  TRY(status);
  return has_more;
}

bool Layers::begin_eviction() {
  if (backing_ == nullptr) return false;
  held_from_ = kMaxCommit;
  bool holds_all = false;
  std::erase_if(scans_, [&](const std::weak_ptr<ScanHold>& scan) {
    const auto hold = scan.lock();
    if (!hold || hold->is_overtaken) return true;
    holds_all |= hold->was_complete;
    held_from_ = std::min(held_from_, hold->stored);
    return false;
  });
  return !holds_all;
}

void Layers::overtake_scans() {
  for (const std::weak_ptr<ScanHold>& scan : scans_)
    if (const auto hold = scan.lock()) hold->is_overtaken = true;
  scans_.clear();
}

}  // namespace engine
