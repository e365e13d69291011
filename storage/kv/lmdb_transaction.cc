#include "storage/kv/lmdb_transaction.h"

#include <fmt/format.h>
#include <lmdb.h>

#include <cassert>
#include <cerrno>
#include <set>

#include "storage/kv/damage.h"

namespace storage {

Error lmdb_failure(int code, std::string_view doing) {
  switch (code) {
    case MDB_MAP_FULL:
      return {.code = ErrorCode::DiskFull,
              .message = "the data file has reached its maximum size",
              .hint = "Delete data, or raise the configured size of the data file and restart."};
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return {.code = ErrorCode::DiskFull,
              .message = "the disk is full",
              .hint = "Free space on the disk that holds the data directory."};
    case MDB_DBS_FULL:
      return {ErrorCode::LimitExceeded, "too many partitions for one data directory"};
    case MDB_READERS_FULL:
      return {ErrorCode::LimitExceeded, "too many readers of one data file"};
    case MDB_TXN_FULL:
      return {ErrorCode::RecordTooLarge, "a single change is too large to be stored"};
    case kDamagedPage:
    case MDB_PAGE_NOTFOUND:
    case MDB_BAD_TXN:  // the transaction has met a damaged page before
      return damaged_data("a page of the data file is damaged");
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
      return {ErrorCode::IncompatibleFormat, "the data file is not a data file of Millrace"};
    default:
      return {ErrorCode::StorageFailure, fmt::format("cannot {}: {}", doing, mdb_strerror(code))};
  }
}

Error lmdb_open_failure(int code, std::string_view doing) {
  Error error = lmdb_failure(code, doing);
  if (code == EACCES || code == EPERM || code == EROFS)
    error.code = ErrorCode::InsufficientPrivilege;
  return error;
}

namespace {

MDB_val value_of(std::string_view bytes) {
  return {bytes.size(), const_cast<char*>(bytes.data())};  // LMDB only reads the bytes
}
std::string_view bytes_of(const MDB_val& value) {
  return {static_cast<const char*>(value.mv_data), value.mv_size};
}

// The extent of the file as the transaction's snapshot has it, to check the results of LMDB.
struct Pages {
  MappedPages mapped;
  size_t count = 0;
  bool are_sound(const MDB_val& key, const MDB_val& value) const {
    return mapped.is_sound(key, count) && mapped.is_sound(value, count);
  }
};

Pages pages_of(MDB_txn* transaction, const MappedPages& mapped) {
  MDB_envinfo info;
  mdb_env_info(mdb_txn_env(transaction), &info);
  return {mapped, info.me_last_pgno + 1};
}

class LmdbCursor;
// LMDB frees the cursors of a write transaction when the transaction ends. Objects of LmdbCursor
// may live longer, so their cursors are registered here and closed first. `has_failed` becomes true
// when a read meets damage, because LMDB then gives up the whole write transaction.
struct OpenCursors {
  std::set<LmdbCursor*> cursors;
  bool has_failed = false;
};

class LmdbCursor final : public Cursor {
 public:
  // `registered_in` is null in read transactions, since LMDB does not free their cursors.
  LmdbCursor(MDB_cursor* cursor, const Pages& pages, OpenCursors* registered_in)
      : cursor_(cursor), pages_(pages), registered_in_(registered_in) {
    if (registered_in_ != nullptr) registered_in_->cursors.insert(this);
  }
  ~LmdbCursor() override {
    if (cursor_ == nullptr) return;
    if (registered_in_ != nullptr) registered_in_->cursors.erase(this);
    close();
  }
  void close() { mdb_cursor_close(std::exchange(cursor_, nullptr)); }

  Result<std::optional<Entry>> seek(std::string_view key) override {
    return move(MDB_SET_RANGE, key);
  }
  Result<std::optional<Entry>> first() override { return move(MDB_FIRST); }
  Result<std::optional<Entry>> last() override { return move(MDB_LAST); }
  Result<std::optional<Entry>> next() override { return move(MDB_NEXT); }
  Result<std::optional<Entry>> previous() override { return move(MDB_PREV); }
  Status check_page() override {
    const char* const page = key_.mv_data ? pages_.mapped.page_of(key_) : nullptr;
    if (!page || page == checked_page_) return {};
    if (!pages_.mapped.is_whole_leaf(page)) return lmdb_failure(kDamagedPage, "");
    // In a read transaction (null) the pages never change, so one check of a page is enough.
    if (registered_in_ == nullptr) checked_page_ = page;
    return {};
  }

