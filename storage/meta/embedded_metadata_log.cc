#include "storage/meta/embedded_metadata_log.h"

#include <fmt/format.h>

#include <atomic>
#include <future>
#include <mutex>

#include "base/bytes.h"
#include "storage/kv/checked_key.h"
#include "storage/kv/damage.h"

namespace storage {

namespace {

struct Tables {
  TableHandle records;    // revision -> command
  TableHandle snapshots;  // kSnapshotKey -> revision i64, zstd of the state
};
constexpr std::string_view kSnapshotKey = "newest";

Error moved_on(Revision expected, Revision newest) {
  return {ErrorCode::OutOfOrderSequence,
          fmt::format("the metadata log has advanced from revision {} to {}", expected.value(),
                      newest.value())};
}

IntegerKey key_of(Revision revision) { return IntegerKey(static_cast<uint64_t>(revision.value())); }
Result<Revision> revision_of(std::string_view key) {
  const auto number = checked_integer_key(key);
  if (!number) return damaged_data("the metadata log has a damaged key");
  return Revision{static_cast<int64_t>(*number)};
}

// Reads the revision at the beginning of a stored snapshot, without decompressing the state.
Result<Revision> snapshot_revision(ByteReader& in) {
  const Revision revision{in.be<int64_t>()};
  if (!in.ok()) return Error{ErrorCode::StorageFailure, "the metadata snapshot is damaged"};
  return revision;
}

// Returns the last revision that the snapshot covers; 0 if no snapshot exists.
Result<Revision> covered_revision(Transaction& transaction, const Tables& tables) {
  const auto snapshot = TRY(transaction.get(tables.snapshots, kSnapshotKey));
  if (!snapshot) return Revision{0};
  ByteReader in(*snapshot);
  return snapshot_revision(in);
}

Result<Revision> newest_revision(Transaction& transaction, const Tables& tables) {
  const auto cursor = TRY(transaction.cursor(tables.records));
  if (const auto last = TRY(cursor->last())) return revision_of(last->key);
  return covered_revision(transaction, tables);
}

// The state that the log shares with its callbacks on the writer's thread, which may run after the log was destroyed.
struct Shared {
  explicit Shared(Tables opened) : tables(opened) {}
  const Tables tables;
  std::atomic<int64_t> newest{0};
  std::mutex mutex;
  std::function<void(Revision)> moved;  // Guarded by mutex
};

// A commit erases at most this many records that a snapshot covers. Otherwise other commits would
// have to wait for the removal of tens of thousands of records.
constexpr EraseLimits kErasedAtATime{.max_count = 256, .max_bytes = 1 << 20};

// Erases the records that the newest snapshot covers, in slices of one commit each. If the process
// crashes, some of them remain: they are never read, and the next start erases them.
void erase_covered(TransactionQueue& queue, std::shared_ptr<Shared> shared) {
  const auto is_all = std::make_shared<bool>(true);
  queue.submit(
      [shared, is_all](WriteTransaction& transaction) -> Status {
        const Revision covered = TRY(covered_revision(transaction, shared->tables));
        const Erased erased = TRY(transaction.erase_range(
            shared->tables.records, key_of(Revision{0}), key_of(covered + 1), kErasedAtATime));
        *is_all = erased.is_all;
        return {};
      },
      [&queue, shared, is_all](const Status& erased) {
        // A failed slice is not repeated here: the next snapshot or the next start erases the
        // remaining records.
        if (erased && !*is_all) erase_covered(queue, shared);
      });
}

// Invariant: the newest revision in memory is durable.
class EmbeddedMetadataLog final : public MetadataLog {
 public:
  EmbeddedMetadataLog(KeyValueStore& store, TransactionQueue& queue, std::shared_ptr<Shared> shared)
      : store_(store), queue_(queue), shared_(std::move(shared)) {}

