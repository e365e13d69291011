#include "engine/testing/report.h"

#include <gtest/gtest.h>

namespace engine {
namespace {

CaseReport report(std::string id, Verdict verdict) {
  return {std::move(id), "file", {verdict, "reason"}};
}

TEST(Report, known_failures_do_not_fail_the_run) {
  const Totals totals = count(
      {report("a", Verdict::Passed), report("b", Verdict::Failed), report("c", Verdict::Skipped)},
      {"b"});
  EXPECT_EQ(totals.line(), "1 passed, 0 failed, 2 skipped");
  EXPECT_EQ(totals.known, 1u);
  EXPECT_TRUE(totals.is_success());
}

TEST(Report, a_known_failure_that_passes_must_leave_the_list) {
  const Totals totals = count({report("a", Verdict::Passed)}, {"a", "not run"});
  EXPECT_EQ(totals.no_more_known, std::vector<std::string>{"a"});
  EXPECT_FALSE(totals.is_success());
}

TEST(Report, of_two_cases_with_one_name_both_must_pass) {
  const Totals totals = count({report("a", Verdict::Passed), report("a", Verdict::Failed)}, {"a"});
  EXPECT_TRUE(totals.is_success());
}

TEST(Report, the_list_survives_writing_and_reading) {
  const auto path = std::filesystem::temp_directory_path() /
                    ("millrace-known-failures-" + std::to_string(getpid()));
  ASSERT_TRUE(write_known_failures(
      path, {report("f/one - JSON", Verdict::Failed), report("f/two", Verdict::Passed)}));
  const auto read = read_known_failures(path);
  std::filesystem::remove(path);
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, KnownFailures{"f/one - JSON"});
}

}  // namespace
}  // namespace engine
