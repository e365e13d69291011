#include "storage/kv/memory_store.h"

#include <cassert>
#include <map>
#include <mutex>

namespace storage {

namespace {

struct KeyLess {
  using is_transparent = void;
  KeyOrder order;
  bool operator()(std::string_view left, std::string_view right) const {
    if (order == KeyOrder::Integer) return IntegerKey::value_of(left) < IntegerKey::value_of(right);
    return left < right;
  }
};

struct Table {
  std::map<std::string, std::string, KeyLess> entries;
  size_t size_bytes = 0;
};

// All names and tables as of one commit. A commit copies the tables that it changes, and shares all other tables.
struct Image {
  std::map<std::string, TableHandle, std::less<>> names;
  std::map<TableHandle, std::shared_ptr<const Table>> tables;
  CommitId commit;

  size_t size_bytes() const {
    size_t size = 0;
    for (const auto& [handle, table] : tables) size += table->size_bytes;
    return size;
  }
};

Error power_is_off() {
  return {ErrorCode::StorageFailure, "cannot write the data file: the power is off"};
}
Error no_such_table() {
  return {ErrorCode::StorageFailure, "a table of the data file does not exist"};
}

}  // namespace

struct MemoryDisk::State {
  std::mutex writer;  // held by the write transaction
  std::mutex mutex;
  const Uuid instance_id = Uuid::random();
  // Guarded by mutex
  std::shared_ptr<const Image> written = std::make_shared<Image>();
  std::shared_ptr<const Image> synced = written;
  uint64_t power_cycle = 0;
  uint32_t next_table = 1;
  size_t capacity_bytes = SIZE_MAX;
  std::function<void()> before_sync;
};

namespace {

// A cursor that searches its key again at each step, so that writes between two steps do not matter.
class MemoryCursor final : public Cursor {
 public:
  explicit MemoryCursor(std::function<const Table*()> table) : table_(std::move(table)) {}

  Result<std::optional<Entry>> seek(std::string_view key) override {
    return with([&](const Table& table) { return table.entries.lower_bound(key); });
  }
  Result<std::optional<Entry>> first() override {
    return with([&](const Table& table) { return table.entries.begin(); });
  }
  Result<std::optional<Entry>> last() override {
    return with([&](const Table& table) {
      return table.entries.empty() ? table.entries.end() : std::prev(table.entries.end());
    });
  }
  Result<std::optional<Entry>> next() override {
    return with([&](const Table& table) {
      return key_ ? table.entries.upper_bound(*key_) : table.entries.begin();
    });
  }
  Result<std::optional<Entry>> previous() override {
    return with([&](const Table& table) {
      const auto here = key_ ? table.entries.lower_bound(*key_) : table.entries.end();
      return here == table.entries.begin() ? table.entries.end() : std::prev(here);
    });
  }

 private:
  template <class Find>
  Result<std::optional<Entry>> with(const Find& find) {
    const Table* table = table_();
    if (table == nullptr) return no_such_table();
    const auto found = find(*table);
    if (found == table->entries.end()) return std::nullopt;
    key_ = found->first;
    return Entry{found->first, found->second};
  }

  const std::function<const Table*()> table_;
  std::optional<std::string> key_;
};

const Table* table_of(const Image& image, TableHandle handle) {
  const auto found = image.tables.find(handle);
  return found == image.tables.end() ? nullptr : found->second.get();
}

Result<uint64_t> table_size(const Table* table) {
  if (table == nullptr) return no_such_table();
  uint64_t size = 0;
  for (const auto& [key, value] : table->entries) size += key.size() + value.size();
  return size;
}

Result<std::optional<std::string_view>> get_value(const Table* table, std::string_view key) {
  if (table == nullptr) return no_such_table();
  const auto found = table->entries.find(key);
  if (found == table->entries.end()) return std::nullopt;
  return found->second;
}

class MemoryRead final : public ReadTransaction {
 public:
  explicit MemoryRead(MemoryDisk::State& disk) : disk_(disk) { take(); }

