// A hash map from key bytes to entries that never move in memory. Look-ups take a string_view. The map grows without
// a long pause, although it may hold many millions of entries.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "engine/state/hash_index.h"

namespace engine {

// Returns the heap memory of a string; a short text is inside the string object.
inline size_t heap_bytes(const std::string& text) {
  constexpr size_t kInside = 15;
  return text.capacity() > kInside ? text.capacity() + 1 : 0;
}

// Threads: one at a time. Pointers to entries are valid until the entry is erased.
template <class T>
class KeyMap {
 public:
  using Entry = std::pair<const std::string, T>;

  KeyMap() = default;
  ~KeyMap() {
    while (erase_some()) continue;
  }
  KeyMap(const KeyMap&) = delete;
  KeyMap& operator=(const KeyMap&) = delete;

  // Returns the entry of the key; nullptr if the key is absent.
  Entry* find(std::string_view key) { return find(key, Index::hash_of(key)); }
  const Entry* find(std::string_view key) const { return const_cast<KeyMap*>(this)->find(key); }
  bool contains(std::string_view key) const { return find(key) != nullptr; }

  // Prefetches the entries of at most kPrefetchedAtOnce keys into the CPU caches at the same time.
  static constexpr size_t kPrefetchedAtOnce = HashIndex<Entry>::kPrefetchedAtOnce;
  void prefetch(std::span<const std::string_view> keys) const {
    std::array<uint32_t, kPrefetchedAtOnce> hashes;
    std::array<const Entry*, kPrefetchedAtOnce> found;
    for (size_t i = 0; i < keys.size(); ++i) hashes[i] = Index::hash_of(keys[i]);
    index_.prefetch(std::span(hashes).first(keys.size()), std::span(found).first(keys.size()));
  }

  // Returns the entry of the key, and whether this call has created it.
  std::pair<Entry*, bool> try_emplace(std::string_view key) {
    const uint32_t hash = Index::hash_of(key);
    if (Entry* found = find(key, hash)) return {found, false};
    auto entry = std::make_unique<Entry>(std::piecewise_construct, std::forward_as_tuple(key),
                                         std::forward_as_tuple());
    index_.insert(hash, entry.get());
    key_bytes_ += heap_bytes(entry->first);
    return {entry.release(), true};
  }

  bool erase(std::string_view key) {
    const std::unique_ptr<Entry> erased(index_.take(Index::hash_of(key), is(key)));
    if (!erased) return false;
    key_bytes_ -= heap_bytes(erased->first);
    return true;
  }

  // Erases the entries of one table of the index. Returns true if more are left. A map of millions of entries is
  // destroyed in such steps, so that no step is long.
  bool erase_some() {
    return take_some([](const std::string&, T&&) {});
  }
  // Removes the entries of one table and passes them to `take`. Returns true if more are left.
  template <class Take>
  bool take_some(const Take& take) {
    return index_.take_some([&](Entry* entry) {
      const std::unique_ptr<Entry> taken(entry);
      key_bytes_ -= heap_bytes(taken->first);
      take(taken->first, std::move(taken->second));
    });
  }

  // Calls `visit` with all entries, in no particular order.
  template <class Visit>
  void for_each(const Visit& visit) const {
    index_.for_each([&](const Entry& entry) { visit(entry); });
  }

  size_t size() const { return index_.size(); }
  // Returns an estimate for all entries and keys, without heap memory of the values.
  size_t memory_bytes() const {
    constexpr size_t kAround = 8;  // overhead of the allocator
    return size() * (sizeof(Entry) + kAround) + index_.memory_bytes() + key_bytes_;
  }

 private:
  using Index = HashIndex<Entry>;
  static auto is(std::string_view key) {
    return [key](const Entry& entry) { return entry.first == key; };
  }
  Entry* find(std::string_view key, uint32_t hash) { return index_.find(hash, is(key)); }

  Index index_;
  size_t key_bytes_ = 0;
};

}  // namespace engine
