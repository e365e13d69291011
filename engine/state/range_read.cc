// Reads a RangeStore in order. Merges the entries in memory with those in the checkpoint.
#include <algorithm>

#include "engine/state/range_entries.h"

namespace engine {

// Finds the parts that the checkpoint has, with one seek for each. This is done once after the store was
// opened over its checkpoint.
Status RangeStore::find_parts() {
  if (!must_find_parts_) return {};
  must_find_parts_ = false;
  for (std::optional<int64_t> from = std::max<int64_t>(expired_before_, 0); from;) {
    std::optional<int64_t> found;
    Status status;
    scratch_.clear();
    append_be<int64_t>(scratch_, *from);
    layers_.note_fetch();
    std::string place = TRY(layers_.backing()->place_of(scratch_));
    TRY(layers_.backing()->scan(place, [&](std::string_view key, std::string_view) {
      if (const auto decoded = decode_key(key))
        found = decoded->part;
      else
        status = decoded.error();
      return false;
    }));
    TRY(status);
    if (found) part_at(*found).is_whole = false;
    from = found && *found < INT64_MAX ? std::optional(*found + 1) : std::nullopt;
  }
  return {};
}

Result<std::optional<int64_t>> RangeStore::next_part(int64_t from) {
  TRY(find_parts());
  const auto at = parts_.lower_bound(std::max(from, expired_before_));
  return at == parts_.end() ? std::nullopt : std::optional(at->first);
}

// Collects entries of the range that are in memory. Returns true if the range has more than `max_entries`.
bool RangeStore::read_memory(const Part& part, const Range& range, size_t max_entries,
                             std::vector<const Entry*>& out) const {
  const Group* const group = find_group(part, range.group);
  if (!group) return false;
  bool has_more = false;
  group->visit_from(range.from, [&](Entry* entry) {
    if (entry->suffix() > range.to) return false;
    if (entry->is_erased) return true;
    has_more = out.size() == max_entries;
    if (has_more) return false;
    entry->is_used = true;
    out.push_back(entry);
    return true;
  });
  return has_more;
}

// Collects entries of the range that are only in the checkpoint. Returns true if the range has more than
// `max_entries`. The checkpoint does not order keys beyond kOrderedKeyBytes. With longer keys `max_entries` is
// ignored: all entries of the range are collected, and the result is false.
Result<bool> RangeStore::read_stored(const Part& part, const Range& range, size_t max_entries,
                                     Stored& out) {
  std::string prefix, first;
  encode_key({range.part, range.group, {}}, prefix);
  encode_key({range.part, range.group, range.from}, first);
  const bool is_ordered =
      std::max(first.size(), prefix.size() + range.to.size()) <= Backing::kOrderedKeyBytes;
  const std::string_view begin =
      is_ordered ? std::string_view(first)
                 : std::string_view(prefix).substr(0, Backing::kOrderedKeyBytes);
  bool has_more = false;
  layers_.note_fetch();
  std::string place = TRY(layers_.backing()->place_of(begin));
  const Group* const group = find_group(part, range.group);
  TRY(layers_.backing()->scan(place, [&](std::string_view key, std::string_view value) {
    if (!key.starts_with(prefix)) return !is_ordered && key.starts_with(begin);
    const std::string_view suffix = key.substr(prefix.size());
    if (suffix > range.to) return !is_ordered || key.size() > Backing::kOrderedKeyBytes;
    if (suffix < range.from) return true;
    if (group && group->find(suffix)) return true;
    if (is_ordered && out.size() == max_entries) {
      has_more = true;
      return false;
    }
    out.emplace_back(suffix, value);
    return true;
  }));
  std::ranges::sort(out);
  return has_more;
}

Result<bool> RangeStore::visit(const Range& range, size_t max_entries, Loose& loose,
                               const Visit& visit) {
  TRY(find_parts());
  const auto found = parts_.find(range.part);
  if (found == parts_.end() || range.part < expired_before_) return false;
  Part& part = found->second;
  std::vector<const Entry*> here;
  bool has_more = read_memory(part, range, max_entries, here);
  if (part.is_whole) {
    for (const Entry* entry : here)
      if (!visit(entry->suffix(), entry->value())) return true;
    return has_more;
  }
  const bool is_cut_here = has_more;
  Stored stored;
  const bool is_cut_there = TRY(read_stored(part, range, max_entries, stored));
  has_more |= is_cut_there;
  // `here` has the entries in memory, `stored` those on the disk. If a limit has cut one of the two lists, the merge
  // stops at its end: entries after the cut may precede the remaining entries of the other list.
  auto a = here.begin();
  auto b = stored.begin();
  while (a != here.end() || b != stored.end()) {
    if (a == here.end() && is_cut_here) break;
    if (b == stored.end() && is_cut_there) break;
    const bool is_here = b == stored.end() || (a != here.end() && (*a)->suffix() < b->first);
    bool goes_on = false;
    if (is_here) {
      goes_on = visit((*a)->suffix(), (*a)->value());
      ++a;
    } else {
      const auto& [suffix, value] = loose.emplace_back(std::move(*b++));
      goes_on = visit(suffix, value);
    }
    if (!goes_on) return true;
  }
  return has_more;
}

// --- Scans

std::string_view RangeStore::group_in(std::string_view stored_key) {
  const Result<Key> key = decode_key(stored_key);
  return key ? key->group : std::string_view();
}

// Keeps the value of an entry for open scans. Call before the entry changes or loses its place.
void RangeStore::keep_before(const Entry& entry, size_t place) {
  std::string key;
  encode_key(entry.key(), key);
  layers_.keep_before(
      key, entry.born_in,
      [&] {
        return StorePlace{entry.part, place};
      },
      [&] { return std::string(entry.value()); });
}

void RangeStore::keep_before(const Entry& entry) {
  keep_before(entry, find_group(part_at(entry.part), entry.group())->place);
}

// Keeps the value of this key in the checkpoint for open scans. Does nothing if the checkpoint has no
// such key. Called before the first change of a key that is not in memory.
Status RangeStore::keep_stored(const Key& key) {
  std::string bytes;
  encode_key(key, bytes);
  const auto stored = TRY(layers_.fetch(bytes));
  if (stored)
    layers_.keep_before(
        bytes, 0, [] { return StorePlace(); }, [&] { return std::string(*stored); });
  return {};
}

Result<bool> RangeStore::scan(StoreScan& scan, size_t max_entries, Loose& loose,
                              const VisitKey& visit) {
  TRY(find_parts());
  const auto is_gone = [&](const Key& key) { return key.part < expired_before_; };
  const auto as_stored = [&](std::string_view key, std::string_view value) -> Result<bool> {
    const auto& [its_key, its_value] = loose.emplace_back(key, value);
    const Key decoded = TRY(decode_key(its_key));
    return is_gone(decoded) || visit(decoded, its_value);
  };
  const auto in_backing = [&](std::string_view key, std::string_view value) -> Result<bool> {
    if (scan.has_before(key) || !scan.is_concerned(key)) return true;
    const Entry* const entry = find_in_memory(TRY(decode_key(key)));
    if (!entry) return as_stored(key, value);
    // otherwise the scan shows the entry later
    const bool is_here = !entry->is_erased && entry->born_in <= scan.stored;
    return !is_here || visit(entry->key(), entry->value());
  };
  const auto in_memory = [&](StoreScan& at) { return scan_memory(at, max_entries, visit); };
  return layers_.scan(scan, end_of_places(), max_entries, {in_memory, in_backing, as_stored});
}

// Visits groups in memory. Each group is visited as a whole, because is_concerned() is evaluated once per group.
bool RangeStore::scan_memory(StoreScan& scan, size_t max_entries, const VisitKey& visit) const {
  bool goes_on = true;
  std::string key;
  for (auto part = parts_.lower_bound(std::max(scan.place.start, expired_before_));
       part != parts_.end(); ++part) {
    if (part->first != scan.place.start) scan.place = {part->first, 0};
    const std::vector<Group*>& groups = part->second.groups;
    for (; scan.place.number < groups.size(); ++scan.place.number) {
      if (!goes_on || max_entries == 0) return true;
      const Group& group = *groups[scan.place.number];
      --max_entries;
      encode_key(group.first()->key(), key);
      if (!scan.is_concerned(key)) continue;
      group.visit_from({}, [&](const Entry* entry) {
        max_entries -= std::min<size_t>(max_entries, 1);
        if (entry->is_erased || !scan.shows_in_memory(entry->born_in)) return true;
        encode_key(entry->key(), key);
        if (!scan.has_before(key)) goes_on &= visit(entry->key(), entry->value());
        return true;
      });
    }
  }
  return false;
}

}  // namespace engine
