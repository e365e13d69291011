#include "server/tasks/frozen_changes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <charconv>

#include "engine/state/state_changes.h"
#include "engine/state/store.h"

namespace server {

namespace {

// Limits for the part of a checkpoint that next_part() returns. They bound the memory, because the data of the part is
// copied.
constexpr size_t kPartKeys = 32'768, kPartBytes = 4 << 20;
// The name of a store contains a number of up to four digits. The limit also prevents that a
// damaged number makes the program allocate much memory.
constexpr uint32_t kMaxStores = 10'000;

Error damaged_changes() {
  return {ErrorCode::CorruptRecord, "stored changes of a task's state are damaged"};
}

}  // namespace

std::string store_name(uint32_t store) { return fmt::format("{:04}", store); }

uint32_t store_number(std::string_view name) {
  uint32_t number = UINT32_MAX;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  return error == std::errc{} ? number : UINT32_MAX;
}

Status FrozenChanges::add(std::string_view changes) {
  // The memory to find a change by its key: one element of found_, and two slots of places_, because up to half of
  // the slots may be empty.
  constexpr size_t kToFind = sizeof(Change) + 2 * sizeof(std::pair<Key, uint32_t>);
  engine::StateChangeReader reader(changes);
  std::string_view rest = changes;
  for (engine::StateEntry entry; reader.next(entry); rest = reader.rest()) {
    if (entry.store >= kMaxStores) return damaged_changes();
    while (entry.store >= store_names_.size()) {
      store_names_.push_back(store_name(static_cast<uint32_t>(store_names_.size())));
      removed_below_.emplace_back();
    }
    if (entry.kind == engine::StateEntry::Kind::DeleteBelow) {
      if (entry.key > removed_below_[entry.store]) removed_below_[entry.store] = entry.key;
      continue;
    }
    const Change change{entry.key, rest.substr(0, rest.size() - reader.rest().size()), entry.store};
    const auto [place, is_new] =
        places_.try_emplace(Key(entry.store, entry.key), static_cast<uint32_t>(found_.size()));
    if (is_new) {
      found_.push_back(change);
      found_bytes_ += kToFind;
    } else {
      found_bytes_ -= found_[place->second].bytes.size();
      found_[place->second] = change;
    }
    found_bytes_ += change.bytes.size();
  }
  return reader.is_damaged() ? Status(damaged_changes()) : Status();
}

// Sorts the changes in the order of the keys in the state store, so that a chunk changes few pages.
void FrozenChanges::freeze(TaskSequence position, std::string scalars) {
  assert(newest_.empty() && position > TaskSequence{0});  // 0 is for parts before the last
  position_ = position;
  scalars_ = std::move(scalars);
  places_ = {};
  std::vector<Change> newest = std::exchange(found_, {});
  found_bytes_ = 0;
  // Changes of a removed range are dropped: a removed window is never created again.
  std::erase_if(newest,
                [this](const Change& change) { return change.key < removed_below_[change.store]; });
  std::ranges::sort(newest, [](const Change& a, const Change& b) {
    return a.store != b.store ? a.store < b.store : a.key < b.key;
  });
  size_t size_bytes = 0;
  for (const Change& change : newest) size_bytes += change.bytes.size();
  newest_.reserve(size_bytes);
  for (const Change& change : newest) newest_ += change.bytes;
}

storage::Checkpoint FrozenChanges::next_part() {
  storage::Checkpoint part;
  part.task = task_;
  part.keeps = shared_from_this();
  if (!ranges_are_stored_)
    for (uint32_t i = 0; i < removed_below_.size(); ++i)
      if (!removed_below_[i].empty())
        part.removed_ranges.push_back({store_names_[i], "", removed_below_[i]});
  engine::StateChangeReader reader(std::string_view(newest_).substr(next_));
  engine::StateEntry entry;
  for (size_t bytes = 0;
       part.entries.size() < kPartKeys && bytes < kPartBytes && reader.next(entry);) {
    bytes += entry.key.size() + entry.value.size();
    const bool is_put = entry.kind == engine::StateEntry::Kind::Put;
    part.entries.push_back(
        {store_names_[entry.store], entry.key, is_put ? std::optional(entry.value) : std::nullopt});
  }
  assert(!reader.is_damaged());  // add() has already decoded these bytes without an error
  sent_to_ = newest_.size() - reader.rest().size();
  last_is_sent_ = sent_to_ == newest_.size();
  // Only the last part sets the position. The other parts have position 0, because the state store
  // ignores a position below the stored one.
  part.position = last_is_sent_ ? position_ : TaskSequence{0};
  if (last_is_sent_) part.scalars = scalars_;
  return part;
}

}  // namespace server