  Result<std::optional<std::string_view>> get(TableHandle table, std::string_view key) override {
    return get_value(table_of(*image_, table), key);
  }
  Result<std::unique_ptr<Cursor>> cursor(TableHandle table) override {
    return std::make_unique<MemoryCursor>([this, table] { return table_of(*image_, table); });
  }
  Result<uint64_t> size_bytes(TableHandle table) override {
    return table_size(table_of(*image_, table));
  }
  CommitId commit_id() const override { return image_->commit; }
  void reset() override { image_.reset(); }
  Status renew() override {
    take();
    return {};
  }

 private:
  void take() {
    std::lock_guard lock(disk_.mutex);
    image_ = disk_.written;
  }
  MemoryDisk::State& disk_;
  std::shared_ptr<const Image> image_;
};

class MemoryWrite final : public WriteTransaction {
 public:
  MemoryWrite(MemoryDisk::State& disk, MemoryDisk::Sync sync, uint64_t power_cycle)
      : disk_(disk), sync_(sync), power_cycle_(power_cycle), writing_(disk.writer) {
    std::lock_guard lock(disk_.mutex);
    image_ = *disk_.written;
    ++image_.commit;
  }
  Result<uint64_t> size_bytes(TableHandle table) override {
    return table_size(table_of(image_, table));
  }
  CommitId commit_id() const override { return image_.commit; }

  Result<std::optional<std::string_view>> get(TableHandle table, std::string_view key) override {
    return get_value(table_of(image_, table), key);
  }
  Result<std::unique_ptr<Cursor>> cursor(TableHandle table) override {
    return std::make_unique<MemoryCursor>([this, table] { return table_of(image_, table); });
  }

  Result<TableHandle> open_table(std::string_view name, KeyOrder order) override {
    if (const auto found = image_.names.find(name); found != image_.names.end())
      return found->second;
    const TableHandle table = next_handle();
    image_.names.emplace(name, table);
    image_.tables.emplace(table,
                          std::make_shared<Table>(Table{decltype(Table::entries)(KeyLess{order})}));
    return table;
  }
  Result<std::optional<TableHandle>> find_table(std::string_view name, KeyOrder) override {
    const auto found = image_.names.find(name);
    if (found == image_.names.end()) return std::nullopt;
    return found->second;
  }
  Result<std::vector<std::string>> table_names() override {
    std::vector<std::string> names;
    for (const auto& [name, table] : image_.names) names.push_back(name);
    return names;
  }
  Status clear_table(TableHandle handle) override {
    Table* table = writable(handle);
    if (table == nullptr) return no_such_table();
    table->entries.clear();
    table->size_bytes = 0;
    return {};
  }
  Status remove_table(TableHandle handle) override {
    if (image_.tables.erase(handle) == 0) {
      has_failed_ = true;
      return no_such_table();
    }
    std::erase_if(image_.names, [&](const auto& named) { return named.second == handle; });
    own_.erase(handle);
    return {};
  }

  Status put(TableHandle handle, std::string_view key, std::string_view value) override {
    assert(!key.empty() && key.size() <= kMaxKeySize);
    Table* table = writable(handle);
    if (table == nullptr) return no_such_table();
    remove(*table, key);
    table->entries.emplace(key, value);
    table->size_bytes += key.size() + value.size();
    return {};
  }
  Status append(TableHandle handle, std::string_view key, std::string_view value) override {
    if (const Table* table = table_of(image_, handle); table != nullptr)
      assert(table->entries.empty() ||
             table->entries.key_comp()(table->entries.rbegin()->first, key));
    return put(handle, key, value);
  }
  Result<bool> erase(TableHandle handle, std::string_view key) override {
    Table* table = writable(handle);
    if (table == nullptr) return no_such_table();
    return remove(*table, key);
  }
  Result<Erased> erase_range(TableHandle handle, std::string_view first_key,
                             std::string_view end_key, EraseLimits limits) override {
    Table* table = writable(handle);
    if (table == nullptr) return no_such_table();
    const KeyLess before = table->entries.key_comp();
    Erased erased;
    auto at = table->entries.lower_bound(first_key);
    while (at != table->entries.end() && before(at->first, end_key)) {
      if (erased.count >= limits.max_count || erased.size_bytes >= limits.max_bytes) {
        erased.is_all = false;
        break;
      }
      ++erased.count;
      erased.size_bytes += at->first.size() + at->second.size();
      at = table->entries.erase(at);
    }
    table->size_bytes -= erased.size_bytes;
    return erased;
  }

