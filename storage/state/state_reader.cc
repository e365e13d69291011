#include <fmt/format.h>

#include <shared_mutex>

#include "storage/kv/damage.h"
#include "storage/state/state_file.h"

namespace storage {

namespace {

Error unsorted(const StoreRow& store) {
  return damaged_data(fmt::format("the state file is damaged in store {}", store.id.value()));
}

class Reader final : public StateReader {
 public:
  explicit Reader(const StateFile& file) : file_(file) {}

  Status begin_turn() override {
    turn_ = TRY(file_.begin_turn());
    auto cursor = turn_->transaction->cursor(file_.tables().entries);
    if (cursor) {
      cursor_ = std::move(cursor).take();
      return {};
    }
    turn_.reset();
    return std::move(cursor).error();
  }
  void end_turn() override {
    cursor_.reset();
    turn_.reset();
  }

  Result<std::optional<StoreRow>> find_store(std::string_view task,
                                             std::string_view store) override {
    const auto row = TRY(turn_->transaction->get(file_.tables().stores, store_key(task, store)));
    if (!row) return std::nullopt;
    return TRY(decode_store_row(*row));
  }

  Result<std::optional<std::string_view>> get(const StoreRow& store,
                                              std::string_view key) override {
    const std::string at = stored_key(store.id, key);
    const auto found = TRY(cursor_->seek(at));
    if (!found || found->key != at) {
      TRY(check_absence(store, at, found));
      return std::nullopt;
    }
    const Entry original = TRY(original_entry(store.format, *found));
    // The stored key of a long key has only a hash, and two long keys may have the same hash.
    if (original.key != key) return std::nullopt;
    return original.value;
  }

  Result<bool> scan(const StoreRow& store, std::string& place, const Visit& visit) override {
    const std::string prefix = store_prefix(store.id);
    std::string last = place.empty() ? prefix : place;
    const auto found = TRY(cursor_->seek(last));
    // moves the cursor, so it comes after the last use of `found`
    TRY(check_absence(store, last, found));
    auto entry = TRY(cursor_->seek(last));
    bool is_first = true;
    for (; entry && entry->key.starts_with(prefix); entry = TRY(cursor_->next())) {
      TRY(cursor_->check_page());
      if (entry->key < last || (entry->key == last && !is_first)) return unsorted(store);
      is_first = false;
      last = entry->key;
      const Entry original = TRY(original_entry(store.format, *entry));
      if (visit(original.key, original.value)) continue;
      place = last + '\0';
      return true;
    }
    if (entry) TRY(check_neighbour(store, prefix, *entry));
    return false;
  }

 private:
  // Checks whether a key that was not found is really absent. If damage hides the key, one of its
  // neighbours is damaged or out of order, or a neighbour's page lacks entries.
  Status check_absence(const StoreRow& store, std::string_view key,
                       const std::optional<Entry>& next) {
    const std::string prefix = store_prefix(store.id);
    if (next) TRY(check_neighbour(store, prefix, *next));
    if (next && next->key < key) return unsorted(store);
    const auto previous = TRY(next ? cursor_->previous() : cursor_->last());
    if (!previous) return {};
    if (previous->key >= key) return unsorted(store);
    return check_neighbour(store, prefix, *previous);
  }
  // Checks the entry at the cursor. An entry that seems to belong to another store may be an entry
  // of this store with a damaged key.
  Status check_neighbour(const StoreRow& store, std::string_view prefix, const Entry& entry) {
    TRY(cursor_->check_page());
    if (entry.key.starts_with(prefix))
      TRY(original_entry(store.format, entry));
    else if (file_.is_all_checked())
      TRY(original_entry(StoreFormat::Checked, entry));
    return {};
  }

  const StateFile& file_;
  std::optional<StateFile::Turn> turn_;
  std::unique_ptr<Cursor> cursor_;  // cursor of the current turn
};

}  // namespace

std::unique_ptr<StateReader> StateFile::open_reader() const {
  return std::make_unique<Reader>(*this);
}

}  // namespace storage
