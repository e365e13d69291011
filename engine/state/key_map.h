// A hash map by key bytes that finds by view, with entries that do not move, and that never stops to
// grow: it may hold many millions.
#pragma once
#include <absl/container/node_hash_map.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace engine {

// Debian's abseil has a string_view of its own, so its transparent hash does not know ours.
struct KeyHash {
  using is_transparent = void;
  size_t operator()(std::string_view key) const { return std::hash<std::string_view>{}(key); }
};

// One table of five million entries doubles in half a second, and the loop that it belongs to serves
// nobody meanwhile. So there are many small ones, and one more, split off another, each time that they
// have become fuller by one table's worth (linear hashing): an insertion moves about a thousand
// entries at most.
//
//   5 tables, by bits of the hash:  ..000  ..001  ..10  ..11  ..100
//   the next one takes from ..001 those that end in 101
//
// Threads: one at a time. Pointers to entries hold until the entry is erased.
template <class T>
class KeyMap {
 public:
  using Entry = std::pair<const std::string, T>;

  // nullptr when there is none.
  Entry* find(std::string_view key) { return find(key, KeyHash{}(key)); }
  const Entry* find(std::string_view key) const { return const_cast<KeyMap*>(this)->find(key); }
  bool contains(std::string_view key) const { return find(key) != nullptr; }

  // The entry, made when it is not there; and whether it was made.
  std::pair<Entry*, bool> try_emplace(std::string_view key) {
    const size_t hash = KeyHash{}(key);
    if (Entry* found = find(key, hash)) return {found, false};
    if (size_ >= tables_.size() * kEntriesPerTable) add_table();
    ++size_;
    return {&*tables_[place_of(hash, tables_.size())].try_emplace(key).first, true};
  }

  bool erase(std::string_view key) {
    if (tables_.empty()) return false;
    const bool was_there = tables_[place_of(KeyHash{}(key), tables_.size())].erase(key) > 0;
    size_ -= was_there;
    return was_there;
  }

  // Erases a table's worth of entries, any; true when more are left. What has millions of them is let
  // go of in such steps.
  bool erase_some() {
    if (tables_.empty()) return false;
    size_ -= tables_.back().size();
    tables_.pop_back();
    if (tables_.empty()) tables_.shrink_to_fit();
    return !tables_.empty();
  }

  // All entries, in no particular order.
  template <class Visit>
  void for_each(const Visit& visit) const {
    for (const Table& table : tables_)
      for (const Entry& entry : table) visit(entry);
  }

  size_t size() const { return size_; }
  // So many entries are moved at most when the map grows.
  size_t largest_table() const {
    size_t largest = 0;
    for (const Table& table : tables_) largest = std::max(largest, table.size());
    return largest;
  }

 private:
  using Table = absl::node_hash_map<std::string, T, KeyHash, std::equal_to<>>;
  // On average. The tables that are to be split next hold twice as many, which just fits 2,047 places.
  static constexpr size_t kEntriesPerTable = 832;

  // As many bits of the hash as tell `tables` apart; not those by which a table finds its places.
  static size_t place_of(size_t hash, size_t tables) {
    const size_t bits = hash >> 40, half = std::bit_floor(tables);
    const size_t place = bits & (half * 2 - 1);
    return place < tables ? place : bits & (half - 1);
  }

  Entry* find(std::string_view key, size_t hash) {
    if (tables_.empty()) return nullptr;
    Table& table = tables_[place_of(hash, tables_.size())];
    const auto found = table.find(key, hash);
    return found == table.end() ? nullptr : &*found;
  }

  void add_table() {
    const size_t added = tables_.size();
    tables_.emplace_back();
    if (added == 0) return;
    Table& from = tables_[added - std::bit_floor(added)];
    Table kept;
    kept.reserve(from.size() / 2);
    tables_[added].reserve(from.size() / 2);
    for (auto at = from.begin(); at != from.end();) {
      const auto moved = at++;
      const bool stays = place_of(KeyHash{}(moved->first), added + 1) != added;
      (stays ? kept : tables_[added]).insert(from.extract(moved));
    }
    from = std::move(kept);
  }

  std::vector<Table> tables_;
  size_t size_ = 0;
};

}  // namespace engine