 private:
  Result<std::optional<Entry>> move(MDB_cursor_op how, std::string_view from = {}) {
    assert(cursor_ != nullptr);  // a cursor is closed with its transaction
    const MDB_val before = std::exchange(key_, MDB_val{});
    MDB_val key = value_of(from), value;
    const int code = guarded([&] { return mdb_cursor_get(cursor_, &key, &value, how); });
    if (code == MDB_NOTFOUND) return std::nullopt;
    if (code != 0 && registered_in_ != nullptr) registered_in_->has_failed = true;
    if (code != 0) return lmdb_failure(code, "read the data file");
    if (!pages_.are_sound(key, value) || !is_in_order(before, key, how))
      return lmdb_failure(kDamagedPage, "");
    key_ = key;
    return Entry{bytes_of(key), bytes_of(value)};
  }
  // Returns whether the keys of a walk are in order. A damaged page may lead back to a page above
  // it, so that a walk would go in a circle and never end.
  bool is_in_order(MDB_val before, MDB_val key, MDB_cursor_op how) const {
    if (before.mv_data == nullptr || (how != MDB_NEXT && how != MDB_PREV)) return true;
    const int order = mdb_cmp(mdb_cursor_txn(cursor_), mdb_cursor_dbi(cursor_), &key, &before);
    return how == MDB_NEXT ? order > 0 : order < 0;
  }

  MDB_cursor* cursor_;
  MDB_val key_ = {};  // key of the current entry
  const char* checked_page_ = nullptr;
  const Pages& pages_;  // pages of the transaction
  OpenCursors* const registered_in_;
};

Result<uint64_t> table_size(MDB_txn* transaction, TableHandle table) {
  MDB_stat stat;
  const int code = guarded([&] { return mdb_stat(transaction, table.value(), &stat); });
  if (code != 0) return lmdb_failure(code, "read the data file");
  return (uint64_t{stat.ms_branch_pages} + stat.ms_leaf_pages + stat.ms_overflow_pages) *
         stat.ms_psize;
}

Result<std::optional<std::string_view>> get_value(MDB_txn* transaction, const Pages& pages,
                                                  TableHandle table, std::string_view bytes,
                                                  bool* failed = nullptr) {
  MDB_val key = value_of(bytes), value;
  const int code = guarded([&] { return mdb_get(transaction, table.value(), &key, &value); });
  if (code == MDB_NOTFOUND) return std::nullopt;
  if (code != 0 && failed != nullptr) *failed = true;
  if (code != 0) return lmdb_failure(code, "read the data file");
  if (!pages.mapped.is_sound(value, pages.count)) return lmdb_failure(kDamagedPage, "");
  return bytes_of(value);
}

Result<std::unique_ptr<Cursor>> open_cursor(MDB_txn* transaction, const Pages& pages,
                                            TableHandle table, OpenCursors* register_in) {
  MDB_cursor* cursor;
  if (const int code =
          guarded([&] { return mdb_cursor_open(transaction, table.value(), &cursor); });
      code != 0)
    return lmdb_failure(code, "read the data file");
  return std::make_unique<LmdbCursor>(cursor, pages, register_in);
}

class LmdbRead final : public ReadTransaction {
 public:
  LmdbRead(MDB_txn* transaction, const MappedPages& mapped, IdleReads& idle,
           const BeforeRead& before)
      : transaction_(transaction),
        pages_(pages_of(transaction, mapped)),
        idle_(idle),
        before_(before) {}
  ~LmdbRead() override {
    if (!is_reset_) mdb_txn_reset(transaction_);
    idle_.give_back(transaction_);
  }

  Result<std::optional<std::string_view>> get(TableHandle table, std::string_view key) override {
    return get_value(transaction_, pages_, table, key);
  }
  Result<std::unique_ptr<Cursor>> cursor(TableHandle table) override {
    return open_cursor(transaction_, pages_, table, nullptr);
  }
  Result<uint64_t> size_bytes(TableHandle table) override {
    return table_size(transaction_, table);
  }
  CommitId commit_id() const override { return CommitId{mdb_txn_id(transaction_)}; }
  void reset() override {
    mdb_txn_reset(transaction_);
    is_reset_ = true;
  }
  Status renew() override {
    if (before_) TRY(before_());
    if (const int code = mdb_txn_renew(transaction_); code != 0)
      return lmdb_failure(code, "read the data file");
    pages_ = pages_of(transaction_, pages_.mapped);
    is_reset_ = false;
    return {};
  }

