#include "storage/meta/metadata_log.h"

#include <future>

#include "storage/kv/memory_store.h"
#include "storage/log/log.h"
#include "storage/meta/embedded_metadata_log.h"

namespace storage {
namespace {

MetadataCommand command(const std::string& text) {
  return {{{"sql", text}, {"topics", text + "!"}}};
}

class MetadataLogTest : public testing::Test {
 protected:
  void SetUp() override { open(); }
  void open() {
    log_ = Log::open(disk_.open(), {}).value();
    metadata_ = open_embedded_metadata_log(log_->store(), *log_).value();
  }
  void reopen() {
    metadata_.reset();
    log_.reset();
    open();
  }
  Result<Revision> append(int64_t last, const std::string& text) {
    std::promise<Result<Revision>> done;
    metadata_->append(Revision{last}, command(text),
                      [&](auto result) { done.set_value(std::move(result)); });
    return done.get_future().get();
  }
  Status save(MetadataSnapshot snapshot) {
    std::promise<Status> done;
    metadata_->save_snapshot(std::move(snapshot),
                             [&](Status status) { done.set_value(std::move(status)); });
    return done.get_future().get();
  }
  std::string texts(int64_t first, size_t max_count = 100) {
    const auto records = metadata_->read(Revision{first}, max_count).value();
    std::string all;
    for (const MetadataRecord& record : records)
      all += std::to_string(record.revision.value()) + record.command.parts.at(0).bytes + " ";
    return all;
  }

  MemoryDisk disk_;
  std::unique_ptr<Log> log_;
  std::unique_ptr<MetadataLog> metadata_;
};

TEST_F(MetadataLogTest, revisions_count_from_one_and_survive) {
  EXPECT_EQ(metadata_->last_revision(), Revision{0});
  EXPECT_EQ(append(0, "a").value(), Revision{1});
  EXPECT_EQ(append(1, "b").value(), Revision{2});
  reopen();
  EXPECT_EQ(metadata_->last_revision(), Revision{2});
  EXPECT_EQ(texts(1), "1a 2b ");
  EXPECT_EQ(texts(2), "2b ");
  EXPECT_EQ(texts(1, 1), "1a ");
  EXPECT_EQ(texts(3), "");
  EXPECT_EQ(metadata_->read(Revision{1}, 1)->at(0).command, command("a"));
}

TEST_F(MetadataLogTest, an_append_after_an_old_revision_is_refused) {
  ASSERT_TRUE(append(0, "a"));
  const auto late = append(0, "b");
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::OutOfOrderSequence);
  EXPECT_EQ(append(7, "b").error().code, ErrorCode::OutOfOrderSequence);
  EXPECT_EQ(texts(1), "1a ");
}

// Two commands with the condition on the same revision may be in one group commit; one of them
// wins.
TEST_F(MetadataLogTest, one_of_two_in_one_group_wins) {
  std::promise<void> both;
  std::atomic<int> answers = 0, wins = 0;
  for (int i = 0; i < 2; ++i) {
    metadata_->append(Revision{0}, command("x"), [&](auto result) {
      wins += result.has_value();
      if (++answers == 2) both.set_value();
    });
  }
  both.get_future().wait();
  EXPECT_EQ(wins, 1);
  EXPECT_EQ(texts(1), "1x ");
}

TEST_F(MetadataLogTest, a_watcher_hears_of_each_revision_after_it_is_durable) {
  std::vector<int64_t> heard;
  metadata_->watch([&](Revision revision) { heard.push_back(revision.value()); });
  ASSERT_TRUE(append(0, "a"));
  ASSERT_TRUE(append(1, "b"));
  metadata_.reset();
  log_.reset();  // the writer has answered all requests
  EXPECT_EQ(heard, (std::vector<int64_t>{1, 2}));
}

TEST_F(MetadataLogTest, a_snapshot_replaces_the_records_before_it) {
  EXPECT_FALSE(metadata_->load_snapshot().value().has_value());
  for (int64_t last = 0; last < 4; ++last) ASSERT_TRUE(append(last, "r"));
  ASSERT_TRUE(save({Revision{3}, command("state")}));
  reopen();
  const auto snapshot = metadata_->load_snapshot().value();
  ASSERT_TRUE(snapshot);
  EXPECT_EQ(snapshot->revision, Revision{3});
  EXPECT_EQ(snapshot->state, command("state"));
  EXPECT_EQ(texts(4), "4r ");
  EXPECT_EQ(metadata_->read(Revision{3}, 9).error().code, ErrorCode::OffsetOutOfRange);
  ASSERT_TRUE(save({Revision{4}, command("state")}));
  reopen();
  EXPECT_EQ(metadata_->last_revision(), Revision{4});
  EXPECT_EQ(metadata_->read(Revision{4}, 9).error().code, ErrorCode::OffsetOutOfRange);
  EXPECT_EQ(append(4, "e").value(), Revision{5});
  EXPECT_FALSE(save({Revision{6}, command("future")}));
}

// A single commit that erases all replaced records would delay the commits of all other writers.
TEST_F(MetadataLogTest, replaced_records_are_erased_in_slices_also_after_a_stop) {
  constexpr int64_t kRecords = 2'000;
  for (int64_t last = 0; last < kRecords; ++last)
    metadata_->append(Revision{last}, command("r"), [](const auto&) {});
  const auto count = [&](std::function<void(size_t)> counted) {
    const auto records = std::make_shared<size_t>(0);
    log_->submit(
        [records](WriteTransaction& transaction) -> Status {
          *records = 0;
          const auto table = TRY(transaction.find_table("metadata", KeyOrder::Integer));
          const auto cursor = TRY(transaction.cursor(*table));
          for (auto entry = TRY(cursor->first()); entry; entry = TRY(cursor->next())) ++*records;
          return {};
        },
        [records, counted = std::move(counted)](const Status&) { counted(*records); });
  };
  std::promise<size_t> in_between;
  metadata_->save_snapshot({Revision{kRecords}, command("state")}, [&](const Status& saved) {
    EXPECT_TRUE(saved);
    count([&](size_t left) { in_between.set_value(left); });
  });
  const size_t left = in_between.get_future().get();
  EXPECT_LT(left, size_t{kRecords});
  EXPECT_GT(left, size_t{kRecords} / 2);
  EXPECT_EQ(metadata_->read(Revision{kRecords}, 1).error().code, ErrorCode::OffsetOutOfRange);
  reopen();
  EXPECT_EQ(metadata_->last_revision(), Revision{kRecords});
  for (size_t now = 1; now > 0;) {
    std::promise<size_t> counted;
    count([&](size_t records) { counted.set_value(records); });
    now = counted.get_future().get();
  }
  EXPECT_EQ(append(kRecords, "e").value(), Revision{kRecords + 1});
}

TEST(MetadataCommand, damaged_and_newer_bytes_are_refused) {
  const std::string bytes = encode(command("text"));
  EXPECT_EQ(decode_metadata_command(bytes).value(), command("text"));
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(decode_metadata_command(bytes.substr(0, size))) << size;
  EXPECT_FALSE(decode_metadata_command(bytes + "x"));
  std::string newer = bytes;
  newer[0] = 2;
  EXPECT_EQ(decode_metadata_command(newer).error().code, ErrorCode::IncompatibleFormat);
}

}  // namespace
}  // namespace storage
