#include "server/sql/follow/followed_rows.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "engine/types/row_codec.h"

namespace server {

namespace {

constexpr size_t kRowBytes = 160;  // approximate size of an entry without its texts

}  // namespace

FollowedRows::FollowedRows(const engine::Schema& schema, std::vector<size_t> key)
    : schema_(schema), key_(std::move(key)) {
  assert(!key_.empty());
}

void FollowedRows::take(const engine::RowsChunks& chunks) {
  const Version next = version_ + 1;
  ++takes_;
  bool has_changed = version_ == 0;
  size_t place = 0;
  std::string key_bytes, row_bytes;
  for (const engine::RowsChunk& chunk : chunks) {
    std::vector<const engine::Column*> all, keys;
    for (size_t i = 0; i < schema_.columns.size(); ++i) all.push_back(chunk.columns[i].get());
    for (const size_t column : key_) keys.push_back(chunk.columns[column].get());
    for (size_t i = 0; i < chunk.rows; ++i) {
      key_bytes.clear();
      row_bytes.clear();
      engine::encode_row(keys, i, key_bytes);
      engine::encode_row(all, i, row_bytes);
      Row& row = rows_[key_bytes];
      // skips a second row with this key
      if (std::exchange(row.taken_at, takes_) == takes_) continue;
      row.place = place++;
      if (row.changed_at > 0 && row.bytes == row_bytes) continue;
      if (row.changed_at == 0) bytes_ += kRowBytes + key_bytes.size();
      bytes_ += row_bytes.size();
      bytes_ -= row.bytes.size();
      row.bytes = row_bytes;
      row.changed_at = next;
      has_changed = true;
    }
  }
  for (auto row = rows_.begin(); row != rows_.end();) {
    if (row->second.taken_at == takes_) {
      ++row;
      continue;
    }
    bytes_ -= row->second.bytes.size();
    deleted_.push_back({next, row->first});
    row = rows_.erase(row);
    has_changed = true;
  }
  for (; deleted_.size() > kMostDeleted; deleted_.pop_front()) {
    forgotten_ = deleted_.front().at;
    bytes_ -= kRowBytes + deleted_.front().key.size();
  }
  if (!has_changed) return;
  version_ = next;
  shared_.clear();
}

Result<FollowedRows::ChangesPtr> FollowedRows::since(Version seen) {
  if (seen > 0 && seen < forgotten_)
    return Error{ErrorCode::LimitExceeded,
                 "the client has not read for so long that deletes which it has not received were "
                 "discarded",
                 {},
                 "Run the statement again."};
  // Most followers (clients that follow the statement) have seen the previous version, or no version, so they share
  // the changes since it. Hardly any other follower needs the changes since an older version, so these changes are
  // not kept.
  constexpr size_t kMostShared = 4;
  if (const auto found = shared_.find(seen); found != shared_.end()) return found->second;
  ChangesPtr changes = make(seen);
  if (shared_.size() < kMostShared) shared_.emplace(seen, changes);
  return changes;
}

FollowedRows::ChangesPtr FollowedRows::make(Version seen) const {
  std::vector<std::pair<size_t, const std::string*>> changed;
  for (const auto& [key, row] : rows_)
    if (row.changed_at > seen) changed.emplace_back(row.place, &row.bytes);
  std::ranges::sort(changed);
  std::vector<engine::Column> columns;
  for (const engine::ColumnDef& column : schema_.columns) columns.emplace_back(column.type);
  std::vector<engine::Column*> all, keys;
  for (engine::Column& column : columns) all.push_back(&column);
  for (const size_t column : key_) keys.push_back(&columns[column]);
  const auto decode = [](const std::string& bytes, const std::vector<engine::Column*>& to) {
    const Status decoded = engine::decode_row(bytes, to, engine::RowStrings::Copy);
    assert(decoded);  // encode_row() has made the bytes
  };
  auto changes = std::make_shared<Changes>();
  changes->until = version_;
  for (const auto& [place, bytes] : changed) {
    decode(*bytes, all);
    changes->present.push_back(true);
  }
  // A follower that has not received any rows needs no deletes. If a key was deleted and inserted
  // again, its row is reported as changed.
  for (const Deleted& each : deleted_) {
    if (seen == 0 || each.at <= seen || rows_.contains(each.key)) continue;
    decode(each.key, keys);
    for (size_t i = 0; i < columns.size(); ++i)
      if (std::ranges::find(key_, i) == key_.end()) columns[i].append_null();
    changes->present.push_back(false);
  }
  changes->rows = changes->present.size();
  for (engine::Column& column : columns)
    changes->columns.push_back(std::make_shared<const engine::Column>(std::move(column)));
  return changes;
}

}  // namespace server
