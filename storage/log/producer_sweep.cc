#include "storage/log/producer_sweep.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "storage/kv/damage.h"
#include "storage/log/producer_state.h"
#include "storage/log/task_outputs.h"

namespace storage {

namespace {

constexpr size_t kEntriesOfSlice = 1000;  // a slice takes about a tenth of a millisecond
constexpr int64_t kLongestPauseMs = 60'000;

}  // namespace

int64_t ProducerSweep::due_in_ms(int64_t now_ms) const {
  // The result is clamped, because the wall clock may be changed in either direction.
  return next_key_.empty() ? std::clamp<int64_t>(next_sweep_ms_ - now_ms, 0, kLongestPauseMs) : 0;
}

bool ProducerSweep::is_to_go(int64_t append_ms, int64_t now_ms) const {
  if (partition_->cutoff_ms && append_ms <= *partition_->cutoff_ms) return true;
  return append_ms <= now_ms - limits_.expiration_ms;
}

bool ProducerSweep::leave_partition() {
  if (!partition_) return false;
  auto& times = partition_->append_times;
  if (partition_->cutoff_ms || times.size() <= limits_.max_per_partition) {
    partition_.reset();
    return false;
  }
  const size_t excess = times.size() - limits_.max_per_partition;
  std::ranges::nth_element(times, times.begin() + static_cast<ptrdiff_t>(excess - 1));
  partition_->cutoff_ms = times[excess - 1];
  next_key_ = producer_key(partition_->number, ProducerId{0});
  return true;
}

// Returns whether the client's state is to be removed.
bool ProducerSweep::look_at_producer(std::string_view value, int64_t now_ms) {
  const auto state = ProducerState::decode(value);
  if (!state) {
    if (!std::exchange(has_warned_, true))
      log_warn("cannot remove an expired producer error=\"{}\"", state.error().message);
    return false;
  }
  // The state is kept while a transaction is open, because the end marker needs the start of the
  // transaction.
  if (state->open_since()) return false;
  if (is_to_go(state->last_append_ms(), now_ms)) return true;
  if (!partition_->cutoff_ms) partition_->append_times.push_back(state->last_append_ms());
  return false;
}

void ProducerSweep::end_sweep(int64_t now_ms) {
  partition_.reset();
  next_key_.clear();
  has_warned_ = false;
  next_sweep_ms_ = now_ms + std::min(kLongestPauseMs, limits_.expiration_ms / 2);
}

Result<size_t> ProducerSweep::work(WriteTransaction& transaction, int64_t now_ms) {
  Result<size_t> removed = try_slice(transaction, now_ms);
  if (!removed) end_sweep(now_ms);
  return removed;
}

Result<size_t> ProducerSweep::try_slice(WriteTransaction& transaction, int64_t now_ms) {
  std::vector<std::string> going;
  auto cursor = TRY(transaction.cursor(producers_));
  if (next_key_.empty()) next_key_.push_back('\0');  // not greater than the first key in the table
  auto entry = TRY(cursor->seek(next_key_));
  for (size_t looked_at = 0; looked_at < kEntriesOfSlice; ++looked_at) {
    std::optional<NumberedKey> key;
    if (entry) key = TRY(decode_numbered_key(entry->key));
    const bool is_same = key && partition_ && LogNumber{key->owner} == partition_->number;
    if (partition_ && !is_same && leave_partition()) break;
    if (!entry) {
      end_sweep(now_ms);
      break;
    }
    if (!partition_) partition_ = OfPartition{LogNumber{key->owner}, {}};
    const ProducerId producer{key->number};
    const bool is_foreign = !task_producers_.contains(producer);
    const bool goes = is_task_producer(producer) ? is_foreign && limits_.forgets_foreign_tasks
                                                 : look_at_producer(entry->value, now_ms);
    if (goes) going.emplace_back(entry->key);
    next_key_ = std::string(entry->key) + '\0';
    entry = TRY(cursor->next());
  }
  cursor.reset();
  for (const std::string& key : going) {
    // The visit has found the key. If erase() does not find it, the entries of a page are out of
    // order, so the page is damaged.
    if (!TRY(transaction.erase(producers_, key)))
      return damaged_data("the data file has damaged producers");
  }
  return going.size();
}

}  // namespace storage
