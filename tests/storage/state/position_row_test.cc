#include "storage/state/position_row.h"

#include <gtest/gtest.h>

#include <future>

#include "storage/kv/lmdb_store.h"
#include "storage/state/state_keys.h"
#include "storage/state/state_store.h"
#include "tests/storage/scratch_directory.h"

namespace storage {
namespace {

const std::string kPlainRow = std::string(7, '\0') + "\7time=5";

TEST(PositionRowTest, each_format_is_encoded_and_decoded) {
  EXPECT_EQ(encode_position("q", {TaskSequence{7}, "time=5"}, PositionFormat::Plain), kPlainRow);
  const std::string checked =
      encode_position("q", {TaskSequence{7}, "time=5"}, PositionFormat::Checked);
  EXPECT_EQ(checked.substr(0, 1 + kPlainRow.size()), "\x81" + kPlainRow);
  EXPECT_EQ(checked.size(), 1 + kPlainRow.size() + sizeof(uint32_t));
  for (const auto& [row, format] :
       {std::pair(kPlainRow, PositionFormat::Plain), std::pair(checked, PositionFormat::Checked)}) {
    const auto decoded = decode_position({"q", row}, format);
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->position, TaskSequence{7});
    EXPECT_EQ(decoded->scalars, "time=5");
  }
  EXPECT_FALSE(decode_position({"q", checked}, PositionFormat::Plain));
  EXPECT_FALSE(decode_position({"q", kPlainRow}, PositionFormat::Checked));
}

TEST(PositionRowTest, damage_to_a_checked_row_is_found) {
  const std::string whole =
      encode_position("q", {TaskSequence{7}, "time=5"}, PositionFormat::Checked);
  const auto decode = [](std::string_view task, std::string_view row) {
    return decode_position({task, row}, PositionFormat::Checked);
  };
  for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    const auto decoded = decode("q", damaged);
    ASSERT_FALSE(decoded) << bit;
    EXPECT_EQ(decoded.error().message, "the state file has a damaged position of q");
  }
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(decode("q", whole.substr(0, size))) << size;
  EXPECT_FALSE(decode("q", whole + '\0'));
  EXPECT_FALSE(decode("other", whole)) << "the row of another task";
}

class PositionChecksTest : public testing::Test {
 protected:
  void SetUp() override { open(); }
  void open() { state_ = StateStore::open(directory_.path(), {}).value(); }
  Status write(int64_t position) {
    Checkpoint checkpoint{.task = "q",
                          .removed_ranges = {},
                          .entries = {{"s", "a", "1"}},
                          .keeps = nullptr,
                          .position = TaskSequence{position},
                          .scalars = "time=5",
                          .journal_end = {}};
    std::promise<Status> answer;
    std::function<void(Status)> done = [&](Status status) { answer.set_value(std::move(status)); };
    EXPECT_TRUE(state_->try_checkpoint(checkpoint, done));
    return answer.get_future().get();
  }
  // Closes the state store and changes the row of the position.
  void change_row(const std::function<void(std::string&)>& change) {
    state_.reset();
    const auto store =
        open_lmdb_store(directory_.path(), {.kind = "state",
                                            .format_version = kStateFormatVersion,
                                            .newest_format_version = kCheckedPositionsVersion})
            .value();
    const auto transaction = store->begin_write().value();
    const auto table = transaction->open_table("positions", KeyOrder::Bytes).value();
    std::string row(transaction->get(table, "q").value().value());
    change(row);
    ASSERT_TRUE(transaction->put(table, "q", row));
    ASSERT_TRUE(transaction->commit());
  }
  std::string row() {
    std::string found;
    change_row([&](std::string& row) { found = row; });
    return found;
  }

  const ScratchDirectory directory_;
  std::unique_ptr<StateStore> state_;
};

TEST_F(PositionChecksTest, a_file_without_checksums_keeps_its_format_until_they_are_added) {
  ASSERT_TRUE(write(7));
  EXPECT_EQ(row(), kPlainRow);
  open();
  EXPECT_EQ(state_->position_of("q").value().position, TaskSequence{7});
  ASSERT_TRUE(write(8));
  EXPECT_EQ(row()[0], '\0');
  // An earlier program can open it.
  EXPECT_TRUE(open_lmdb_store(directory_.path(), {.kind = "state", .format_version = 3}));
}

TEST_F(PositionChecksTest, old_positions_get_checksums_and_new_ones_have_them) {
  ASSERT_TRUE(write(7));
  state_.reset();
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(add_position_checks(directory_.path()));
    EXPECT_EQ(row(), encode_position("q", {TaskSequence{7}, "time=5"}, PositionFormat::Checked));
  }
  open();
  EXPECT_EQ(state_->position_of("q").value().scalars, "time=5");
  ASSERT_TRUE(write(8));
  EXPECT_EQ(row(), encode_position("q", {TaskSequence{8}, "time=5"}, PositionFormat::Checked));
  const auto earlier = open_lmdb_store(directory_.path(), {.kind = "state", .format_version = 3});
  ASSERT_FALSE(earlier);
  EXPECT_EQ(earlier.error().code, ErrorCode::IncompatibleFormat);
}

TEST_F(PositionChecksTest, a_damaged_position_is_neither_read_nor_overwritten) {
  state_.reset();
  ASSERT_TRUE(add_position_checks(directory_.path()));
  open();
  ASSERT_TRUE(write(7));
  change_row([](std::string& row) { row[8] ^= 1; });
  open();
  EXPECT_EQ(state_->position_of("q").error().message, "the state file has a damaged position of q");
  const Status written = write(9);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::DataCorrupted);
}

TEST_F(PositionChecksTest, a_position_that_was_damaged_before_gets_no_checksum) {
  ASSERT_TRUE(write(7));
  change_row([](std::string& row) { row = "short"; });
  ASSERT_TRUE(add_position_checks(directory_.path()));
  open();
  EXPECT_EQ(state_->position_of("q").error().message, "the state file has a damaged position of q");
}

}  // namespace
}  // namespace storage
