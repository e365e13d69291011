// The bytes of a group's key and their size, in one allocation.
#pragma once
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>

namespace engine {

class GroupKey {
 public:
  struct Delete {
    void operator()(const GroupKey* key) const { ::operator delete(const_cast<GroupKey*>(key)); }
  };
  using Owner = std::unique_ptr<const GroupKey, Delete>;

  // Creates a key. `bytes` must have less than 4 GiB.
  static Owner make(std::string_view bytes) {
    auto* const key = new (::operator new(sizeof(GroupKey) + bytes.size()))
        GroupKey(static_cast<uint32_t>(bytes.size()));
    if (!bytes.empty()) std::memcpy(reinterpret_cast<char*>(key + 1), bytes.data(), bytes.size());
    return Owner(key);
  }
  GroupKey(const GroupKey&) = delete;
  GroupKey& operator=(const GroupKey&) = delete;

  std::string_view view() const { return {reinterpret_cast<const char*>(this + 1), size_}; }
  // Returns an estimate of the allocated bytes, because allocators round up.
  size_t memory_bytes() const { return (sizeof(GroupKey) + size_ + 15) / 16 * 16; }

 private:
  explicit GroupKey(uint32_t size) : size_(size) {}

  const uint32_t size_;  // number of the bytes that follow the object
};

}  // namespace engine
