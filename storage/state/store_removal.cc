#include "storage/state/store_removal.h"

#include <algorithm>
#include <iterator>

#include "storage/state/checkpoint_writer.h"

namespace storage {

StoreRemoval::StoreRemoval(StateFile& file, size_t chunk_keys)
    : file_(file), chunk_keys_(chunk_keys) {
  take_up();
}

// Takes the rows of the table `dropped` if the file was opened again, because a commit with an
// unknown outcome may have dropped more stores.
void StoreRemoval::take_up() {
  if (const auto found = file_.take_dropped()) dropped_.assign(found->begin(), found->end());
  pending_ = dropped_.size();
}

Status StoreRemoval::drop(const std::string& prefix) {
  const auto end = end_of_prefix(prefix);
  if (!end) return Error{ErrorCode::InvalidParameter, "the prefix of task ids is empty"};
  std::vector<StoreId> stores;
  const auto change = [&](WriteTransaction& transaction) -> Status {
    TRY(transaction.erase_range(file_.tables().positions, prefix, *end));
    {
      const auto cursor = TRY(transaction.cursor(file_.tables().stores));
      auto entry = TRY(cursor->seek(prefix));
      for (; entry && entry->key < *end; entry = TRY(cursor->next()))
        if (entry->value.size() >=
            sizeof(uint32_t))  // otherwise the row is damaged and its store is unknown
          stores.push_back(store_of(entry->value));
    }
    TRY(transaction.erase_range(file_.tables().stores, prefix, *end));
    for (const StoreId store : stores)
      TRY(transaction.put(file_.tables().dropped, store_prefix(store), ""));
    return {};
  };
  TRY(file_.change(change));
  take_up();
  dropped_.insert(dropped_.end(), stores.begin(), stores.end());
  pending_ = dropped_.size();
  return {};
}

// Removes some entries of a dropped store. The store's row in `dropped` is erased together with its last entry. So
// after a crash the row shows which store still has to be removed.
Status StoreRemoval::remove_a_slice() {
  const StoreId store = dropped_.front();
  bool is_all = false;
  const auto change = [&](WriteTransaction& transaction) -> Status {
    const Erased erased =
        TRY(transaction.erase_range(file_.tables().entries, store_prefix(store),
                                    store_prefix(store + 1), {chunk_keys_, kMaxChunkBytes}));
    is_all = erased.is_all;
    if (is_all) TRY(transaction.erase(file_.tables().dropped, store_prefix(store)));
    return {};
  };
  if (Status changed = file_.change(change); !changed) {
    // The next slice belongs to another store, so a damaged store does not stop the removal of the other stores.
    std::ranges::rotate(dropped_, std::next(dropped_.begin()));
    return changed;
  }
  take_up();
  if (is_all) std::erase(dropped_, store);
  pending_ = dropped_.size();
  return {};
}

}  // namespace storage