 private:
  MDB_txn* const transaction_;
  Pages pages_;
  IdleReads& idle_;
  const BeforeRead& before_;  // belongs to the store
  bool is_reset_ = false;
};

class LmdbWrite final : public WriteTransaction {
 public:
  LmdbWrite(MDB_txn* transaction, const MappedPages& mapped, RecordedChanges* changes,
            Commit commit)
      : transaction_(transaction),
        pages_(pages_of(transaction, mapped)),
        changes_(changes),
        commit_(std::move(commit)) {
    if (changes_) changes_->clear();
  }
  ~LmdbWrite() override {
    close_cursors();
    if (transaction_ != nullptr) mdb_txn_abort(transaction_);
  }

  Result<std::optional<std::string_view>> get(TableHandle table, std::string_view key) override {
    return get_value(transaction_, pages_, table, key, &open_.has_failed);
  }
  Result<std::unique_ptr<Cursor>> cursor(TableHandle table) override {
    return open_cursor(transaction_, pages_, table, &open_);
  }
  Result<uint64_t> size_bytes(TableHandle table) override {
    return table_size(transaction_, table);
  }
  CommitId commit_id() const override { return CommitId{mdb_txn_id(transaction_)}; }

  Result<TableHandle> open_table(std::string_view name, KeyOrder order) override {
    if (const auto found = TRY(open(name, order, 0))) return *found;
    const auto made = TRY(open(name, order, MDB_CREATE));
    return *made;
  }
  Result<std::optional<TableHandle>> find_table(std::string_view name, KeyOrder order) override {
    return open(name, order, 0);
  }
  Result<std::vector<std::string>> table_names() override;
  Status clear_table(TableHandle table) override {
    TRY(checked(guarded([&] { return mdb_drop(transaction_, table.value(), 0); })));
    if (changes_) changes_->clear_table(table);
    return {};
  }
  Status remove_table(TableHandle table) override {
    TRY(checked(guarded([&] { return mdb_drop(transaction_, table.value(), 1); })));
    if (changes_) changes_->remove_table(table);
    return {};
  }

  Status put(TableHandle table, std::string_view key, std::string_view value) override {
    TRY(write(table, key, value, 0));
    if (changes_) changes_->put(table, key, value);
    return {};
  }
  Status append(TableHandle table, std::string_view key, std::string_view value) override {
    TRY(write(table, key, value, MDB_APPEND));
    if (changes_) changes_->append(table, key, value);
    return {};
  }
  Result<bool> erase(TableHandle table, std::string_view key) override {
    TRY(look_beside(table, key, key, {}));
    const OwnCursor cursor = TRY(own_cursor(table));
    const int code = guarded([&] {
      MDB_val at = value_of(key), value;
      const int found = mdb_cursor_get(cursor.get(), &at, &value, MDB_SET);
      return found == 0 ? mdb_cursor_del(cursor.get(), 0) : found;
    });
    if (code == MDB_NOTFOUND) return false;
    TRY(checked(code));
    if (changes_) changes_->erase(table, key);
    return true;
  }
  Result<Erased> erase_range(TableHandle table, std::string_view first_key,
                             std::string_view end_key, EraseLimits limits) override;
  Status commit() override {
    close_cursors();
    MDB_txn* const ending = std::exchange(transaction_, nullptr);
    return commit_(ending);
  }
  bool has_failed() const override { return open_.has_failed; }

