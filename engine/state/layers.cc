#include "engine/state/layers.h"

#include <algorithm>

namespace engine {

std::shared_ptr<const ScanHold> Layers::begin_scan() {
  std::erase_if(scans_, [](const std::weak_ptr<ScanHold>& scan) { return scan.expired(); });
  auto hold = std::make_shared<ScanHold>(stored_, current_, is_complete());
  scans_.push_back(hold);
  return hold;
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
