// Bytes that can be written to a disk directly.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>

namespace storage {

// A string whose first byte lies at the start of a page, as direct writes require.
class AlignedBytes {
 public:
  static constexpr size_t kAlignment = 4096;

  std::string_view view() const { return {bytes_.get(), size_}; }
  char* data() { return bytes_.get(); }
  size_t size() const { return size_; }
  void clear() { size_ = 0; }
  void append(std::string_view more) {
    reserve(size_ + more.size());
    std::memcpy(bytes_.get() + size_, more.data(), more.size());
    size_ += more.size();
  }
  void append_zeros(size_t count) {
    reserve(size_ + count);
    std::memset(bytes_.get() + size_, 0, count);
    size_ += count;
  }

 private:
  struct Free {
    void operator()(char* bytes) const { std::free(bytes); }
  };

  void reserve(size_t wanted) {
    if (wanted <= capacity_) return;
    const size_t least = std::max(wanted, 2 * capacity_);
    const size_t capacity = (least + kAlignment - 1) / kAlignment * kAlignment;
    std::unique_ptr<char[], Free> larger(
        static_cast<char*>(std::aligned_alloc(kAlignment, capacity)));
    if (!larger) throw std::bad_alloc();
    if (size_ > 0) std::memcpy(larger.get(), bytes_.get(), size_);
    bytes_ = std::move(larger);
    capacity_ = capacity;
  }

  std::unique_ptr<char[], Free> bytes_;
  size_t size_ = 0, capacity_ = 0;
};

}  // namespace storage
