// Stores entries that are looked up by group and read in order within the group. Joins use it to
// keep the records of a stream.
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

// A store of entries with three-level keys. The part is a span of time, and expires as a whole. The group is the
// bytes of a key. The suffix orders the entries of a group. The key of an entry in the journal and in the checkpoint is
//
//   8 bytes part, big-endian | length of the group, varint | group | suffix
//
// So expired entries are one range, new entries are stored together, and so are the entries of a
// group within a part (docs/adr/0029).
//
// Invariants:
//   1. each entry in memory is in its group, the group is in the index of its part, and no two entries have the same
//      key; groups keep their places in a part, except that the last group moves into the place of a removed group;
//   2. if a part is whole, the checkpoint has no entry of it that is not in memory;
//   3. parts before expired_before_ are neither changed nor visible;
//   4. an entry that changed since take_changes() is in changed_ once, and its changed_in is current();
//   5. an erased entry stays in memory, marked as erased, until the commit that erased it is in a checkpoint.
//
// Threads: belongs to one task.
// Owner:   the operator that keeps the entries.
class RangeStore final : public Store {
 public:
  // Entries (suffix and value) that were read from the checkpoint and belong to the reader alone.
  using Loose = std::list<std::pair<std::string, std::string>>;
  struct Key {
    int64_t part = 0;
    std::string_view group, suffix;
  };

  RangeStore() = default;
  ~RangeStore() override;
  RangeStore(const RangeStore&) = delete;
  RangeStore& operator=(const RangeStore&) = delete;

  // Inserts an entry that does not exist yet; the caller guarantees this.
  void insert(const Key& key, std::string_view value);
  // Inserts the entry or replaces its value.
  Status put(const Key& key, std::string_view value);
  // Erases the entry. Returns true if it existed.
  Result<bool> erase(const Key& key);

  // A range of entries of a group in one part, in the order of their suffixes.
  struct Range {
    int64_t part = 0;
    std::string_view group, from, to;  // `from` and `to` are inclusive
  };
  // Receives views that are valid as long as `loose` lives and the store does not change.
  using Visit = std::function<bool(std::string_view suffix, std::string_view value)>;
  // Visits the entries of the range until about `max_entries` have been looked at or `visit` returns false. Returns
  // false at the end of the range. Otherwise the caller continues after the last visited suffix.
  Result<bool> visit(const Range& range, size_t max_entries, Loose& loose, const Visit& visit);
  // Visits the next entries of a scan of the whole store, about `max_entries` at most, until
  // `visit` returns false. Returns false at the end of the scan. Entries of one group and part are
  // usually visited one after the other. The visited views are valid as long as `loose` lives and
  // the store does not change.
  using VisitKey = std::function<bool(const Key& key, std::string_view value)>;
  Result<bool> scan(StoreScan& scan, size_t max_entries, Loose& loose, const VisitKey& visit);
  // Returns the group in a key of the journal or the checkpoint; empty if the key is damaged.
  static std::string_view group_in(std::string_view stored_key);

  // Prefetches the groups into the CPU caches before they are looked up.
  void prefetch(std::span<const std::pair<int64_t, std::string>> groups) const;
  static constexpr size_t kPrefetchedAtOnce = 32;
  // Returns the first part from `from` on that may have entries; nullopt if none has.
  Result<std::optional<int64_t>> next_part(int64_t from);

  // Expires all parts before `part`, also in the journal. forget_some() frees their memory.
  void expire_before(int64_t part);
  // Destroys at most `max_entries` expired entries. Returns true if more are left.
  bool forget_some(size_t max_entries);
  // Returns approximately how many entries have expired since the last call. Entries that were only
  // in the checkpoint when the store was opened are not counted. Neither are the entries of the
  // group with the empty name, because they are only an index of other entries.
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
  // A StorePlace here is a part and the index of a group in it. The end of a scan need not be known in advance: the
  // scan reads each part until its last group.
  StorePlace end_of_places() const override { return {}; }
  struct Part {
    HashIndex<Group> index;
    std::vector<Group*> groups;  // all groups of the part, in any order
    bool is_whole = true;
    // number of evicted entries; those from before the store was opened do not count
    size_t away = 0;
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
  Parts::iterator last_part_ = parts_.end();  // last result of part_at()
  // The last result of find_group(). It is cached because a group that was looked up is often
  // changed next.
  mutable Group* last_group_ = nullptr;
  mutable const Part* last_group_part_ = nullptr;
  bool must_find_parts_ = false;  // the checkpoint may have parts that are not in parts_
  // Totals for the entries in memory, including erased entries.
  size_t entry_bytes_ = 0, entry_count_ = 0, group_count_ = 0;
  std::vector<Entry*> changed_;                          // null: the entry has expired
  std::deque<std::pair<uint64_t, std::string>> erased_;  // commit, and the key in the checkpoint
  int64_t expired_before_ = INT64_MIN;
  bool expiry_changed_ = false;
  uint64_t expired_ = 0;  // the number of expired entries that take_expired() returns
  // The position at which evict() continues: a part, the index of a group in it, and the suffix of
  // the entry that was visited last.
  int64_t hand_part_ = INT64_MIN;
  size_t hand_group_ = 0;
  std::optional<std::string> hand_suffix_;
  std::string scratch_;
};

}  // namespace engine
