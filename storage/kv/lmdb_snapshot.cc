#include "storage/kv/lmdb_snapshot.h"

#include <fmt/format.h>
#include <lmdb.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "storage/kv/bus_error.h"
#include "storage/kv/damage.h"
#include "storage/kv/endless_call.h"
#include "storage/kv/journal_replay.h"
#include "storage/kv/lmdb_transaction.h"
#include "storage/kv/sync_directory.h"

namespace storage {

namespace {

constexpr uint32_t kMaxTables = 40'000;  // more than a server ever creates
// The first process that opens a file sets this limit for all others, so it must be large enough
// for a server.
constexpr unsigned kMaxReaders = 4096;  // each reader takes 64 bytes
// A copy is written in transactions of this size, because LMDB keeps the changes of a transaction
// in memory until its end.
constexpr uint64_t kCopiedAtATime = 32 << 20;

using Environment = std::unique_ptr<MDB_env, void (*)(MDB_env*)>;

Result<Environment> open_environment(const std::string& path, unsigned flags) {
  MDB_env* environment = nullptr;
  if (const int code = mdb_env_create(&environment); code != 0)
    return lmdb_failure(code, "open the data file");
  watch_guarded_calls();
  Environment owned(environment, mdb_env_close);
  mdb_env_set_assert(environment, end_guarded_call);
  mdb_env_set_maxdbs(environment, kMaxTables);
  mdb_env_set_maxreaders(environment, kMaxReaders);
  if ((flags & MDB_RDONLY) == 0) mdb_env_set_mapsize(environment, size_t{1} << 40);
  if (const int code =
          mdb_env_open(environment, path.c_str(), MDB_NOSUBDIR | MDB_NOTLS | flags, 0640);
      code != 0)
    return lmdb_open_failure(code, "open the data file");
  return owned;
}

class Snapshot final : public LmdbSnapshot {
 public:
  Snapshot(Environment environment, const std::string& path)
      : environment_(std::move(environment)), path_(path), noted_(note_mapped_file(path)) {}
  ~Snapshot() override {
    read_.reset();
    idle_.clear();
    forget_mapped_file(noted_);
  }

  Status begin();
  ReadTransaction& transaction() override { return *read_; }
  const std::vector<Table>& tables() const override { return tables_; }
  uint64_t used_bytes() const override { return used_bytes_; }
  Status check_pages() override;

 private:
  Status open_tables();
  // Returns, for each page that the file counts, from 0 on, whether the page is free.
  Result<std::vector<bool>> free_pages(uint64_t page_count);
  Status copy_tables(const std::string& path, const Copied& copied) override;

