// Checks the reader of a file that grows without a server: the clock of the node differs from the clock of the file
// system.
#include "server/connect/files/tail_reader.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>

namespace server {
namespace {

using Lines = std::vector<std::string>;

class TailReaderTest : public testing::Test {
 protected:
  TailReaderTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "tail-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    folder_ = Folder::open(directory_.string()).value();
    source_.file = "log";
    source_.topic = "t";
  }
  ~TailReaderTest() override { std::filesystem::remove_all(directory_); }

  // Appends to the file. The clock of the file system then shows `second`.
  void write(const std::string& file, const std::string& text, int second) const {
    std::ofstream(directory_ / file, std::ios::app) << text;
    std::filesystem::last_write_time(directory_ / file, start_ + std::chrono::seconds(second));
  }
  void rename(const std::string& from, const std::string& to) const {
    std::filesystem::rename(directory_ / from, directory_ / to);
  }
  // Returns the lines of a few calls of poll(), between which the clock does not move.
  Lines read(TailReader& reader) const {
    Lines lines;
    for (int i = 0; i < 4; ++i) {
      const auto batch = reader.poll({1 << 20, 100});
      EXPECT_TRUE(batch) << batch.error().message;
      if (!batch) break;
      for (const SourceRecord& record : batch->records) lines.push_back(*record.value);
    }
    return lines;
  }

  std::filesystem::path directory_;
  std::unique_ptr<Folder> folder_;
  engine::FileSource source_;
  engine::RowColumns columns_;
  const std::filesystem::file_time_type start_ = std::filesystem::file_time_type::clock::now();
};

TEST_F(TailReaderTest, a_clock_that_is_ahead_does_not_end_a_renamed_file) {
  SimulatedClock clock(int64_t{1} << 42);  // the year 2109
  TailReader reader(*folder_, clock, source_, columns_);
  write("log", "1\n", 0);
  ASSERT_TRUE(reader.start({}));
  EXPECT_EQ(read(reader), Lines{"1"});
  rename("log", "log.1");
  write("log", "3\n", 0);
  EXPECT_EQ(read(reader), Lines());
  write("log.1", "2\n", 0);  // by a program that has kept the file open
  EXPECT_EQ(read(reader), Lines{"2"});
  clock.advance_us(1'000'000);
  EXPECT_EQ(read(reader), Lines{"3"});
}

TEST_F(TailReaderTest, a_clock_that_is_behind_does_not_hold_a_renamed_file_open) {
  SimulatedClock clock(0);
  TailReader reader(*folder_, clock, source_, columns_);
  write("log", "1\n", 0);
  ASSERT_TRUE(reader.start({}));
  EXPECT_EQ(read(reader), Lines{"1"});
  rename("log", "log.1");
  write("log", "2\n", 2);  // the renamed file has not changed for two seconds
  EXPECT_EQ(read(reader), Lines{"2"});
}

TEST_F(TailReaderTest, files_that_were_renamed_in_one_second_need_one_second) {
  SimulatedClock clock(0);
  write("log", "1\n", 0);
  TailReader reader(*folder_, clock, source_, columns_);
  ASSERT_TRUE(reader.start({}));
  EXPECT_EQ(read(reader), Lines{"1"});
  rename("log", "log.3");
  write("log.2", "2\n", 0);
  write("log.1", "3\n", 0);
  write("log", "4\n", 0);
  EXPECT_EQ(read(reader), Lines());
  clock.advance_us(1'000'000);
  Lines lines;
  for (int i = 0; i < 4; ++i)
    for (std::string& line : read(reader)) lines.push_back(std::move(line));
  EXPECT_EQ(lines, Lines({"2", "3", "4"}));
}

}  // namespace
}  // namespace server
