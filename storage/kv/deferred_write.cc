#include "storage/kv/deferred_write.h"

namespace storage {

namespace {

class DeferredWrite final : public WriteTransaction {
 public:
  DeferredWrite(uint64_t commit, JournaledCommits& commits, RecordedChanges& changes,
                const BeginSnapshot& begin_snapshot)
      : commit_(commit), commits_(commits), changes_(changes), begin_snapshot_(begin_snapshot) {
    changes_.clear();
  }
  ~DeferredWrite() override {
    if (!is_over_) commits_.end_deferred();
  }

  CommitId commit_id() const override { return CommitId{commit_}; }
  Status put(TableHandle table, std::string_view key, std::string_view value) override {
    changes_.put(table, key, value);
    puts_.put(table, key, value);
    return {};
  }
  Status append(TableHandle table, std::string_view key, std::string_view value) override {
    changes_.append(table, key, value);
    puts_.append(table);
    return {};
  }
  Status commit() override {
    is_over_ = true;
    snapshot_.reset();
    if (commits_.defer(commit_, changes_, std::move(puts_))) return {};
    return needs_store();
  }
  bool has_failed() const override { return has_failed_; }

  // The result stays valid until commit(), because the pending changes and the store stay unchanged
  // until then.
  Result<std::optional<std::string_view>> get(TableHandle table, std::string_view key) override {
    if (puts_.is_appended(table)) return needs_store();
    if (const auto own = puts_.find(table, key)) return own;
    const PendingChanges::Found pending = commits_.find_pending(table, key);
    if (pending.is_unknown) return needs_store();
    if (pending.value) return pending.value;
    if (!snapshot_) {
      auto begun = begin_snapshot_();
      if (!begun) return needs_store();
      snapshot_ = *std::move(begun);
    }
    auto stored = snapshot_->get(table, key);
    if (!stored) return needs_store();
    return *stored;
  }

  // --- These calls need the store, so they fail. The caller then repeats its work with begin_write().
  Result<std::unique_ptr<Cursor>> cursor(TableHandle) override { return needs_store(); }
  Result<uint64_t> size_bytes(TableHandle) override { return needs_store(); }
  Result<TableHandle> open_table(std::string_view name, KeyOrder order) override {
    if (const auto known = changes_.find_table(name, order)) return *known;
    return needs_store();
  }
  Result<std::optional<TableHandle>> find_table(std::string_view, KeyOrder) override {
    return needs_store();
  }
  Result<std::vector<std::string>> table_names() override { return needs_store(); }
  Status clear_table(TableHandle) override { return needs_store(); }
  Status remove_table(TableHandle) override { return needs_store(); }
  Result<bool> erase(TableHandle, std::string_view) override { return needs_store(); }
  Result<Erased> erase_range(TableHandle, std::string_view, std::string_view,
                             EraseLimits) override {
    return needs_store();
  }

 private:
  Error needs_store() {
    has_failed_ = true;
    return {ErrorCode::Internal, "not to be deferred"};
  }

  const uint64_t commit_;
  JournaledCommits& commits_;
  RecordedChanges& changes_;
  const BeginSnapshot& begin_snapshot_;
  KeptPuts puts_;
  std::unique_ptr<ReadTransaction> snapshot_;  // null before the first read
  bool is_over_ = false, has_failed_ = false;
};

}  // namespace

std::unique_ptr<WriteTransaction> make_deferred_write(uint64_t commit, JournaledCommits& commits,
                                                      RecordedChanges& changes,
                                                      const BeginSnapshot& begin_snapshot) {
  return std::make_unique<DeferredWrite>(commit, commits, changes, begin_snapshot);
}

}  // namespace storage
