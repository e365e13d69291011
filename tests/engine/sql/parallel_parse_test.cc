// Threads parse independently: no thread waits for another's long statement, and the shared caches
// of the parser are thread-safe.
#include <atomic>
#include <chrono>
#include <thread>

#include "tests/engine/sql/parse_helpers.h"
#include "tests/patience.h"

namespace engine {
namespace {

using std::chrono::steady_clock;

std::string long_insert(int rows) {
  std::string text = "INSERT INTO t VALUES (0, 'a')";
  for (int i = 1; i < rows; ++i) text += ", (" + std::to_string(i) + ", 'a')";
  return text;
}

TEST(ParallelParse, a_short_statement_does_not_wait_for_a_long_one) {
  const std::string text = long_insert(20'000);
  // the parser builds its tables for this thread before time is measured
  ASSERT_TRUE(parse_script("SELECT 1"));
  std::atomic<bool> is_done = false;
  steady_clock::duration long_took{};
  std::thread other([&] {
    const auto began = steady_clock::now();
    EXPECT_TRUE(parse_script(text));
    long_took = steady_clock::now() - began;
    is_done = true;
  });
  steady_clock::duration slowest{};
  size_t count = 0;
  while (!is_done) {
    const auto began = steady_clock::now();
    ASSERT_TRUE(parse_script("SELECT 1"));
    slowest = std::max(slowest, steady_clock::now() - began);
    ++count;
  }
  other.join();
  if (tests::is_untimed_lane()) return;
  EXPECT_GT(count, 10u);
  // If both threads shared one lock, the short parse would take as long as the long one.
  EXPECT_FASTER(slowest, long_took / 2);
}

TEST(ParallelParse, many_threads_give_the_same_trees_and_the_same_errors) {
  const std::string texts[] = {
      "SELECT a, b + 1 FROM s WHERE c IN (1, 2) EMIT CHANGES",
      "CREATE TABLE t AS SELECT a, COUNT(*) FROM s WINDOW TUMBLING (SIZE 1 HOUR) GROUP BY a",
      "SELECT FROM WHERE", "SELECT (((((1 + 2) * 3", long_insert(50)};
  const auto answer = [](const std::string& text) {
    const auto parsed = parse_script(text);
    return parsed ? parsed->front().text : parsed.error().message;
  };
  std::vector<std::string> expected;
  for (const std::string& text : texts) expected.push_back(answer(text));
  std::atomic<int> differences = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int round = 0; round < 50; ++round)
        for (size_t j = 0; j < std::size(texts); ++j)
          differences += answer(texts[j]) != expected[j];
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(differences, 0);
}

TEST(ParallelParse, an_abandoned_parse_ends) {
  const std::atomic<bool> is_cancelled = true;
  const auto parsed = parse_script(long_insert(20'000), &is_cancelled);
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code, ErrorCode::QueryCanceled);
  EXPECT_FALSE(parse_script("SELEC 1", &is_cancelled));
}

}  // namespace
}  // namespace engine
