// A hash index of entries that other objects own. It may contain many millions of entries, so it
// grows in small steps, without a long pause.
#pragma once
#include <array>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace engine {

// Doubling a single table of five million entries takes a second, in which the loop of its task
// does no other work. So the index consists of many small tables. Each time the index has grown by
// the number of entries of one table, one table is split in two (linear hashing), so that an
// insertion moves at most about a thousand entries. The index stores the hash of each entry, too.
// So entries can be moved without reading them, which is fast, because the entries themselves are
// usually not in the CPU caches.
//
//   5 tables, by bits of the hash:  ..000  ..001  ..10  ..11  ..100
//   the next table takes from ..001 the entries that end in 101
//
// Threads: one at a time.
template <class Entry>
class HashIndex {
 public:
  static uint32_t hash_of(std::string_view key) {
    const size_t hash = std::hash<std::string_view>{}(key);
    return static_cast<uint32_t>(hash ^ (hash >> 32));
  }

  // Returns the entry with this hash for which `is_it` is true, or null.
  template <class IsIt>
  Entry* find(uint32_t hash, const IsIt& is_it) const {
    if (tables_.empty()) return nullptr;
    const Table& table = tables_[table_of(hash)];
    return table.count == 0 ? nullptr : table.entries[table.find(hash, is_it)];
  }
  // Inserts the entry, which must not be in the index yet.
  void insert(uint32_t hash, Entry* entry) {
    if (size_ >= tables_.size() * kEntriesPerTable) add_table();
    tables_[table_of(hash)].insert(hash, entry);
    ++size_;
  }
  // Removes the entry with this hash for which `is_it` is true. Returns the entry, or null if none exists.
  template <class IsIt>
  Entry* take(uint32_t hash, const IsIt& is_it) {
    if (tables_.empty()) return nullptr;
    Entry* const taken = tables_[table_of(hash)].take(hash, is_it);
    if (taken) --size_;
    return taken;
  }
  // Removes all entries of one table and passes them to `visit`, in no particular order. Returns
  // true if the index still has entries.
  template <class Visit>
  bool take_some(const Visit& visit) {
    if (tables_.empty()) return false;
    for (Entry* entry : tables_.back().entries)
      if (entry) visit(entry);
    size_ -= tables_.back().count;
    tables_.pop_back();
    set_mask();
    if (tables_.empty()) tables_.shrink_to_fit();
    return !tables_.empty();
  }

  // Prefetches the entries of several hashes into the CPU caches at the same time. If they were
  // looked up one after the other, each of them would have to wait for main memory. Sets `found[i]`
  // to the probable entry of hashes[i], or to null.
  static constexpr size_t kPrefetchedAtOnce = 32;
  void prefetch(std::span<const uint32_t> hashes, std::span<const Entry*> found) const {
    assert(hashes.size() <= kPrefetchedAtOnce && found.size() == hashes.size());
    for (size_t i = 0; i < hashes.size(); ++i) {
      found[i] = nullptr;
      if (tables_.empty() || tables_[table_of(hashes[i])].count == 0) continue;
      const Table& table = tables_[table_of(hashes[i])];
      __builtin_prefetch(&table.hashes[table.home(hashes[i])]);
      __builtin_prefetch(&table.entries[table.home(hashes[i])]);
    }
    for (size_t i = 0; i < hashes.size(); ++i) {
      if (tables_.empty() || tables_[table_of(hashes[i])].count == 0) continue;
      const Table& table = tables_[table_of(hashes[i])];
      size_t place = table.home(hashes[i]);
      while (table.entries[place] && table.hashes[place] != hashes[i]) place = table.next(place);
      found[i] = table.entries[place];
      if (found[i]) __builtin_prefetch(found[i]);
    }
  }

  // Calls `visit` with all entries, in no particular order.
  template <class Visit>
  void for_each(const Visit& visit) const {
    for (const Table& table : tables_)
      for (Entry* entry : table.entries)
        if (entry) visit(*entry);
  }

  size_t size() const { return size_; }
  // Returns an estimate for all tables.
  size_t memory_bytes() const { return size_ * kBytesPerEntry; }
  // Returns the largest number of entries that one step of growth moves.
  size_t largest_table() const {
    size_t largest = 0;
    for (const Table& table : tables_) largest = table.count > largest ? table.count : largest;
    return largest;
  }

 private:
  // A table with linear probing. A place is free if `entries` is null there. An entry lies at the home place of its
  // hash, or after it with no free place in between.
  struct Table {
    std::vector<uint32_t> hashes;
    std::vector<Entry*> entries;  // has the size of `hashes`: a power of two, or 0
    size_t count = 0;

    size_t next(size_t place) const { return (place + 1) & (hashes.size() - 1); }
    size_t home(uint32_t hash) const { return hash & (hashes.size() - 1); }
    // Returns the place of the entry, or the free place where it would be inserted. The table must not be empty.
    template <class IsIt>
    size_t find(uint32_t hash, const IsIt& is_it) const {
      size_t place = home(hash);
      while (entries[place] && (hashes[place] != hash || !is_it(*entries[place])))
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
    template <class IsIt>
    Entry* take(uint32_t hash, const IsIt& is_it) {
      if (hashes.empty()) return nullptr;
      size_t hole = find(hash, is_it);
      Entry* const taken = entries[hole];
      if (!taken) return nullptr;
      // An entry further on may belong into the hole. It moves there, and leaves a new hole at its
      // former place.
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
  // The average number of entries of a table. A table that is about to be split has twice as many,
  // which just fits into kPlaces.
  static constexpr size_t kEntriesPerTable = 750;
  // Tables are about half full.
  static constexpr size_t kBytesPerEntry = 2 * (sizeof(uint32_t) + sizeof(void*));

  // Returns the index of the table. It depends on other bits of the hash than home(), which selects the place within
  // the table.
  size_t table_of(uint32_t hash) const {
    const size_t bits = hash >> std::countr_zero(kPlaces), place = bits & mask_;
    return place < tables_.size() ? place : bits & (mask_ >> 1);
  }
  void set_mask() { mask_ = 2 * std::bit_floor(tables_.size()) - 1; }

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
  size_t mask_ = 0;  // mask for the bits of the hash that select a table
  size_t size_ = 0;
};

}  // namespace engine
