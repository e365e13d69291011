#include "engine/state/groups_in_order.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace engine {

namespace {

constexpr size_t kGatheredAtOnce = 4096, kReadAtOnce = 512, kBytesReadAtOnce = 256 << 10;

}  // namespace

AggregateStore::InOrder::InOrder(AggregateStore& store, int64_t start)
    : store_(store), start_(start), loose_(store) {
  assert(store.is_windowed_ && store.knows_starts() && !store.held_start_);
  store.held_start_ = start;
  const auto found = store.by_start_.find(start);
  if (found == store.by_start_.end()) return;
  pool_ = &found->second.groups;
  in_memory_.reserve(pool_->size());
  if (!found->second.is_whole()) {
    store.encode_key({}, start, first_key_);
    place_.emplace();
  }
}

Result<std::vector<const GroupSlot*>> AggregateStore::InOrder::next(size_t max) {
  std::vector<const GroupSlot*> groups;
  if (!prepare()) return groups;
  if (place_ && next_ == admitted_) {
    TRY(read_some());
    if (place_ && next_ == admitted_) return groups;
  }
  while (groups.size() < max) {
    if (!head_ && !in_memory_.empty()) head_ = in_memory_.next();
    const bool has_read = next_ < admitted_;
    if (!has_read && place_) break;
    if (!has_read && !head_) {
      is_at_end_ = groups.empty();  // the groups of this call must be valid until the next call
      break;
    }
    const bool takes_read = has_read && (!head_ || ByKey()(read_[next_], head_));
    groups.push_back(takes_read ? read_[next_++] : std::exchange(head_, nullptr));
  }
  return groups;
}

// Returns true when the groups in memory are sorted.
bool AggregateStore::InOrder::prepare() {
  const size_t size = pool_ ? pool_->size() : 0;
  if (gathered_ < size) {
    for (const size_t end = std::min(size, gathered_ + kGatheredAtOnce); gathered_ < end;
         ++gathered_)
      if (const auto* slot = static_cast<const GroupSlot*>(pool_->at(gathered_)); slot->key)
        in_memory_.add(slot);
    return false;
  }
  return in_memory_.prepare();
}

Status AggregateStore::InOrder::read_some() {
  read_.erase(read_.begin(), read_.begin() + static_cast<ptrdiff_t>(admitted_));
  loose_.drop_first(admitted_);
  next_ = admitted_ = 0;
  Backing& backing = *store_.layers_.backing();
  if (place_->empty()) *place_ = TRY(backing.place_of(first_key_));
  size_t count = 0, bytes = 0;
  std::string last;  // the last key that was read
  Status status;
  const bool has_more =
      TRY(backing.scan(*place_, [&](std::string_view key, std::string_view value) {
        const auto at = store_.decode_key(key);
        if (!at || at->window_start != start_) {
          if (!at) status = at.error();
          last.clear();
          return false;
        }
        last = key;
        if (!store_.find_in_memory(at->key, start_)) {
          const auto added = loose_.add(*at, value);
          if (!added) status = added.error();
          if (!added) return false;
          read_.push_back(*added);
        }
        bytes += key.size() + value.size();
        return ++count < kReadAtOnce && bytes < kBytesReadAtOnce;
      }));
  TRY(status);
  if (!has_more || last.empty()) place_.reset();
  admit(last);
  return {};
}

// Admits the groups whose order is certain. If the last key is longer than kOrderedKeyBytes, keys with the same
// ordered prefix may still follow in any order, so the groups with this prefix must wait.
void AggregateStore::InOrder::admit(std::string_view last) {
  admitted_ = read_.size();
  if (place_ && last.size() > Backing::kOrderedKeyBytes) {
    const size_t ordered = Backing::kOrderedKeyBytes - sizeof start_;
    const std::string_view part = last.substr(sizeof start_, ordered);
    const auto waits = [&](const GroupSlot* group) {
      return group->key->view().substr(0, ordered) == part;
    };
    while (admitted_ > 0 && waits(read_[admitted_ - 1])) --admitted_;
  }
  std::sort(read_.begin(), read_.begin() + static_cast<ptrdiff_t>(admitted_), ByKey());
}

}  // namespace engine
