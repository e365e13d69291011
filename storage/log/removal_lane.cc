#include "storage/log/removal_lane.h"

#include <algorithm>
#include <cassert>

namespace storage {

namespace {

// The clock is read after each group of this many entries. The number is small, since each entry
// may need a read of the disk.
constexpr size_t kEntriesAtATime = 8;

// Tables of client partitions have integer keys of 8 bytes in native order; all other tables have
// keys of bytes.
KeyOrder order_of(const Removal& removal) {
  return removal.takes_table || is_partition_table(removal.table) ? KeyOrder::Integer
                                                                  : KeyOrder::Bytes;
}

}  // namespace

Status RemovalLane::recover(Transaction& transaction) {
  const auto cursor = TRY(transaction.cursor(removals_));
  for (auto entry = TRY(cursor->first()); entry; entry = TRY(cursor->next()))
    add(TRY(Removal::decode(entry->key, entry->value)), 0);
  return {};
}

void RemovalLane::add(const Removal& removal, uint64_t epoch) {
  const auto [job, is_new] = jobs_.try_emplace(removal.key(), Job{0, false});
  if (is_new) order_.push_back(job->first);
  // If the removal already has a job, its row now has a later end, because of a longer trim, or
  // because of a drop after a trim.
  job->second.epoch = std::max(job->second.epoch, epoch);
  if (removal.takes_table && !std::exchange(job->second.takes_table, true)) ++table_count_;
}

bool RemovalLane::is_over(const Spent& spent) const {
  return spent.size_bytes >= budget_.size_bytes || clock_.monotonic_us() >= spent.deadline_us;
}

Result<bool> RemovalLane::work(WriteTransaction& transaction, ReadEpochs& epochs) {
  assert(done_.empty() && order_.size() == jobs_.size());
  Spent spent{clock_.monotonic_us() + budget_.time_us};
  bool has_worked = false;
  for (size_t left = order_.size(); left > 0; --left) {
    const Progress progress = TRY(work_on(order_.front(), transaction, epochs, spent));
    has_worked |= progress != Progress::Waits;
    if (progress == Progress::All) done_.push_back(order_.front());
    order_.push_back(std::move(order_.front()));
    order_.pop_front();
    if (is_over(spent)) break;
  }
  return has_worked;
}

void RemovalLane::committed() {
  if (done_.empty()) return;
  for (const std::string& key : done_) {
    table_count_ -= jobs_.at(key).takes_table;
    jobs_.erase(key);
  }
  done_.clear();
  std::erase_if(order_, [&](const std::string& key) { return !jobs_.contains(key); });
}

Result<RemovalLane::Progress> RemovalLane::work_on(const std::string& key,
                                                   WriteTransaction& transaction,
                                                   ReadEpochs& epochs, Spent& spent) {
  const auto row = TRY(transaction.get(removals_, key));
  assert(row);  // only this job erases the row
  const Removal removal = TRY(Removal::decode(key, *row));
  // The table is looked up by name in each slice: if the commit of the table's removal fails, its
  // handle is closed.
  const auto table = TRY(transaction.find_table(removal.table, order_of(removal)));
  if (table) {
    while (true) {
      const Erased erased = TRY(transaction.erase_range(
          *table, removal.first_key, removal.end_key,
          {.max_count = kEntriesAtATime, .max_bytes = budget_.size_bytes - spent.size_bytes}));
      spent.size_bytes += erased.size_bytes;
      if (erased.is_all) break;
      if (is_over(spent)) return Progress::Some;
    }
    if (removal.takes_table) {
      if (!epochs.all_passed(jobs_.at(key).epoch)) return Progress::Waits;
      TRY(transaction.remove_table(*table));
    }
  }
  TRY(transaction.erase(removals_, key));
  return Progress::All;
}

}  // namespace storage
