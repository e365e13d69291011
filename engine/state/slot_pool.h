// A pool of memory for many pieces of one size, which are taken from blocks and returned to a free
// list.
#pragma once
#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>
#include <functional>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

namespace engine {

// A pool of pieces of equal size. Its first blocks are small, because windows may need thousands of
// pools with one or two pieces each.
//
// Threads: belongs to one task.
class SlotPool {
 public:
  // Pieces have at least 16 bytes and are aligned to 16 bytes.
  explicit SlotPool(size_t slot_size) : slot_size_(padded(slot_size)) {}
  // Returns the memory of one piece.
  static size_t padded(size_t slot_size) { return (slot_size + 15) / 16 * 16; }

  void* take() {
    ++used_;
    if (free_) {
      void* const slot = free_;
      std::memcpy(&free_, link(slot), sizeof free_);
      return slot;
    }
    const Place place = place_of(size_);
    if (place.block == blocks_.size())
      blocks_.push_back(
          std::make_unique<Block[]>(slot_size_ / sizeof(Block) * slots_in(place.block)));
    return at(size_++);
  }
  // Returns a piece to the pool. Its first 8 bytes stay unchanged until the piece is handed out
  // again.
  void give_back(void* slot) {
    std::memcpy(link(slot), &free_, sizeof free_);
    free_ = slot;
    --used_;
  }
  // Frees all memory. No piece may be in use.
  void reset() {
    blocks_.clear();
    blocks_.shrink_to_fit();
    by_address_ = {};
    free_ = nullptr;
    size_ = 0;
  }

  // Returns the number of pieces in use. Returned pieces are handed out again.
  size_t used() const { return used_; }
  // Returns the number of pieces that were ever handed out, including the pieces that were
  // returned.
  size_t size() const { return size_; }
  void* at(size_t number) const {
    const Place place = place_of(number);
    return reinterpret_cast<char*>(blocks_[place.block].get()) + slot_size_ * place.offset;
  }
  // Returns the number of a piece of this pool, by searching for its block.
  size_t number_of(const void* slot) {
    while (by_address_.size() < blocks_.size()) {
      const char* const begin = blocks_[by_address_.size()][0].bytes;
      by_address_.emplace(std::ranges::lower_bound(by_address_, begin, {}, &Address::first), begin,
                          by_address_.size());
    }
    const char* const at = static_cast<const char*>(slot);
    const auto [begin, block] =
        *std::prev(std::ranges::upper_bound(by_address_, at, std::less<>(), &Address::first));
    return first_of(block) + static_cast<size_t>(at - begin) / slot_size_;
  }

 private:
  struct alignas(16) Block {
    char bytes[16];
  };
  struct Place {
    size_t block, offset;
  };
  // The first blocks have 2, 2, 4, 8, ... 512 pieces, and all later blocks have 1,024 pieces.
  static constexpr size_t kSmallBlocks = 10, kSlotsPerBlock = 1024;
  static size_t slots_in(size_t block) {
    if (block >= kSmallBlocks) return kSlotsPerBlock;
    return block == 0 ? 2 : size_t{1} << block;
  }
  static Place place_of(size_t number) {
    if (number >= kSlotsPerBlock)
      return {number / kSlotsPerBlock + kSmallBlocks - 1, number % kSlotsPerBlock};
    if (number < 2) return {0, number};
    const size_t block = static_cast<size_t>(std::bit_width(number)) - 1;
    return {block, number - (size_t{1} << block)};
  }
  static size_t first_of(size_t block) {
    if (block >= kSmallBlocks) return (block - kSmallBlocks + 1) * kSlotsPerBlock;
    return block == 0 ? 0 : size_t{1} << block;
  }
  // Returns the bytes of a free piece that hold the pointer to the next free piece.
  static char* link(void* slot) { return static_cast<char*>(slot) + sizeof(void*); }

  const size_t slot_size_;
  std::vector<std::unique_ptr<Block[]>> blocks_;
  // Addresses of the blocks, sorted, with the index of each block. number_of() extends the list
  // when needed.
  using Address = std::pair<const char*, size_t>;
  std::vector<Address> by_address_;
  void* free_ = nullptr;
  size_t size_ = 0, used_ = 0;
};

}  // namespace engine
