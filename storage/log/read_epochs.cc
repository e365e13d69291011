#include "storage/log/read_epochs.h"

namespace storage {

std::shared_ptr<ReadEpochs::Slot> ReadEpochs::add_reader() {
  auto slot = std::make_shared<Slot>();
  std::lock_guard lock(mutex_);
  std::erase_if(slots_, [](const auto& known) { return known.expired(); });
  slots_.push_back(slot);
  return slot;
}

bool ReadEpochs::all_passed(uint64_t number) {
  std::lock_guard lock(mutex_);
  for (const auto& known : slots_)
    if (const auto slot = known.lock(); slot && slot->number_.load() < number) return false;
  return true;
}

}  // namespace storage
