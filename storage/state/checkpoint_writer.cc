#include "storage/state/checkpoint_writer.h"

#include <algorithm>

#include "storage/kv/crash_point.h"

namespace storage {

namespace {

// Limits of a small checkpoint, which may share a transaction (is_small()).
constexpr size_t kSmallKeys = 256, kSmallBytes = 64 << 10;

bool is_store_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxStoreNameSize && name.find('\0') == name.npos;
}

bool begin_alike(std::string_view left, std::string_view right) {
  return left.substr(0, kMaxWholeKeySize) == right.substr(0, kMaxWholeKeySize);
}

}  // namespace

Status CheckpointWriter::check_names(const Checkpoint& checkpoint) {
  const auto has_name = [](const auto& part) { return is_store_name(part.store); };
  const bool needs_no_task = checkpoint.task.empty() && checkpoint.entries.empty() &&
                             checkpoint.removed_ranges.empty() && checkpoint.scalars.empty();
  if ((!is_task_id(checkpoint.task) && !needs_no_task) ||
      !std::ranges::all_of(checkpoint.entries, has_name) ||
      !std::ranges::all_of(checkpoint.removed_ranges, has_name))
    return Error{ErrorCode::InvalidParameter, "the name of a task or a store is empty or too long"};
  return {};
}

// A checkpoint with ranges is never small, because the size of a range is unknown until the range
// is removed.
bool CheckpointWriter::is_small(const Checkpoint& checkpoint) const {
  if (!checkpoint.removed_ranges.empty() ||
      checkpoint.entries.size() > std::min(kSmallKeys, chunk_keys_ / 4))
    return false;
  return checkpoint.bytes() <= kSmallBytes;
}

Status CheckpointWriter::write_together(std::span<const Checkpoint* const> checkpoints) {
  const auto change = [&](WriteTransaction& transaction) -> Status {
    for (const Checkpoint* checkpoint : checkpoints) TRY(write_small(transaction, *checkpoint));
    return {};
  };
  TRY(file_.change(change));
  pass(CrashPoint::BeforeJournalTrim);
  (void)pace_();  // the result does not matter, since everything is written by now
  return {};
}

Status CheckpointWriter::write_small(WriteTransaction& transaction, const Checkpoint& checkpoint) {
  StoreRows stores;
  TRY(find_stores(transaction, checkpoint, stores));
  std::string scratch;
  for (const StateEntry& entry : checkpoint.entries)
    TRY(write_entry(transaction, stores.find(entry.store)->second, entry, scratch));
  for (const auto& [name, row] : stores) TRY(put_store(transaction, checkpoint.task, name, row));
  return put_position(transaction, checkpoint);
}

Status CheckpointWriter::write(const Checkpoint& checkpoint) {
  TRY(check_names(checkpoint));
  StoreRows stores = TRY(find_stores(checkpoint));
  for (const StateRange& range : checkpoint.removed_ranges)
    TRY(remove_range(checkpoint, stores.at(range.store), range));
  TRY(write_entries(checkpoint, stores));
  TRY(write_position(checkpoint));
  pass(CrashPoint::BeforeJournalTrim);
  return {};
}

Result<CheckpointWriter::StoreRows> CheckpointWriter::find_stores(const Checkpoint& checkpoint) {
  StoreRows rows;
  TRY(file_.change(
      [&](WriteTransaction& transaction) { return find_stores(transaction, checkpoint, rows); }));
  return rows;
}

Status CheckpointWriter::find_stores(WriteTransaction& transaction, const Checkpoint& checkpoint,
                                     StoreRows& rows) {
  for (const StateRange& range : checkpoint.removed_ranges) rows.try_emplace(range.store);
  for (const StateEntry& entry : checkpoint.entries)
    if (!rows.contains(entry.store)) rows.try_emplace(std::string(entry.store));
  for (auto& [name, row] : rows) {
    const std::string key = store_key(checkpoint.task, name);
    if (const auto known = TRY(transaction.get(file_.tables().stores, key))) {
      row = TRY(decode_store_row(*known));
      continue;
    }
    row = {.id = file_.take_store_id()};
    TRY(transaction.put(file_.tables().stores, key, encode(row)));
  }
  return {};
}

Status CheckpointWriter::put_store(WriteTransaction& transaction, std::string_view task,
                                   std::string_view name, const StoreRow& row) const {
  if (row.format == StoreFormat::Plain) return {};
  return transaction.put(file_.tables().stores, store_key(task, name), encode(row));
}

Status CheckpointWriter::remove_range(const Checkpoint& checkpoint, StoreRow& store,
                                      const StateRange& range) {
  while (TRY(remove_some(checkpoint, store, range))) TRY(pace_());
  return {};
}