  void append(Revision last, MetadataCommand command,
              std::function<void(Result<Revision>)> done) override {
    const Revision revision = last + 1;
    queue_.submit(
        [shared = shared_, last, bytes = encode(command)](WriteTransaction& transaction) -> Status {
          const Revision newest = TRY(newest_revision(transaction, shared->tables));
          if (newest != last) return moved_on(last, newest);
          return transaction.append(shared->tables.records, key_of(last + 1), bytes);
        },
        [shared = shared_, revision, done = std::move(done)](Status status) {
          if (!status) return done(std::move(status).error());
          shared->newest = revision.value();
          done(revision);
          std::lock_guard lock(shared->mutex);
          if (shared->moved) shared->moved(revision);
        });
  }

  Revision last_revision() const override { return Revision{shared_->newest.load()}; }

  Result<std::vector<MetadataRecord>> read(Revision first, size_t max_count) const override;

  void watch(std::function<void(Revision)> moved) override {
    std::lock_guard lock(shared_->mutex);
    shared_->moved = std::move(moved);
  }

  void save_snapshot(MetadataSnapshot snapshot, std::function<void(Status)> done) override;
  Result<std::optional<MetadataSnapshot>> load_snapshot() const override;

 private:
  KeyValueStore& store_;
  TransactionQueue& queue_;
  const std::shared_ptr<Shared> shared_;
};

Result<std::vector<MetadataRecord>> EmbeddedMetadataLog::read(Revision first,
                                                              size_t max_count) const {
  const auto transaction = TRY(store_.begin_read());
  const auto cursor = TRY(transaction->cursor(shared_->tables.records));
  if (first <= TRY(covered_revision(*transaction, shared_->tables)))
    return Error{ErrorCode::OffsetOutOfRange,
                 fmt::format("revision {} is in a snapshot only", first.value())};
  std::vector<MetadataRecord> records;
  for (auto entry = TRY(cursor->seek(key_of(first))); entry && records.size() < max_count;
       entry = TRY(cursor->next()))
    records.push_back({TRY(revision_of(entry->key)), TRY(decode_metadata_command(entry->value))});
  return records;
}

void EmbeddedMetadataLog::save_snapshot(MetadataSnapshot snapshot,
                                        std::function<void(Status)> done) {
  Result<std::string> encoded = encode_metadata_snapshot(snapshot);
  if (!encoded) return done(encoded.error());
  queue_.submit(
      [shared = shared_, revision = snapshot.revision,
       bytes = *std::move(encoded)](WriteTransaction& transaction) -> Status {
        const Revision newest = TRY(newest_revision(transaction, shared->tables));
        if (revision > newest) return moved_on(revision, newest);
        return transaction.put(shared->tables.snapshots, kSnapshotKey, bytes);
      },
      [&queue = queue_, shared = shared_, done = std::move(done)](Status saved) {
        if (saved) erase_covered(queue, shared);
        done(std::move(saved));
      });
}

Result<std::optional<MetadataSnapshot>> EmbeddedMetadataLog::load_snapshot() const {
  const auto transaction = TRY(store_.begin_read());
  const auto bytes = TRY(transaction->get(shared_->tables.snapshots, kSnapshotKey));
  if (!bytes) return std::nullopt;
  return TRY(decode_metadata_snapshot(*bytes));
}

}  // namespace

Result<std::unique_ptr<MetadataLog>> open_embedded_metadata_log(KeyValueStore& store,
                                                                TransactionQueue& queue) {
  // Only the queue's owner may open tables. So the transaction runs on the owner's thread, and this
  // function waits for it.
  struct Opened {
    Tables tables;
    Revision newest;
  };
  const auto opened = std::make_shared<Opened>();
  std::promise<Status> answer;
  queue.submit(
      [opened](WriteTransaction& transaction) -> Status {
        opened->tables.records = TRY(transaction.open_table("metadata", KeyOrder::Integer));
        opened->tables.snapshots =
            TRY(transaction.open_table("metadata-snapshots", KeyOrder::Bytes));
        opened->newest = TRY(newest_revision(transaction, opened->tables));
        return {};
      },
      [&answer](Status status) { answer.set_value(std::move(status)); });
  TRY(answer.get_future().get());
  auto shared = std::make_shared<Shared>(opened->tables);
  shared->newest = opened->newest.value();
  erase_covered(queue, shared);  // records that a crash has left
  return std::make_unique<EmbeddedMetadataLog>(store, queue, std::move(shared));
}

}  // namespace storage