 private:
  void close_cursors() {
    for (LmdbCursor* cursor : open_.cursors) cursor->close();
    open_.cursors.clear();
  }
  // A cursor for one change. mdb_put() and mdb_del() are not used, because they have their cursor
  // on the stack. If such a call is ended in the middle, the transaction would keep a pointer to
  // that cursor and free it at its own end.
  struct Close {
    void operator()(MDB_cursor* cursor) const { mdb_cursor_close(cursor); }
  };
  using OwnCursor = std::unique_ptr<MDB_cursor, Close>;
  Result<OwnCursor> own_cursor(TableHandle table) {
    MDB_cursor* cursor;
    TRY(checked(guarded([&] { return mdb_cursor_open(transaction_, table.value(), &cursor); })));
    return OwnCursor(cursor);
  }
  Result<Erased> erase_found(TableHandle table, std::string_view first_key,
                             std::string_view end_key, EraseLimits limits);
  Status look_before(MDB_cursor* cursor, std::string_view key);
  Status look_beside(TableHandle table, std::string_view first_key, std::string_view end_key,
                     const EraseLimits& limits);
  Status look_at_next_leaf(MDB_cursor* cursor, MDB_val key, MDB_cursor_op how);
  Result<size_t> look_at_leaf(MDB_cursor* cursor, MDB_val& key, MDB_cursor_op how);
  Status checked(int code) {
    if (code == 0) return {};
    open_.has_failed = true;
    if (changes_) changes_->note_failure();
    return lmdb_failure(code, "write the data file");
  }
  Result<std::optional<TableHandle>> open(std::string_view name, KeyOrder order, unsigned flags) {
    if (order == KeyOrder::Integer) flags |= MDB_INTEGERKEY;
    MDB_dbi table;
    const std::string text(name);
    const int code =
        guarded([&] { return mdb_dbi_open(transaction_, text.c_str(), flags, &table); });
    if (code == MDB_NOTFOUND) return std::nullopt;
    if (code != 0) {
      open_.has_failed = true;
      return lmdb_failure(code, "open a table of the data file");
    }
    if (changes_) changes_->open_table(TableHandle{table}, name, order, (flags & MDB_CREATE) != 0);
    return TableHandle{table};
  }
  Status write(TableHandle table, std::string_view key, std::string_view value, unsigned flags) {
    assert(!key.empty() && key.size() <= kMaxKeySize);
    const OwnCursor cursor = TRY(own_cursor(table));
    TRY(look_before(cursor.get(), key));
    const int code = guarded([&] {
      MDB_val at = value_of(key), what = value_of(value);
      return mdb_cursor_put(cursor.get(), &at, &what, flags);
    });
    assert(code != MDB_KEYEXIST);  // otherwise the caller appended below the last key
    return checked(code);
  }

