#include "server/tasks/frozen_changes.h"

#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <charconv>

#include "engine/state/state_changes.h"
#include "engine/state/store.h"

namespace server {

namespace {

// Of one part: what is copied at a time.
constexpr size_t kPartKeys = 32'768, kPartBytes = 4 << 20;

}  // namespace

std::string store_name(uint32_t store) { return fmt::format("{:04}", store); }

uint32_t store_number(std::string_view name) {
  uint32_t number = UINT32_MAX;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  return error == std::errc{} ? number : UINT32_MAX;
}

// In key order, as the state store writes it: a chunk then changes few pages.
void FrozenChanges::sort() {
  find_newest();
  std::ranges::sort(in_order_, [](const Change& a, const Change& b) {
    return a.store != b.store ? a.store < b.store : a.key < b.key;
  });
  // A window that was forgotten never comes back: what was noted of it before goes too.
  std::erase_if(in_order_,
                [this](const Change& change) { return change.key < removed_below_[change.store]; });
  is_sorted_ = true;
}

void FrozenChanges::find_newest() {
  using Key = std::pair<uint32_t, std::string_view>;
  struct KeyHash {
    size_t operator()(const Key& key) const {
      return std::hash<std::string_view>{}(key.second) + key.first;
    }
  };
  absl::flat_hash_map<Key, uint32_t, KeyHash> places;  // in in_order_
  for (const std::string& piece : changes_) {
    engine::StateChangeReader reader(piece);
    for (engine::StateEntry entry; reader.next(entry);) {
      while (entry.store >= store_names_.size()) {
        store_names_.push_back(store_name(static_cast<uint32_t>(store_names_.size())));
        removed_below_.emplace_back();
      }
      if (entry.kind == engine::StateEntry::Kind::DeleteBelow) {
        if (entry.key > removed_below_[entry.store]) removed_below_[entry.store] = entry.key;
        continue;
      }
      const Change change{entry.key, entry.value, entry.store,
                          entry.kind == engine::StateEntry::Kind::Put};
      const auto [place, is_new] =
          places.try_emplace(Key(entry.store, entry.key), static_cast<uint32_t>(in_order_.size()));
      if (is_new)
        in_order_.push_back(change);
      else
        in_order_[place->second] = change;
    }
    assert(!reader.is_damaged());  // our own encoder made it
  }
}

storage::Checkpoint FrozenChanges::next_part() {
  if (!is_sorted_) sort();
  storage::Checkpoint part;
  part.task = task_;
  part.keeps = shared_from_this();
  if (!ranges_are_stored_)
    for (uint32_t i = 0; i < removed_below_.size(); ++i)
      if (!removed_below_[i].empty())
        part.removed_ranges.push_back({store_names_[i], "", removed_below_[i]});
  sent_to_ = next_;
  const size_t end = std::min(in_order_.size(), next_ + kPartKeys);
  for (size_t bytes = 0; sent_to_ < end && bytes < kPartBytes; ++sent_to_) {
    const Change& change = in_order_[sent_to_];
    bytes += change.key.size() + change.value.size();
    part.entries.push_back({store_names_[change.store], change.key,
                            change.is_put ? std::optional(change.value) : std::nullopt});
  }
  last_is_sent_ = sent_to_ == in_order_.size();
  // A part that is not the last leaves the position where it is: it never goes back.
  part.position = last_is_sent_ ? position_ : TaskSequence{0};
  if (last_is_sent_) part.scalars = scalars_;
  return part;
}

}  // namespace server
