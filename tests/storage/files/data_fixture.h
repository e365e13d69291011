// A data directory with a topic, an exchange, and a task whose state is half in a checkpoint and half in
// its journal.
#pragma once
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <string>

#include "storage/kv/lmdb_store.h"
#include "storage/log/group_transaction.h"
#include "storage/log/log_format.h"
#include "storage/log/stored_keys.h"
#include "storage/state/position_row.h"
#include "storage/state/state_keys.h"
#include "storage/state/state_store.h"
#include "tests/storage/log/log_fixture.h"
#include "tests/storage/scratch_directory.h"

namespace storage {

class DataFixture : public testing::Test {
 protected:
  static constexpr const char* kTask = "q1/0/0";

  void SetUp() override {
    open();
    ASSERT_TRUE(create_partitions_and_wait(*log_, topic_, 1));
    topic_table_ = batch_table_name(
        static_cast<const Partition&>(*log_->find_partition({topic_, PartitionId{0}})));
    ASSERT_TRUE(create_partitions_and_wait(*log_, exchange_, 1, PartitionKind::Internal));
    for (int i = 0; i < 10; ++i) append();
    epoch_ = begin_task_and_wait(*log_, kTask).value().epoch;
    for (int64_t sequence = 1; sequence <= 5; ++sequence) commit(sequence);
    checkpoint(2);
    close();
  }
  void open() {
    log_ = Log::open(directory_.path(), {}).value();
    ASSERT_TRUE(add_position_checks(directory_.path()));
    StateOptions options;
    options.log_instance = log_->store().instance_id();
    state_ = StateStore::open(directory_.path(), options).value();
  }
  void close() {
    state_.reset();
    wait_until_removed(*log_);
    log_.reset();
  }
  void append() {
    ASSERT_TRUE(append_and_wait(*log_, append_of({topic_, PartitionId{0}}, batch_of("r", 3))));
  }
  void commit(int64_t sequence) {
    TaskCommit commit{.task = kTask,
                      .epoch = epoch_,
                      .sequence = TaskSequence{sequence},
                      .journal = journal_batch(kTask, TaskSequence{sequence},
                                               "entry " + std::to_string(sequence)),
                      .outputs = {},
                      .trims = {}};
    commit.outputs.push_back({{exchange_, PartitionId{0}}, batch_of("x", 2)});
    ASSERT_TRUE(commit_and_wait(*log_, std::move(commit)));
  }
  // Writes a checkpoint with the commits up to `position`; the journal is trimmed afterwards.
  void checkpoint(int64_t position) {
    Checkpoint checkpoint{.task = kTask,
                          .removed_ranges = {},
                          .entries = {{"counts", "a", "1"}, {"counts", "b", "2"}},
                          .keeps = nullptr,
                          .position = TaskSequence{position},
                          .scalars = "",
                          .journal_end = {{journal_of(kTask), Offset{position}}}};
    std::promise<Status> written;
    std::function<void(Status)> done = [&](Status status) { written.set_value(status); };
    ASSERT_TRUE(state_->try_checkpoint(checkpoint, done));
    ASSERT_TRUE(written.get_future().get());
    ASSERT_TRUE(trim_and_wait(*log_, {journal_partition(journal_of(kTask)), Offset{position}}));
  }

  // Changes a table of a database file directly, without the knowledge of the classes that own the
  // file.
  using Change = std::function<Status(WriteTransaction&, TableHandle)>;
  void change(const std::string& kind, const std::string& table, const Change& change,
              KeyOrder order = KeyOrder::Bytes) {
    const bool is_log = kind == "log";
    const auto store =
        open_lmdb_store(directory_.path(),
                        {.kind = kind,
                         .format_version = is_log ? kNewestLogFormat : kStateFormatVersion,
                         .newest_format_version = is_log ? 0 : kCheckedPositionsVersion})
            .value();
    auto write = store->begin_write().value();
    ASSERT_TRUE(change(*write, write->open_table(table, order).value()));
    ASSERT_TRUE(write->commit());
  }
  // Returns the first key of a table, and its value.
  static std::pair<std::string, std::string> first(WriteTransaction& write, TableHandle table) {
    const auto cursor = write.cursor(table).value();
    const auto entry = cursor->first().value();
    return {std::string(entry->key), std::string(entry->value)};
  }
  // Returns the key of the batch with this offset in the journal.
  std::string journal_key_of(int64_t offset) {
    const auto log = Log::open(directory_.path(), {}).value();
    const auto write = log->store().begin_write().value();
    const auto rows = write->open_table("partitions", KeyOrder::Bytes).value();
    const auto row = write->get(rows, partition_key(journal_partition(journal_of(kTask)))).value();
    return numbered_key(decode_partition_row(*row)->number.value(), offset);
  }
  static Status erase(WriteTransaction& write, TableHandle table, std::string_view key) {
    if (!TRY(write.erase(table, key))) return Error{ErrorCode::Internal, "there is no such key"};
    return {};
  }

  const ScratchDirectory directory_;
  const Uuid topic_ = Uuid::random(), exchange_ = Uuid::random();
  std::string topic_table_;  // the table with the batches of the topic's partition
  std::unique_ptr<Log> log_;
  std::unique_ptr<StateStore> state_;
  TaskEpoch epoch_;
};

}  // namespace storage