  MDB_txn* transaction_;
  const Pages pages_;
  RecordedChanges* const changes_;
  const Commit commit_;
  OpenCursors open_;
};

Result<std::vector<std::string>> LmdbWrite::table_names() {
  MDB_dbi names_table;
  if (const int code =
          guarded([&] { return mdb_dbi_open(transaction_, nullptr, 0, &names_table); });
      code != 0)
    return lmdb_failure(code, "read the data file");
  const auto cursor = TRY(open_cursor(transaction_, pages_, TableHandle{names_table}, &open_));
  std::vector<std::string> names;
  for (auto entry = TRY(cursor->first()); entry; entry = TRY(cursor->next()))
    names.emplace_back(entry->key);
  return names;
}

Result<Erased> LmdbWrite::erase_range(TableHandle table, std::string_view first_key,
                                      std::string_view end_key, EraseLimits limits) {
  const Erased erased = TRY(erase_found(table, first_key, end_key, limits));
  if (changes_ && erased.count > 0) changes_->erase_range(table, first_key, end_key, erased.count);
  return erased;
}

Result<Erased> LmdbWrite::erase_found(TableHandle table, std::string_view first_key,
                                      std::string_view end_key, EraseLimits limits) {
  TRY(look_beside(table, first_key, end_key, limits));
  const OwnCursor own = TRY(own_cursor(table));
  MDB_cursor* const cursor = own.get();
  MDB_val end = value_of(end_key);
  Erased erased;
  while (true) {
    // The first key is searched again in each step: the cursor's position after a deletion depends
    // on whether LMDB has merged pages.
    MDB_val key = value_of(first_key), value;
    const int code = guarded([&] { return mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE); });
    if (code == MDB_NOTFOUND) return erased;
    TRY(checked(code));
    if (!pages_.are_sound(key, value)) return lmdb_failure(kDamagedPage, "");
    if (mdb_cmp(transaction_, table.value(), &key, &end) >= 0) return erased;
    if (erased.count >= limits.max_count || erased.size_bytes >= limits.max_bytes) break;
    ++erased.count;
    erased.size_bytes += key.mv_size + value.mv_size;
    TRY(checked(guarded([&] { return mdb_cursor_del(cursor, 0); })));
  }
  erased.is_all = false;
  return erased;
}

// Moves the cursor to an entry, sets `key` and returns the entry's size. Without an entry, sets
// `key` to empty. Checks the page of the entry, except a page that this transaction has written:
// that page was checked before it was written.
Result<size_t> LmdbWrite::look_at_leaf(MDB_cursor* cursor, MDB_val& key, MDB_cursor_op how) {
  MDB_val value;
  const int code = guarded([&] { return mdb_cursor_get(cursor, &key, &value, how); });
  if (code == MDB_NOTFOUND) {
    key = {};
    return 0;
  }
  TRY(checked(code == 0 && !pages_.are_sound(key, value) ? kDamagedPage : code));
  const char* const page = pages_.mapped.page_of(key);
  if (page && !pages_.mapped.is_whole_leaf(page)) return checked(kDamagedPage).error();
  return key.mv_size + value.mv_size;
}

// Moves the cursor from the current key to the next page (or, if `how` demands, to the previous one), and checks
// that page. A page that this transaction has written lies on the heap, so its address does not show where it ends.
// But two keys whose addresses differ by at least the size of a page are on different pages.
Status LmdbWrite::look_at_next_leaf(MDB_cursor* cursor, MDB_val key, MDB_cursor_op how) {
  const char* const page = pages_.mapped.page_of(key);
  const auto from = reinterpret_cast<uintptr_t>(key.mv_data);
  const auto is_on_page = [&] {
    if (page || pages_.mapped.page_of(key)) return pages_.mapped.page_of(key) == page;
    const auto at = reinterpret_cast<uintptr_t>(key.mv_data);
    return (at > from ? at - from : from - at) < pages_.mapped.page_size();
  };
  while (key.mv_data && is_on_page()) TRY(look_at_leaf(cursor, key, how));
  return {};
}

// Checks the pages in which a key may be stored. LMDB copies a page into memory before it changes
// the page, and a damaged page would make it copy wrong lengths. A new key is stored in the page of
// the next or of the previous key, so both pages are checked.
Status LmdbWrite::look_before(MDB_cursor* cursor, std::string_view key) {
  MDB_val at = value_of(key);
  TRY(look_at_leaf(cursor, at, MDB_SET_RANGE));
  if (at.mv_data == nullptr)
    TRY(look_at_leaf(cursor, at, MDB_LAST));
  else if (bytes_of(at) != key)
    TRY(look_at_leaf(cursor, at, MDB_PREV));
  return {};
}

// Checks the pages that an erasure may change. LMDB merges a page that has become empty with its
// neighbour without checking the neighbour's content. Damage there would make LMDB write to any
// address. So the pages of all keys that are to be erased are checked, and the pages on both sides.
Status LmdbWrite::look_beside(TableHandle table, std::string_view first_key,
                              std::string_view end_key, const EraseLimits& limits) {
  const OwnCursor own = TRY(own_cursor(table));
  MDB_cursor* const cursor = own.get();
  MDB_val key = value_of(first_key), end = value_of(end_key);
  size_t bytes = TRY(look_at_leaf(cursor, key, MDB_SET_RANGE));
  const MDB_val first = key;
  const auto is_before_end = [&] {
    return key.mv_data && mdb_cmp(transaction_, table.value(), &key, &end) < 0;
  };
  for (size_t count = 1; is_before_end() && count < limits.max_count && bytes < limits.max_bytes;
       ++count)
    bytes += TRY(look_at_leaf(cursor, key, MDB_NEXT));
  TRY(look_at_next_leaf(cursor, key, MDB_NEXT));
  if (first.mv_data == nullptr) return {};
  key = first;
  TRY(look_at_leaf(cursor, key, MDB_SET));
  return look_at_next_leaf(cursor, key, MDB_PREV);
}

}  // namespace

MDB_txn* IdleReads::take() {
  std::lock_guard lock(mutex_);
  if (reads_.empty()) return nullptr;
  MDB_txn* read = reads_.back();
  reads_.pop_back();
  return read;
}

void IdleReads::give_back(MDB_txn* finished) {
  {
    std::lock_guard lock(mutex_);
    if (reads_.size() < kMost) return reads_.push_back(finished);
  }
  mdb_txn_abort(finished);
}

void IdleReads::clear() {
  std::lock_guard lock(mutex_);
  for (MDB_txn* read : reads_) mdb_txn_abort(read);
  reads_.clear();
}

std::unique_ptr<ReadTransaction> wrap_lmdb_read(MDB_txn* transaction, const MappedPages& mapped,
                                                IdleReads& idle, const BeforeRead& before) {
  return std::make_unique<LmdbRead>(transaction, mapped, idle, before);
}
std::unique_ptr<WriteTransaction> wrap_lmdb_write(MDB_txn* transaction, const MappedPages& mapped,
                                                  RecordedChanges* changes, Commit commit) {
  return std::make_unique<LmdbWrite>(transaction, mapped, changes, std::move(commit));
}

}  // namespace storage