  const Environment environment_;
  const std::string path_;
  const int noted_;
  IdleReads idle_;
  MDB_txn* raw_ = nullptr;  // the transaction of LMDB that read_ wraps
  std::unique_ptr<ReadTransaction> read_;
  std::vector<Table> tables_;
  uint64_t used_bytes_ = 0;
};

Status Snapshot::begin() {
  if (const int code = mdb_txn_begin(environment_.get(), nullptr, MDB_RDONLY, &raw_); code != 0)
    return lmdb_failure(code, "read the data file");
  const auto [from, to] = addresses_of(noted_);
  MDB_stat stat;
  mdb_env_stat(environment_.get(), &stat);
  static const BeforeRead kNothing;
  read_ = wrap_lmdb_read(raw_, MappedPages(from, to, stat.ms_psize), idle_, kNothing);
  return open_tables();
}

// Opens all tables. LMDB lists them in its table without a name.
Status Snapshot::open_tables() {
  MDB_dbi list;
  if (const int code = guarded([&] { return mdb_dbi_open(raw_, nullptr, 0, &list); }); code != 0)
    return lmdb_failure(code, "read the data file");
  const auto names = TRY(read_->cursor(TableHandle{list}));
  for (auto name = TRY(names->first()); name; name = TRY(names->next())) {
    Table table{
        .name = std::string(name->key), .handle = {}, .order = KeyOrder::Bytes, .entries = 0};
    MDB_dbi handle;
    unsigned flags = 0;
    MDB_stat stat;
    if (const int code =
            guarded([&] { return mdb_dbi_open(raw_, table.name.c_str(), 0, &handle); });
        code != 0)
      return lmdb_failure(code, fmt::format("read table {} of the data file", table.name));
    mdb_dbi_flags(raw_, handle, &flags);
    if (const int code = guarded([&] { return mdb_stat(raw_, handle, &stat); }); code != 0)
      return lmdb_failure(code, fmt::format("read table {} of the data file", table.name));
    table.handle = TableHandle{handle};
    table.order = (flags & MDB_INTEGERKEY) != 0 ? KeyOrder::Integer : KeyOrder::Bytes;
    table.entries = stat.ms_entries;
    used_bytes_ += (uint64_t{stat.ms_branch_pages} + stat.ms_leaf_pages + stat.ms_overflow_pages) *
                   stat.ms_psize;
    tables_.push_back(std::move(table));
  }
  return {};
}

// LMDB stores the numbers of the free pages in its table 0. The key of an entry is a commit; the
// value is the count of the pages that the commit freed, and their numbers.
Result<std::vector<bool>> Snapshot::free_pages(uint64_t page_count) {
  constexpr TableHandle kFreePages{0};
  constexpr size_t kRoots = 2;
  const Error damaged = damaged_data("the list of free pages is damaged");
  std::vector<bool> is_free(page_count);
  const auto entries = TRY(read_->cursor(kFreePages));
  size_t before = 0;  // commits count from 1 and must ascend, because a damaged page may lead in a
                      // circle
  for (auto entry = TRY(entries->first()); entry; entry = TRY(entries->next())) {
    std::vector<size_t> numbers(entry->value.size() / sizeof(size_t));
    size_t commit = 0;
    if (entry->key.size() != sizeof commit || numbers.empty()) return damaged;
    std::memcpy(&commit, entry->key.data(), sizeof commit);
    std::memcpy(numbers.data(), entry->value.data(), numbers.size() * sizeof(size_t));
    if (commit <= before || numbers[0] >= numbers.size()) return damaged;
    before = commit;
    for (size_t i = 1; i <= numbers[0]; ++i) {
      if (numbers[i] < kRoots || numbers[i] >= page_count || is_free[numbers[i]]) return damaged;
      is_free[numbers[i]] = true;
    }
  }
  return is_free;
}

Status Snapshot::check_pages() {
  MDB_envinfo info;
  mdb_env_info(environment_.get(), &info);
  MDB_stat list, names;
  const int code = guarded([&] {
    const int failed = mdb_stat(raw_, 0, &list);
    return failed != 0 ? failed : mdb_stat(raw_, 1, &names);
  });
  if (code != 0) return lmdb_failure(code, "read the data file");
  const uint64_t page_count = uint64_t{info.me_last_pgno} + 1;
  const std::vector<bool> is_free = TRY(free_pages(page_count));
  std::error_code failed;
  const uint64_t size = std::filesystem::file_size(path_, failed);
  if (failed) return lmdb_failure(failed.value(), "read the size of the data file");
  const auto missing =
      is_free.begin() + static_cast<std::ptrdiff_t>(std::min(size / list.ms_psize, page_count));
  if (std::find(missing, is_free.end(), false) != is_free.end())
    return damaged_data(
        fmt::format("the file is truncated: {} bytes of {}", size, page_count * list.ms_psize));
  // Counts used and free pages. A page that a table uses and that is also in the list of free pages
  // would be overwritten later.
  uint64_t used = 2 + used_bytes_ / list.ms_psize;
  for (const MDB_stat& each : {list, names})
    used += each.ms_branch_pages + each.ms_leaf_pages + each.ms_overflow_pages;
  const auto free = static_cast<uint64_t>(std::ranges::count(is_free, true));
  if (used + free > page_count)
    return damaged_data(
        fmt::format("{} pages are used and {} are free, of {}", used, free, page_count));
  return {};
}

// Writes the new file with a few commits that are not synced, and one sync at the end.
class Copy {
 public:
  static Result<Copy> begin(const std::string& path) {
    Copy copy(path, TRY(open_environment(path, MDB_NOSYNC)));
    TRY(copy.begin_transaction());
    return copy;
  }
  Copy(Copy&&) = default;
  Copy& operator=(Copy&&) = delete;

