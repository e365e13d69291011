#include "storage/files/backup.h"

#include "tests/storage/files/data_fixture.h"

namespace storage {
namespace {

class BackupTest : public DataFixture {
 protected:
  Status backup(const std::string& to) {
    return backup_data(directory_.path(), to,
                       {.copied = [this](uint64_t bytes, uint64_t all_bytes) {
                         copied_.emplace_back(bytes, all_bytes);
                       }});
  }
  std::vector<std::pair<uint64_t, uint64_t>> copied_;
  const ScratchDirectory other_;
};

TEST_F(BackupTest, log_and_state_go_on_where_they_were) {
  const std::string to = other_.path() + "/new/backup";
  ASSERT_TRUE(backup(to));
  open();
  append();  // this record is not in the copy
  close();
  const auto log = Log::open(to, {}).value();
  EXPECT_EQ(read_values(*log, {topic_, PartitionId{0}}).size(), 30);
  StateOptions options;
  options.log_instance = log->store().instance_id();
  const auto state = StateStore::open(to, options).value();
  std::string rows;
  const auto position = state->load_all(kTask, [&](auto, auto key, auto value) -> Status {
    rows.append(key).append("=").append(value).append(" ");
    return {};
  });
  EXPECT_EQ(position.value().position, TaskSequence{2});
  EXPECT_EQ(rows, "a=1 b=2 ");
  EXPECT_EQ(journal_of_task(*log, kTask),
            (std::vector<std::string>{"3:entry 3", "4:entry 4", "5:entry 5"}));
}

TEST_F(BackupTest, reports_its_progress) {
  ASSERT_TRUE(backup(other_.path() + "/backup"));
  ASSERT_GE(copied_.size(), 2u);  // called at least after each of the files
  EXPECT_GT(copied_.front().first, 0u);
  EXPECT_GT(copied_.back().first, copied_.front().first);
  for (const auto& [bytes, all_bytes] : copied_) {
    EXPECT_LE(bytes, all_bytes);
    EXPECT_EQ(all_bytes, copied_.back().second);
  }
}

TEST_F(BackupTest, an_interrupted_copy_is_no_data_directory) {
  const std::string to = other_.path();
  EXPECT_TRUE(check_is_no_unfinished_copy(to));
  EXPECT_TRUE(check_is_no_unfinished_copy(to + "/none"));
  std::ofstream(to + "/state.mdb.new") << "some";
  EXPECT_EQ(check_is_no_unfinished_copy(to).error().code, ErrorCode::ObjectState);
  EXPECT_TRUE(check_is_no_unfinished_copy(directory_.path()));
}

TEST_F(BackupTest, nothing_is_overwritten) {
  std::ofstream(other_.path() + "/mine") << "precious";
  const Status refused = backup(other_.path());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::ObjectState);
}

// In this copy, a journal of tasks in log.mdb begins after the position up to which state.mdb contains it. The entries
// between the two are missing, so no task of this journal could start.
TEST_F(BackupTest, a_copy_that_does_not_fit_is_refused) {
  change("state", "journals", [](WriteTransaction& write, TableHandle table) {
    return erase(write, table, first(write, table).first);
  });
  const std::string to = other_.path() + "/backup";
  EXPECT_FALSE(backup(to));
  EXPECT_FALSE(std::filesystem::exists(to));
}

TEST_F(BackupTest, a_missing_source_makes_no_folder) {
  const std::string to = other_.path() + "/a/backup";
  const Status refused = backup_data(other_.path() + "/nowhere", to, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::StorageFailure);
  EXPECT_FALSE(std::filesystem::exists(other_.path() + "/a"));
}

}  // namespace
}  // namespace storage