  bool has_failed() const override { return has_failed_; }

  Status commit() override {
    assert(!has_failed_);
    const auto image = std::make_shared<const Image>(std::move(image_));
    const size_t size_bytes = image->size_bytes();
    std::function<void()> before_sync;
    {
      std::lock_guard lock(disk_.mutex);
      if (disk_.power_cycle != power_cycle_) return power_is_off();
      if (size_bytes > disk_.capacity_bytes) return Error{ErrorCode::DiskFull, "the disk is full"};
      before_sync = disk_.before_sync;
    }
    if (before_sync) before_sync();
    std::lock_guard lock(disk_.mutex);
    if (disk_.power_cycle != power_cycle_) return power_is_off();
    // As in LMDB, readers see the commit only when it is synced.
    if (sync_ == MemoryDisk::Sync::EveryCommit) disk_.synced = image;
    disk_.written = image;
    return {};
  }

 private:
  TableHandle next_handle() {
    std::lock_guard lock(disk_.mutex);
    return TableHandle{disk_.next_table++};
  }
  Table* writable(TableHandle handle) {
    if (const auto mine = own_.find(handle); mine != own_.end()) return mine->second;
    const auto found = image_.tables.find(handle);
    if (found == image_.tables.end()) {
      has_failed_ = true;
      return nullptr;
    }
    auto copy = std::make_shared<Table>(*found->second);
    Table* table = copy.get();
    found->second = std::move(copy);
    own_.emplace(handle, table);
    return table;
  }
  static bool remove(Table& table, std::string_view key) {
    const auto found = table.entries.find(key);
    if (found == table.entries.end()) return false;
    table.size_bytes -= found->first.size() + found->second.size();
    table.entries.erase(found);
    return true;
  }

  MemoryDisk::State& disk_;
  const MemoryDisk::Sync sync_;
  const uint64_t power_cycle_;
  const std::lock_guard<std::mutex> writing_;
  Image image_;
  bool has_failed_ = false;
  std::map<TableHandle, Table*> own_;  // the tables of image_ that were copied to be changed
};

class MemoryStore final : public KeyValueStore {
 public:
  MemoryStore(std::shared_ptr<MemoryDisk::State> disk, MemoryDisk::Sync sync)
      : disk_(std::move(disk)), sync_(sync), power_cycle_(now()) {}

  Result<std::unique_ptr<ReadTransaction>> begin_read() override {
    return std::make_unique<MemoryRead>(*disk_);
  }
  Result<std::unique_ptr<WriteTransaction>> begin_write() override {
    if (now() != power_cycle_) return power_is_off();
    return std::make_unique<MemoryWrite>(*disk_, sync_, power_cycle_);
  }
  Uuid instance_id() const override { return disk_->instance_id; }
  uint64_t free_bytes(uint64_t) override {
    std::lock_guard lock(disk_->mutex);
    const size_t used = disk_->written->size_bytes();
    return disk_->capacity_bytes > used ? disk_->capacity_bytes - used : 0;
  }

 private:
  uint64_t now() const {
    std::lock_guard lock(disk_->mutex);
    return disk_->power_cycle;
  }
  const std::shared_ptr<MemoryDisk::State> disk_;  // shared with the test's MemoryDisk
  const MemoryDisk::Sync sync_;
  const uint64_t power_cycle_;
};

}  // namespace

MemoryDisk::MemoryDisk() : state_(std::make_shared<State>()) {}
MemoryDisk::~MemoryDisk() = default;

std::unique_ptr<KeyValueStore> MemoryDisk::open(Sync sync) {
  return std::make_unique<MemoryStore>(state_, sync);
}
void MemoryDisk::drop_unsynced() {
  std::lock_guard lock(state_->mutex);
  state_->written = state_->synced;
  ++state_->power_cycle;
}
void MemoryDisk::set_before_sync(std::function<void()> before_sync) {
  std::lock_guard lock(state_->mutex);
  state_->before_sync = std::move(before_sync);
}
void MemoryDisk::set_capacity(size_t capacity_bytes) {
  std::lock_guard lock(state_->mutex);
  state_->capacity_bytes = capacity_bytes;
}

}  // namespace storage
