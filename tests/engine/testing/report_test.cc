#include "engine/testing/report.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace engine {
namespace {

CaseReport report(std::string id, Verdict verdict) {
  return {std::move(id), "file", {verdict, "reason"}};
}

TEST(Report, known_failures_do_not_fail_the_run) {
  const Totals totals = count(
      {report("a", Verdict::Passed), report("b", Verdict::Failed), report("c", Verdict::Skipped)},
      {{"b", "wants AVRO"}});
  EXPECT_EQ(totals.line(), "1 passed, 0 failed, 2 skipped");
  EXPECT_EQ(totals.known, 1u);
  EXPECT_EQ(totals.known_by_reason, (std::map<std::string, size_t>{{"wants AVRO", 1}}));
  EXPECT_TRUE(totals.is_success());
}

TEST(Report, a_known_failure_that_passes_must_leave_the_list) {
  const Totals totals = count({report("a", Verdict::Passed)}, {{"a", "why"}, {"not run", "why"}});
  EXPECT_EQ(totals.no_more_known, std::vector<std::string>{"a"});
  EXPECT_FALSE(totals.is_success());
}

TEST(Report, two_cases_with_one_name_must_both_pass) {
  const Totals totals =
      count({report("a", Verdict::Passed), report("a", Verdict::Failed)}, {{"a", "why"}});
  EXPECT_TRUE(totals.is_success());
}

class KnownFailuresFile : public testing::Test {
 protected:
  ~KnownFailuresFile() override { std::filesystem::remove(path_); }
  void write(std::string_view text) { std::ofstream(path_) << text; }
  const std::filesystem::path path_ = std::filesystem::temp_directory_path() /
                                      ("millrace-known-failures-" + std::to_string(getpid()));
};

TEST_F(KnownFailuresFile, is_written_with_the_reasons_that_are_known) {
  const KnownFailures known = {{"f/one - JSON", "wants AVRO"}, {"f/two", "passes by now"}};
  ASSERT_TRUE(write_known_failures(
      path_, {report("f/one - JSON", Verdict::Failed), report("f/two", Verdict::Passed)}, known));
  const auto read = read_known_failures(path_);
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, (KnownFailures{{"f/one - JSON", "wants AVRO"}}));
}

TEST_F(KnownFailuresFile, gives_a_reason_for_each) {
  write("# a comment\nf/one\n");
  EXPECT_FALSE(read_known_failures(path_));
  ASSERT_TRUE(write_known_failures(path_, {report("f/new", Verdict::Failed)}, {}));
  EXPECT_FALSE(read_known_failures(path_)) << "somebody has to say why";
  write("[wants AVRO]\nf/one\nf/two \n\n[other]\nf/three\n");
  const auto read = read_known_failures(path_);
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, (KnownFailures{
                       {"f/one", "wants AVRO"}, {"f/three", "other"}, {"f/two ", "wants AVRO"}}));
}

}  // namespace
}  // namespace engine
