#include "server/tasks/state_snapshots.h"

#include "server/tasks/frozen_changes.h"

namespace server {

Result<storage::StateReader*> StateSnapshots::begin() {
  if (is_begun_) return reader_.get();
  TRY(reader_->begin_turn());
  is_begun_ = true;
  on_begin_();
  loop_.defer([this, alive = alive_] {
    if (*alive) end();
  });
  return reader_.get();
}

void StateSnapshots::end() {
  if (is_begun_) reader_->end_turn();
  is_begun_ = false;
}

// The store's row in the state file is read only once: its number never changes, and its other
// fields are not used here.
Result<storage::StateReader*> StateBacking::find() {
  storage::StateReader* const reader = TRY(turns_.begin());
  if (!row_) row_ = TRY(reader->find_store(task_, store_name(store_)));
  return row_ ? reader : nullptr;
}

Result<std::optional<std::string_view>> StateBacking::get(std::string_view key) {
  storage::StateReader* const reader = TRY(find());
  if (!reader) return std::nullopt;
  return reader->get(*row_, key);
}

Result<bool> StateBacking::scan(std::string& place, const Visit& visit) {
  storage::StateReader* const reader = TRY(find());
  if (!reader) return false;
  return reader->scan(*row_, place, visit);
}

Result<std::string> StateBacking::place_of(std::string_view key) {
  static_assert(kOrderedKeyBytes == storage::kMaxWholeKeySize);
  if (!TRY(find())) return std::string();
  return storage::stored_key(row_->id, key);
}

}  // namespace server