// Removes one chunk of the range. Returns false if nothing of the range is left.
Result<bool> CheckpointWriter::remove_some(const Checkpoint& checkpoint, StoreRow& store,
                                           const StateRange& range) {
  // Keys are compared one by one with the ends of the range: keys that share their first 400 bytes
  // with an end are not stored in the order of the whole keys.
  const std::string first = store_prefix(store.id).append(range.first_key, 0, kMaxWholeKeySize);
  const std::string store_end = store_prefix(store.id + 1);
  bool is_more = false;
  const auto change = [&](WriteTransaction& transaction) -> Status {
    std::vector<std::string> doomed;
    const auto cursor = TRY(transaction.cursor(file_.tables().entries));
    auto entry = TRY(cursor->seek(first));
    for (; entry && entry->key < store_end && doomed.size() < chunk_keys_;
         entry = TRY(cursor->next())) {
      const Entry original = TRY(original_entry(store.format, *entry));
      const bool is_before_end = range.end_key.empty() || original.key < range.end_key;
      if (!is_before_end && !begin_alike(original.key, range.end_key)) break;
      if (!is_before_end || original.key < range.first_key) continue;
      doomed.emplace_back(entry->key);
      store.content.remove(entry->key, entry->value);
    }
    for (const std::string& key : doomed) TRY(transaction.erase(file_.tables().entries, key));
    if (!doomed.empty()) TRY(put_store(transaction, checkpoint.task, range.store, store));
    is_more = doomed.size() == chunk_keys_;
    return {};
  };
  TRY(file_.change(change));
  return is_more;
}

Status CheckpointWriter::write_entries(const Checkpoint& checkpoint, StoreRows& stores) {
  struct Change {
    StoreRow* store;
    const StateEntry* entry;
  };
  std::vector<Change> changes;
  changes.reserve(checkpoint.entries.size());
  for (const StateEntry& entry : checkpoint.entries)
    changes.push_back({&stores.find(entry.store)->second, &entry});
  // Entries are written in key order, so that each page is written only once. Usually they are
  // already in this order.
  const auto before = [](const Change& a, const Change& b) {
    return a.store != b.store ? a.store->id < b.store->id : a.entry->key < b.entry->key;
  };
  if (!std::ranges::is_sorted(changes, before)) std::ranges::sort(changes, before);

  std::string scratch;
  for (size_t next = 0; next < changes.size();) {
    const auto change = [&](WriteTransaction& transaction) -> Status {
      size_t bytes = 0;
      const size_t end = std::min(changes.size(), next + chunk_keys_);
      for (; next < end && bytes < kMaxChunkBytes; ++next) {
        const auto& [store, entry] = changes[next];
        bytes += TRY(write_entry(transaction, *store, *entry, scratch));
        const bool is_last = next + 1 == end || changes[next + 1].store != store;
        if (is_last || bytes >= kMaxChunkBytes)
          TRY(put_store(transaction, checkpoint.task, entry->store, *store));
      }
      return {};
    };
    TRY(file_.change(change));
    TRY(pace_());
  }
  return {};
}

Result<size_t> CheckpointWriter::write_entry(WriteTransaction& transaction, StoreRow& store,
                                             const StateEntry& entry, std::string& scratch) const {
  const std::string key = stored_key(store.id, entry.key);
  if (store.format == StoreFormat::Checked)
    if (const auto before = TRY(transaction.get(file_.tables().entries, key)))
      store.content.remove(key, *before);
  if (!entry.value) {
    TRY(transaction.erase(file_.tables().entries, key));
    return size_t{0};
  }
  const std::string_view value = stored_value(store.format, key, entry.key, *entry.value, scratch);
  TRY(transaction.put(file_.tables().entries, key, value));
  store.content.add(key, value);
  return key.size() + value.size();
}

Status CheckpointWriter::write_position(const Checkpoint& checkpoint) {
  return file_.change([&](WriteTransaction& transaction) -> Status {
    return put_position(transaction, checkpoint);
  });
}

Status CheckpointWriter::put_position(WriteTransaction& transaction,
                                      const Checkpoint& checkpoint) const {
  if (const auto& end = checkpoint.journal_end)
    TRY(transaction.put(file_.tables().journals, journal_key(end->journal),
                        encode_journal_end(end->end)));
  if (checkpoint.task.empty()) return {};
  const TableHandle positions = file_.tables().positions;
  if (const auto stored = TRY(transaction.get(positions, checkpoint.task))) {
    const PositionRow known =
        TRY(decode_position({checkpoint.task, *stored}, file_.position_format()));
    if (known.position > checkpoint.position) return {};
  }
  return transaction.put(positions, checkpoint.task,
                         encode_position(checkpoint.task, {checkpoint.position, checkpoint.scalars},
                                         file_.position_format()));
}

}  // namespace storage
