// Servers with sources of files are killed at random times. After all restarts, each line of the files must be in the
// topic once, and in order.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "tests/server/connect/connect_fixture.h"

namespace server {
namespace {

using Values = std::vector<std::string>;

// Returns the number of kills. It is small because each start takes time; a developer can set a
// larger one.
int kill_count() {
  const char* const set = std::getenv("MILLRACE_KILLS");
  return set != nullptr ? std::atoi(set) : 6;
}

class KilledServer : public testing::Test {
 protected:
  KilledServer() {
    std::string pattern = (std::filesystem::temp_directory_path() / "killed-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
    std::filesystem::create_directories(root_ / "files/in");
    std::filesystem::create_directories(root_ / "data");
  }
  ~KilledServer() override { std::filesystem::remove_all(root_); }

  std::unique_ptr<ConnectServer> open() const {
    NativeSettings settings;
    settings.files_dir = (root_ / "files").string();
    return std::make_unique<ConnectServer>(
        storage::Log::open((root_ / "data").string(), storage::LogOptions()).value(),
        std::move(settings));
  }
  // Runs a server in a child process and kills it. This process has no other threads when it forks.
  void run_and_kill(const ConnectorConfig& config, int after_ms) const {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      const auto server = open();
      if (!server->image()->connectors->contains("c") && !server->create("c", config)) ::_exit(1);
      while (true) ::pause();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(after_ms));
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status)) << "the server ended by itself";
  }
  Values all_values(const std::string& topic, size_t count) const {
    const auto server = open();
    Values values;
    for (int i = 0; i < 1200 && values.size() < count; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      values = server->values(topic);
    }
    return values;
  }
  // As long as no position is committed, a file that was rotated before the first start is not
  // read.
  void create_and_read_one(const ConnectorConfig& config, const std::string& topic) const {
    const auto server = open();
    ASSERT_TRUE(server->create("c", config));
    for (int i = 0; i < 1200 && server->values(topic).empty(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  // Fails and prints only the first difference, because the lists are long.
  static void expect_equal(const Values& values, const Values& expected) {
    const auto [value, wanted] = std::ranges::mismatch(values, expected);
    EXPECT_TRUE(value == values.end() && wanted == expected.end())
        << values.size() << " values instead of " << expected.size() << "; number "
        << value - values.begin() << " is " << (value == values.end() ? "missing" : *value)
        << " instead of " << (wanted == expected.end() ? "none" : *wanted);
  }
  void append(const std::string& file, int first, int end, const std::string& header = {}) const {
    std::ofstream out(root_ / "files" / file, std::ios::app);
    out << header;
    for (int i = first; i < end; ++i) out << i << "\n";
  }
  static Values numbers(int end, const std::string& before = {}, const std::string& after = {}) {
    Values values;
    for (int i = 0; i < end; ++i) values.push_back(before + std::to_string(i) + after);
    return values;
  }

  std::filesystem::path root_;
  std::mt19937 random_{4711};
};

TEST_F(KilledServer, a_file_that_grows_and_rotates_is_read_once) {
  constexpr int kLinesOfRound = 1'500;
  const ConnectorConfig config = {{"connector.class", "file"},
                                  {"file", "in/log"},
                                  {"topic", "lines"},
                                  {"max.batch.size", "100"}};
  const int rounds = kill_count();
  append("in/log", 0, 1);
  create_and_read_one(config, "lines");
  for (int round = 0; round < rounds; ++round) {
    append("in/log", round * kLinesOfRound + 1, (round + 1) * kLinesOfRound + 1);
    run_and_kill(config, std::uniform_int_distribution(50, 500)(random_));
    if (round % 2 == 0)
      std::filesystem::rename(root_ / "files/in/log",
                              root_ / ("files/in/log." + std::to_string(round)));
  }
  append("in/log", rounds * kLinesOfRound + 1, rounds * kLinesOfRound + 2);
  const Values expected = numbers(rounds * kLinesOfRound + 2);
  expect_equal(all_values("lines", expected.size()), expected);
}

TEST_F(KilledServer, files_of_a_directory_are_read_and_deleted_once) {
  constexpr int kRowsOfFile = 100, kFilesOfRound = 5;
  const ConnectorConfig config = {{"connector.class", "file"},
                                  {"input.path", "in"},
                                  {"topic", "rows"},
                                  {"format", "csv"},
                                  {"csv.first.row.as.header", "true"},
                                  {"columns", "id INT"},
                                  {"cleanup.policy", "DELETE"},
                                  {"file.minimum.age.ms", "0"},
                                  {"max.batch.size", "70"}};
  // The connector is created here, because on a busy machine every child may be killed before it
  // has created it.
  ASSERT_TRUE(open()->create("c", config));
  int next = 0;
  for (int round = 0; round < kill_count(); ++round) {
    for (int file = 0; file < kFilesOfRound; ++file, next += kRowsOfFile)
      append("in/" + std::to_string(1'000'000 + next) + ".csv", next, next + kRowsOfFile, "id\n");
    run_and_kill(config, std::uniform_int_distribution(50, 500)(random_));
  }
  Values expected = numbers(next, "{\"id\":", "}");
  Values values = all_values("rows", expected.size());
  std::ranges::sort(expected);
  std::ranges::sort(values);
  expect_equal(values, expected);
}

}  // namespace
}  // namespace server
