// The entries and groups of a RangeStore in memory. Included only by the source files of
// RangeStore.
#pragma once
#include <absl/container/btree_set.h>
#include <absl/container/inlined_vector.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>

#include "base/bytes.h"
#include "engine/state/range_store.h"

namespace engine {

// An entry in one allocation: this header, followed by the bytes of group, suffix and value.
struct RangeStore::Entry {
  int64_t part;
  uint64_t rank;  // computed by rank_of()
  uint32_t group_size, suffix_size, value_size;
  bool is_erased = false;
  bool is_used = true;      // the entry was used since evict() last visited it
  bool is_stored = false;   // the journal or the checkpoint may have the entry
  uint32_t changed_at = 0;  // index of the entry in changed_
  uint64_t changed_in = 0;
  uint64_t born_in = 0;

  static uint64_t rank_of(std::string_view suffix) {
    if (suffix.size() >= sizeof(uint64_t)) return load_be<uint64_t>(suffix.data());
    char padded[sizeof(uint64_t)] = {};
    if (!suffix.empty()) std::memcpy(padded, suffix.data(), suffix.size());
    return load_be<uint64_t>(padded);
  }
  static Entry* make(const Key& key, std::string_view value) {
    const size_t bytes = key.group.size() + key.suffix.size() + value.size();
    auto* const entry = new (::operator new(sizeof(Entry) + bytes))
        Entry{key.part, rank_of(key.suffix), static_cast<uint32_t>(key.group.size()),
              static_cast<uint32_t>(key.suffix.size()), static_cast<uint32_t>(value.size())};
    char* to = entry->bytes();
    for (const std::string_view piece : {key.group, key.suffix, value}) {
      if (!piece.empty()) std::memcpy(to, piece.data(), piece.size());
      to += piece.size();
    }
    return entry;
  }
  static void destroy(Entry* entry) { ::operator delete(entry); }

  char* bytes() { return reinterpret_cast<char*>(this + 1); }
  const char* bytes() const { return reinterpret_cast<const char*>(this + 1); }
  std::string_view group() const { return {bytes(), group_size}; }
  std::string_view suffix() const { return {bytes() + group_size, suffix_size}; }
  std::string_view value() const { return {bytes() + group_size + suffix_size, value_size}; }
  Key key() const { return {part, group(), suffix()}; }
  size_t memory_bytes() const { return sizeof(Entry) + group_size + suffix_size + value_size; }
};

// The entries of one part that have the same `group` bytes, ordered by suffix. Most groups have only a few entries, in
// the vector `few`; some groups have millions, in the tree `many`. Comparisons begin with the first eight bytes of the
// suffixes (`rank`), so they seldom have to compare whole suffixes.
struct RangeStore::Group {
  struct Probe {
    uint64_t rank;
    std::string_view suffix;
  };
  struct Less {
    using is_transparent = void;
    static bool less(uint64_t a_rank, std::string_view a, uint64_t b_rank, std::string_view b) {
      return a_rank != b_rank ? a_rank < b_rank : a < b;
    }
    bool operator()(const Entry* a, const Entry* b) const {
      return less(a->rank, a->suffix(), b->rank, b->suffix());
    }
    bool operator()(const Entry* a, const Probe& b) const {
      return less(a->rank, a->suffix(), b.rank, b.suffix);
    }
    bool operator()(const Probe& a, const Entry* b) const {
      return less(a.rank, a.suffix, b->rank, b->suffix());
    }
  };
  static constexpr size_t kFew = 32;

  absl::InlinedVector<Entry*, 2> few;
  // all entries, if the group has more than kFew
  std::unique_ptr<absl::btree_set<Entry*, Less>> many;
  size_t place = 0;  // index of the group in Part::groups

  static Probe probe_of(std::string_view suffix) { return {Entry::rank_of(suffix), suffix}; }
  bool empty() const { return many ? many->empty() : few.empty(); }
  Entry* first() const { return many ? *many->begin() : few.front(); }
  std::string_view key() const { return first()->group(); }

  void insert(Entry* entry) {
    if (many) {
      many->insert(entry);
      return;
    }
    // Most entries belong at the end, because records usually arrive in the order of their times.
    // So the end is tried first.
    const bool is_last = few.empty() || Less()(few.back(), entry);
    few.insert(is_last ? few.end() : std::lower_bound(few.begin(), few.end(), entry, Less()),
               entry);
    if (few.size() <= kFew) return;
    many = std::make_unique<absl::btree_set<Entry*, Less>>(few.begin(), few.end());
    few.clear();
  }
  void erase(Entry* entry) {
    if (many)
      many->erase(entry);
    else
      few.erase(std::lower_bound(few.begin(), few.end(), entry, Less()));
  }
  // Replaces an entry by another one that has the same suffix.
  void replace(Entry* entry, Entry* now) {
    if (!many) {
      *std::lower_bound(few.begin(), few.end(), entry, Less()) = now;
      return;
    }
    many->erase(entry);
    many->insert(now);
  }
  // Visits the entries from this suffix on, until `visit` returns false.
  template <class Visit>
  void visit_from(std::string_view suffix, const Visit& visit) const {
    const Probe from = probe_of(suffix);
    if (many) {
      for (auto at = many->lower_bound(from); at != many->end() && visit(*at);) ++at;
    } else {
      for (auto at = std::lower_bound(few.begin(), few.end(), from, Less());
           at != few.end() && visit(*at);)
        ++at;
    }
  }
  Entry* find(std::string_view suffix) const {
    Entry* found = nullptr;
    visit_from(suffix, [&](Entry* entry) {
      if (entry->suffix() == suffix) found = entry;
      return false;
    });
    return found;
  }
};

}  // namespace engine
