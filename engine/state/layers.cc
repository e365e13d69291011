#include "engine/state/layers.h"

#include <algorithm>

namespace engine {

namespace {

// Limit for the bytes of one step of a scan that reads the checkpoint or StoreScan::before.
constexpr size_t kScannedBytes = 256 << 10;

// Returns the error of a scan whose kept memory the store has reclaimed.
Error scan_overtaken() {
  return {ErrorCode::ObjectState,
          "the table has changed too much while it was being read",
          {},
          "Read it again, and faster; or raise memory-limit."};
}

// Passes the entries that one step of a scan shows to `visit`. The step ends when `visit` returns false or a limit of
// entries or bytes is reached; the task can then do other work before the next step.
class Portion {
 public:
  Portion(size_t max_entries, const Layers::ScanStep::Visit& visit)
      : left_(max_entries), visit_(visit) {}
  // Passes an entry to `visit`. Returns false when the step ends.
  Result<bool> take(std::string_view key, std::string_view value) {
    bytes_ += key.size() + value.size();
    return TRY(visit_(key, value)) && --left_ > 0 && bytes_ < kScannedBytes;
  }

 private:
  size_t left_, bytes_ = 0;
  const Layers::ScanStep::Visit& visit_;
};

}  // namespace

// Calls `each` with the scans that are still open, and removes the others from the list.
template <class Each>
void Layers::for_each_scan(const Each& each) {
  std::erase_if(scans_, [&](const std::weak_ptr<StoreScan>& weak) {
    const StoreScanPtr scan = weak.lock();
    if (!scan || scan->is_overtaken) return true;
    each(*scan);
    return false;
  });
}

StoreScanPtr Layers::begin_scan(StorePlace end) {
  // Closed scans are removed before the list grows, and not at each begin: with a thousand open scans, checking each of
  // them took longer than reading the first rows of the new scan.
  if (scans_.size() == scans_.capacity()) for_each_scan([](const StoreScan&) {});
  auto scan = std::make_shared<StoreScan>(stored_, current_, is_complete());
  if (scan->was_complete) scan->part = StoreScan::Part::Memory;
  scan->end = end;
  scans_.push_back(scan);
  return scan;
}

Result<bool> Layers::scan(StoreScan& scan, StorePlace end, size_t max_entries,
                          const ScanStep& step) {
  TRY(check_goes_on(scan));
  switch (scan.part) {
    case StoreScan::Part::Backing:
      if (TRY(scan_backing(scan, max_entries, step.in_backing))) return true;
      scan.part = StoreScan::Part::Memory;
      scan.end = end;
      return true;
    case StoreScan::Part::Memory:
      if (step.in_memory(scan)) return true;
      scan.part = StoreScan::Part::Changed;
      return scan.before.size() > 0;
    case StoreScan::Part::Changed:
      return scan_before(scan, max_entries, step.from_before);
    case StoreScan::Part::Wanted:
      break;
  }
  return false;
}

Status Layers::check_goes_on(const StoreScan& scan) {
  return scan.is_overtaken ? Status(scan_overtaken()) : Status();
}

std::optional<std::optional<std::string>> Layers::take_before(StoreScan& scan,
                                                              std::string_view key) {
  auto* const kept = scan.before.find(key);
  if (!kept) return std::nullopt;
  std::optional<std::string> value = std::move(kept->second);
  if (value) scan.value_bytes -= heap_bytes(*value);
  scan.before.erase(key);
  return value;
}

// Shows entries of the checkpoint. Returns false at the end of the checkpoint.
Result<bool> Layers::scan_backing(StoreScan& scan, size_t max_entries,
                                  const ScanStep::Visit& visit) {
  Status status;
  Portion portion(max_entries, visit);
  const auto take = [&](std::string_view key, std::string_view value) {
    const Result<bool> goes_on = portion.take(key, value);
    if (!goes_on) status = goes_on.error();
    return goes_on && *goes_on;
  };
  const bool has_more = TRY(backing_->scan(scan.backing_place, take));
  TRY(status);
  return has_more;
}

// Shows the values in `before`. No values are added in this part of the scan, because all other
// entries have been shown.
Result<bool> Layers::scan_before(StoreScan& scan, size_t max_entries,
                                 const ScanStep::Visit& visit) {
  Portion portion(max_entries, visit);
  if (scan.taken.empty())
    scan.before.take_some([&](const std::string& key, std::optional<std::string>&& value) {
      if (value) scan.taken.emplace_back(key, *std::move(value));
    });
  for (bool goes_on = true; goes_on && !scan.taken.empty(); scan.taken.pop_front())
    goes_on = TRY(portion.take(scan.taken.front().first, scan.taken.front().second));
  return scan.before.size() > 0 || !scan.taken.empty();
}

// Returns whether the scan has already visited the entry, or the place where it would visit the entry.
bool Layers::has_shown(StoreScan& scan, std::string_view key, uint64_t born_in,
                       const std::function<StorePlace()>& place) const {
  if (scan.part == StoreScan::Part::Wanted) return false;
  const bool is_of_memory = scan.shows_in_memory(born_in);
  const auto has_passed = [&] {
    return scan.memory_key ? key < *scan.memory_key : place() < scan.place;
  };
  if (is_of_memory)
    return scan.part == StoreScan::Part::Changed ||
           (scan.part == StoreScan::Part::Memory && has_passed());
  if (scan.part != StoreScan::Part::Backing) return true;
  if (scan.backing_place.empty()) return false;
  const Result<std::string> its_place = backing_->place_of(key);
  // If the checkpoint cannot be read, the scan fails, but not the task.
  if (!its_place) scan.is_overtaken = true;
  return !its_place || *its_place < scan.backing_place;
}

void Layers::keep_before(std::string_view key, uint64_t born_in,
                         const std::function<StorePlace()>& place,
                         const std::function<std::string()>& encode) {
  for_each_scan([&](StoreScan& scan) {
    if (born_in > scan.until || !scan.is_concerned(key) || scan.before.contains(key)) return;
    if (has_shown(scan, key, born_in, place)) return;
    const auto kept = scan.before.try_emplace(key).first;
    kept->second = encode();
    scan.value_bytes += heap_bytes(*kept->second);
  });
}

void Layers::keep_absent(std::string_view key, uint64_t born_in) {
  for_each_scan([&](StoreScan& scan) {
    if (born_in > scan.until || scan.part == StoreScan::Part::Changed) return;
    if (!scan.is_concerned(key)) return;
    scan.before.try_emplace(key);
  });
}

size_t Layers::scan_bytes() const {
  size_t bytes = 0;
  for (const std::weak_ptr<StoreScan>& weak : scans_)
    if (const StoreScanPtr scan = weak.lock()) bytes += scan->memory_bytes();
  return bytes;
}

bool Layers::begin_eviction() {
  if (backing_ == nullptr) return false;
  held_from_ = kMaxCommit;
  bool holds_all = false;
  for_each_scan([&](const StoreScan& scan) {
    holds_all |= scan.was_complete;
    held_from_ = std::min(held_from_, scan.stored);
  });
  return !holds_all;
}

std::vector<StoreScanPtr> Layers::overtake_scans(size_t bytes) {
  std::vector<StoreScanPtr> overtaken;
  size_t kept = 0;
  std::erase_if(scans_, [&](const std::weak_ptr<StoreScan>& weak) {
    StoreScanPtr scan = weak.lock();
    if (!scan) return true;
    if (kept >= bytes) return false;
    kept += scan->memory_bytes();
    scan->is_overtaken = true;
    overtaken.push_back(std::move(scan));
    return true;
  });
  return overtaken;
}

}  // namespace engine
