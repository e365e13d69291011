// Entries that are found by a group and read in order within it: the records that joins keep of a stream.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/state/hash_index.h"
#include "engine/state/store.h"

namespace engine {

// An entry lies in a part, which is a span of time; under a group, the bytes of a key; and behind a suffix, by
// which those of a group are in order. Parts expire as a whole. In the journal and in the backing its key is
//
//   8 bytes part, big-endian | length of the group, varint | group | suffix
//
// so that what expires is one range, what is new lies together, and the entries of a group in a part are one
// more (docs/adr/0029).
//
// Invariants:
//   1. each entry in memory is in its group, that in its part's index, and no other has its key; groups keep their
//      places in a part, but that the last one takes the place of one that goes;
//   2. of a part that is whole nothing is in the backing that is not in memory;
//   3. no part before expired_before_ is changed any more, nor seen;
//   4. what has changed since take_changes() is in changed_ once, and has changed_in == current();
//   5. an erased entry stays, marked, until the commit that erased it is in a checkpoint.
//
// Threads: belongs to one task.
// Owner:   the operator that keeps the entries.
class RangeStore final : public Store {
 public:
  // Entries that were read out of the backing, and nobody else keeps: suffix and value.
  using Loose = std::list<std::pair<std::string, std::string>>;
  struct Key {
    int64_t part = 0;
    std::string_view group, suffix;
  };

  RangeStore() = default;
  ~RangeStore() override;
  RangeStore(const RangeStore&) = delete;
  RangeStore& operator=(const RangeStore&) = delete;

  // One that is not there, which is the caller's to know.
  void insert(const Key& key, std::string_view value);
  // Replaces the value of what is there, or makes it.
  Status put(const Key& key, std::string_view value);
  // True when it was there.
  Result<bool> erase(const Key& key);

  // The entries of a group in one part, in the order of their suffixes, from this suffix on, out of about
  // `max_entries`, until `visit` wants no more.
  struct Range {
    int64_t part = 0;
    std::string_view group, from, to;  // both suffixes included
  };
  // What it gets holds as long as `loose` does and the store does not change.
  using Visit = std::function<bool(std::string_view suffix, std::string_view value)>;
  // False when there are no more; else goes on behind what was visited last.
  Result<bool> visit(const Range& range, size_t max_entries, Loose& loose, const Visit& visit);
  // The next entries of a scan of all that there is, out of about `max_entries` and until `visit` wants no more; false
  // when it is at its end. Those of one group and part come together as a rule. What `visit` gets holds as long as
  // `loose` does and the store does not change.
  using VisitKey = std::function<bool(const Key& key, std::string_view value)>;
  Result<bool> scan(StoreScan& scan, size_t max_entries, Loose& loose, const VisitKey& visit);
  // Of a key as the journal and the backing have it; empty where it is damaged.
  static std::string_view group_in(std::string_view stored_key);

  // Brings what look-ups of these groups will look at into the processor's caches.
  void prefetch(std::span<const std::pair<int64_t, std::string>> groups) const;
  static constexpr size_t kPrefetchedAtOnce = 32;
  // The first part from this one on that may have entries.
  Result<std::optional<int64_t>> next_part(int64_t from);

  // All parts before this one are gone: so says the journal from now on. Their memory is given back by
  // forget_some().
  void expire_before(int64_t part);
  // Destroys at most so many expired entries; true when more are left.
  bool forget_some(size_t max_entries);
  // About how many have gone that way since the last call: entries that were only in the backing when the store was
  // opened are not counted. Entries of the group without a name are an index of others.
  uint64_t take_expired() { return std::exchange(expired_, 0); }

  bool is_counted() const override { return false; }
  void take_changes(uint32_t store_index, StateChanges& out) override;
  void restore_size(size_t size) override;
  Status restore(const StateEntry& entry, uint64_t commit) override;
  size_t size() const override { return layers_.size(); }
  size_t memory_bytes() const override;
  size_t evict(size_t max_entries) override;
  bool release_some() override;

 private:
  struct Entry;
  struct Group;
  // A place is a part and the number of a group in it; how far they go is seen on the way.
  StorePlace end_of_places() const override { return {}; }
  struct Part {
    HashIndex<Group> index;
    std::vector<Group*> groups;  // all of them, in any order
    bool is_whole = true;
    size_t away = 0;  // evicted; what the store was opened with is not counted
  };
  using Parts = std::map<int64_t, Part>;

  Part& part_at(int64_t part);
  Group* find_group(const Part& part, std::string_view group) const;
  Entry* find_in_memory(const Key& key);
  Entry& make(const Key& key, std::string_view value);
  void remove(Part& part, Entry* entry);
  void remove_group(Part& part, Group* group);
  void destroy(Entry* entry);
  bool destroy_some(Part& part, size_t& max_entries);
  void mark_changed(Entry& entry);
  void keep_before(const Entry& entry, size_t place);
  void keep_before(const Entry& entry);
  Status keep_stored(const Key& key);
  bool scan_memory(StoreScan& scan, size_t max_entries, const VisitKey& visit) const;
  Status find_parts();
  using Stored = std::vector<std::pair<std::string, std::string>>;
  Result<bool> read_stored(const Part& part, const Range& range, size_t max_entries, Stored& out);
  bool read_memory(const Part& part, const Range& range, size_t max_entries,
                   std::vector<const Entry*>& out) const;
  void forget_erased();
  static void encode_key(const Key& key, std::string& out);
  static Result<Key> decode_key(std::string_view bytes);

  Parts parts_;
  Parts::iterator last_part_ = parts_.end();  // that part_at() gave
  // That find_group() gave: what is asked for is often changed next.
  mutable Group* last_group_ = nullptr;
  mutable const Part* last_group_part_ = nullptr;
  bool must_find_parts_ = false;  // the backing may have some that are not in parts_
  // Of all in memory, the erased ones included.
  size_t entry_bytes_ = 0, entry_count_ = 0, group_count_ = 0;
  std::vector<Entry*> changed_;                          // null: expired since
  std::deque<std::pair<uint64_t, std::string>> erased_;  // commit, and the key in the backing
  int64_t expired_before_ = INT64_MIN;
  bool expiry_changed_ = false;
  uint64_t expired_ = 0;  // see take_expired()
  // Where evict() goes on: a part, the place of a group in it, and behind which of its entries.
  int64_t hand_part_ = INT64_MIN;
  size_t hand_group_ = 0;
  std::optional<std::string> hand_suffix_;
  std::string scratch_;
};

}  // namespace engine
