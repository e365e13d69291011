// A hash map by key bytes that finds by view, with entries that do not move, and that never stops to
// grow: it may hold many millions.
#pragma once
#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace engine {

// Short texts lie in the string itself.
inline size_t heap_bytes(const std::string& text) {
  constexpr size_t kInside = 15;
  return text.capacity() > kInside ? text.capacity() + 1 : 0;
}

// One table of five million entries doubles in a second, and the loop that it belongs to serves nobody
// meanwhile. So there are many small ones, and one more, split off another, each time that they have
// become fuller by one table's worth (linear hashing): an insertion moves about a thousand places at
// most. Places know the hash of their entry: entries, which are not in the processor's caches, are not
// looked at to move them.
//
//   5 tables, by bits of the hash:  ..000  ..001  ..10  ..11  ..100
//   the next one takes from ..001 those that end in 101
//
// Threads: one at a time. Pointers to entries hold until the entry is erased.
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

  // nullptr when there is none.
  Entry* find(std::string_view key) { return find(key, hash_of(key)); }
  const Entry* find(std::string_view key) const { return const_cast<KeyMap*>(this)->find(key); }
  bool contains(std::string_view key) const { return find(key) != nullptr; }

  // Brings the entries of some keys into the processor's caches, all at the same time: looked for one
  // after the other, each is waited for. `found[i]`: where keys[i] most likely is, or null.
  static constexpr size_t kPrefetchedAtOnce = 32;
  void prefetch(std::span<const std::string_view> keys, std::span<const Entry*> found) const {
    assert(keys.size() <= kPrefetchedAtOnce && found.size() == keys.size());
    std::array<uint32_t, kPrefetchedAtOnce> hashes;
    for (size_t i = 0; i < keys.size(); ++i) {
      hashes[i] = hash_of(keys[i]);
      found[i] = nullptr;
      if (tables_.empty() || tables_[table_of(hashes[i])].count == 0) continue;
      const Table& table = tables_[table_of(hashes[i])];
      __builtin_prefetch(&table.hashes[table.home(hashes[i])]);
      __builtin_prefetch(&table.entries[table.home(hashes[i])]);
    }
    for (size_t i = 0; i < keys.size(); ++i) {
      if (tables_.empty() || tables_[table_of(hashes[i])].count == 0) continue;
      const Table& table = tables_[table_of(hashes[i])];
      size_t place = table.home(hashes[i]);
      while (table.entries[place] && table.hashes[place] != hashes[i]) place = table.next(place);
      found[i] = table.entries[place];
      if (found[i]) __builtin_prefetch(found[i]);
    }
  }

  // The entry, made when it is not there; and whether it was made.
  std::pair<Entry*, bool> try_emplace(std::string_view key) {
    const uint32_t hash = hash_of(key);
    if (Entry* found = find(key, hash)) return {found, false};
    if (size_ >= tables_.size() * kEntriesPerTable) add_table();
    auto entry = std::make_unique<Entry>(std::piecewise_construct, std::forward_as_tuple(key),
                                         std::forward_as_tuple());
    tables_[table_of(hash)].insert(hash, entry.get());
    ++size_;
    key_bytes_ += heap_bytes(entry->first);
    return {entry.release(), true};
  }

  bool erase(std::string_view key) {
    if (tables_.empty()) return false;
    const uint32_t hash = hash_of(key);
    const std::unique_ptr<Entry> erased(tables_[table_of(hash)].take(key, hash));
    if (!erased) return false;
    key_bytes_ -= heap_bytes(erased->first);
    --size_;
    return true;
  }

  // Erases a table's worth of entries, any; true when more are left. What has millions of them is let
  // go of in such steps.
  bool erase_some() {
    if (tables_.empty()) return false;
    for (Entry* entry : tables_.back().entries) {
      if (entry) key_bytes_ -= heap_bytes(entry->first);
      delete entry;
    }
    size_ -= tables_.back().count;
    tables_.pop_back();
    set_mask();
    if (tables_.empty()) tables_.shrink_to_fit();
    return !tables_.empty();
  }

  // All entries, in no particular order.
  template <class Visit>
  void for_each(const Visit& visit) const {
    for (const Table& table : tables_)
      for (const Entry* entry : table.entries)
        if (entry) visit(*entry);
  }

  size_t size() const { return size_; }
  // Of all entries with their keys, about; what hangs on the values is not known here.
  size_t memory_bytes() const {
    constexpr size_t kAround = 32;  // a place in a table, and what the allocator adds
    return size_ * (sizeof(Entry) + kAround) + key_bytes_;
  }
  // So many entries are moved at most when the map grows.
  size_t largest_table() const {
    size_t largest = 0;
    for (const Table& table : tables_) largest = std::max(largest, table.count);
    return largest;
  }

 private:
  // Linear probing. A place is free where `entries` has null; an entry lies at the place that its hash
  // says or behind it, with no free one in between.
  struct Table {
    std::vector<uint32_t> hashes;
    std::vector<Entry*> entries;  // as many as hashes: a power of two, or none
    size_t count = 0;

    size_t next(size_t place) const { return (place + 1) & (hashes.size() - 1); }
    size_t home(uint32_t hash) const { return hash & (hashes.size() - 1); }
    // The place of the key, or of the free one where it would be. Not while there are no places.
    size_t find(std::string_view key, uint32_t hash) const {
      size_t place = home(hash);
      while (entries[place] && (hashes[place] != hash || entries[place]->first != key))
        place = next(place);
      return place;
    }
    void insert(uint32_t hash, Entry* entry) {
      if ((count + 1) * 5 > hashes.size() * 4) grow();
      size_t place = home(hash);
      while (entries[place]) place = next(place);
      hashes[place] = hash;
      entries[place] = entry;
      ++count;
    }
    void grow() {
      Table larger;
      larger.make_places(hashes.empty() ? kFewestPlaces : hashes.size() * 2);
      for (size_t place = 0; place < entries.size(); ++place)
        if (entries[place]) larger.insert(hashes[place], entries[place]);
      *this = std::move(larger);
    }
    void make_places(size_t places) {
      hashes.resize(places);
      entries.resize(places);
    }
    // Null when there is none.
    Entry* take(std::string_view key, uint32_t hash) {
      if (hashes.empty()) return nullptr;
      size_t hole = find(key, hash);
      Entry* const taken = entries[hole];
      if (!taken) return nullptr;
      // Whoever lies behind the hole and may lie in it moves there, and leaves a hole of its own.
      for (size_t at = next(hole); entries[at]; at = next(at)) {
        const size_t mask = hashes.size() - 1;
        if (((at - home(hashes[at])) & mask) < ((at - hole) & mask)) continue;
        hashes[hole] = hashes[at];
        entries[hole] = entries[at];
        hole = at;
      }
      entries[hole] = nullptr;
      --count;
      return taken;
    }
  };
  static constexpr size_t kFewestPlaces = 16, kPlaces = 2048;
  // On average. The tables that are to be split next hold twice as many, which just fits kPlaces.
  static constexpr size_t kEntriesPerTable = 750;

  static uint32_t hash_of(std::string_view key) {
    const size_t hash = std::hash<std::string_view>{}(key);
    return static_cast<uint32_t>(hash ^ (hash >> 32));
  }
  // By other bits than those that say the place within the table.
  size_t table_of(uint32_t hash) const {
    const size_t bits = hash >> std::countr_zero(kPlaces), place = bits & mask_;
    return place < tables_.size() ? place : bits & (mask_ >> 1);
  }
  void set_mask() { mask_ = 2 * std::bit_floor(tables_.size()) - 1; }

  Entry* find(std::string_view key, uint32_t hash) {
    if (tables_.empty()) return nullptr;
    const Table& table = tables_[table_of(hash)];
    return table.count == 0 ? nullptr : table.entries[table.find(key, hash)];
  }

  void add_table() {
    const size_t added = tables_.size();
    tables_.emplace_back();
    set_mask();
    if (added == 0) return;
    Table& from = tables_[added - std::bit_floor(added)];
    Table kept;
    kept.make_places(kPlaces);
    tables_[added].make_places(kPlaces);
    for (size_t place = 0; place < from.entries.size(); ++place) {
      if (!from.entries[place]) continue;
      const uint32_t hash = from.hashes[place];
      (table_of(hash) == added ? tables_[added] : kept).insert(hash, from.entries[place]);
    }
    assert(kept.count + tables_[added].count == from.count);
    from = std::move(kept);
  }

  std::vector<Table> tables_;
  size_t mask_ = 0;  // of the bits that tell the tables apart
  size_t size_ = 0, key_bytes_ = 0;
};

}  // namespace engine