  Status table(const LmdbSnapshot::Table& table) {
    const unsigned order = table.order == KeyOrder::Integer ? MDB_INTEGERKEY : 0U;
    return check(mdb_dbi_open(transaction_.get(), table.name.c_str(), MDB_CREATE | order, &table_));
  }
  // Adds an entry to the table. Called in the order of the keys.
  Status add(const Entry& entry) {
    MDB_val key{entry.key.size(), const_cast<char*>(entry.key.data())};
    MDB_val value{entry.value.size(), const_cast<char*>(entry.value.data())};
    TRY(check(mdb_put(transaction_.get(), table_, &key, &value, MDB_APPEND)));
    pending_bytes_ += entry.key.size() + entry.value.size();
    if (pending_bytes_ < kCopiedAtATime) return {};
    TRY(commit());
    return begin_transaction();
  }
  Status finish() {
    TRY(commit());
    return check(mdb_env_sync(environment_.get(), 1));
  }

 private:
  Copy(std::string path, Environment environment)
      : path_(std::move(path)),
        environment_(std::move(environment)),
        transaction_(nullptr, mdb_txn_abort) {}
  Status check(int code) const {
    if (code == 0) return {};
    // LMDB reports a write that a full disk has cut short as an I/O error.
    std::error_code failed;
    const auto space = std::filesystem::space(path_, failed);
    if (code == EIO && !failed && space.available < kCopiedAtATime) code = ENOSPC;
    return lmdb_failure(code, "write the copy");
  }
  Status begin_transaction() {
    MDB_txn* begun = nullptr;
    TRY(check(mdb_txn_begin(environment_.get(), nullptr, 0, &begun)));
    transaction_.reset(begun);
    pending_bytes_ = 0;
    return {};
  }
  Status commit() { return check(mdb_txn_commit(transaction_.release())); }

  std::string path_;
  Environment environment_;
  std::unique_ptr<MDB_txn, void (*)(MDB_txn*)> transaction_;  // destroyed before the environment
  MDB_dbi table_ = 0;
  uint64_t pending_bytes_ = 0;
};

Status Snapshot::copy_tables(const std::string& path, const Copied& copied) {
  Copy copy = TRY(Copy::begin(path));
  uint64_t bytes = 0, reported = 0;
  for (const Table& table : tables_) {
    TRY(copy.table(table));
    const auto add = [&](const Entry& entry) -> Status {
      TRY(copy.add(entry));
      bytes += entry.key.size() + entry.value.size();
      if (bytes - reported >= kCopiedAtATime) copied(reported = bytes);
      return {};
    };
    TRY(visit(table.name, add));
  }
  TRY(copy.finish());
  copied(bytes);
  return {};
}

}  // namespace

Result<std::unique_ptr<LmdbSnapshot>> LmdbSnapshot::open(const std::string& path) {
  std::error_code failed;
  if (!std::filesystem::exists(path, failed))
    return Error{.code = ErrorCode::StorageFailure, .message = fmt::format("{} is missing", path)};
  TRY(replay_journal_of_closed(path));
  auto environment = open_environment(path, MDB_RDONLY);
  if (!environment) {
    environment.error().detail = fmt::format("The data file is \"{}\".", path);
    return std::move(environment).error();
  }
  auto snapshot = std::make_unique<Snapshot>(*std::move(environment), path);
  TRY(snapshot->begin());
  return snapshot;
}

const LmdbSnapshot::Table* LmdbSnapshot::find(std::string_view name) const {
  const auto found = std::ranges::find(tables(), name, &Table::name);
  return found == tables().end() ? nullptr : &*found;
}

Status LmdbSnapshot::visit(std::string_view table,
                           const std::function<Status(const Entry&)>& visit) {
  visited_.emplace(table);
  const Table* found = find(table);
  if (found == nullptr) return {};
  const auto cursor = TRY(transaction().cursor(found->handle));
  uint64_t count = 0;
  for (auto entry = TRY(cursor->first()); entry; entry = TRY(cursor->next())) {
    TRY(cursor->check_page());
    TRY(visit(*entry));
    ++count;
  }
  if (count == found->entries) return {};
  return damaged_data(
      fmt::format("{} of {} entries of table {} can be read", count, found->entries, table));
}

Status LmdbSnapshot::copy_to(const std::string& path, const Copied& copied) {
  const std::string unfinished = path + kUnfinishedCopy;
  std::error_code ignored;
  const auto remove = [&](const std::string& which) { std::filesystem::remove(which, ignored); };
  remove(unfinished);
  Status made = copy_tables(unfinished, copied);
  remove(unfinished + "-lock");
  if (made) made = name_file(unfinished, path);
  if (!made) remove(unfinished);
  return made;
}

}  // namespace storage
