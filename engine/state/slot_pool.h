// Memory for many pieces of one size: handed out from large blocks, given back to a free list.
#pragma once
#include <cstddef>
#include <deque>
#include <memory>
#include <vector>

namespace engine {

// Threads: belongs to one task.
class SlotPool {
 public:
  // Pieces are aligned to 16 bytes.
  explicit SlotPool(size_t slot_size) : slot_size_((slot_size + 15) / 16 * 16) {}

  void* take() {
    if (!free_.empty()) {
      void* slot = free_.back();
      free_.pop_back();
      return slot;
    }
    if (used_in_block_ == kSlotsPerBlock) {
      blocks_.push_back(std::make_unique<Block[]>(slot_size_ / sizeof(Block) * kSlotsPerBlock));
      used_in_block_ = 0;
    }
    return reinterpret_cast<char*>(blocks_.back().get()) + slot_size_ * used_in_block_++;
  }
  void give_back(void* slot) { free_.push_back(slot); }

  // Of the pieces that are in use; those that were given back are there for the next ones.
  size_t used_bytes() const { return (size() - free_.size()) * slot_size_; }
  // All pieces that were ever handed out, by number, also those that were given back since.
  size_t size() const {
    return blocks_.empty() ? 0 : (blocks_.size() - 1) * kSlotsPerBlock + used_in_block_;
  }
  void* at(size_t number) const {
    return reinterpret_cast<char*>(blocks_[number / kSlotsPerBlock].get()) +
           slot_size_ * (number % kSlotsPerBlock);
  }

 private:
  struct alignas(16) Block {
    char bytes[16];
  };
  static constexpr size_t kSlotsPerBlock = 1024;
  const size_t slot_size_;
  std::vector<std::unique_ptr<Block[]>> blocks_;
  std::deque<void*> free_;  // grows without being moved: millions of windows expire
  size_t used_in_block_ = kSlotsPerBlock;
};

}  // namespace engine
