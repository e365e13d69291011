#include "engine/testing/command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <thread>

#include "base/log.h"
#include "engine/testing/report.h"
#include "engine/testing/worker_pool.h"

namespace engine {
namespace {

constexpr int kUsageError = 2;

struct Options {
  std::vector<std::string> paths;
  std::string filter, junit, known_failures, write_known_failures;
  bool list = false;
  int jobs = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
};

void declare(CLI::App& app, Options& options) {
  app.description("Runs test cases in the format of ksqlDB's query-translation tests.");
  app.footer(
      "Each case runs three times on an engine of its own, in memory: record by record, all "
      "records\n"
      "at once, and with the least state in memory that a record needs. All runs must pass.\n\n"
      "Examples:\n"
      "  millrace test cases/                      all files below a folder\n"
      "  millrace test cases/ --filter joins/      cases whose name contains a text\n"
      "  millrace test cases/joins.json --list     names only\n"
      "  millrace test cases/ --write-known-failures known.txt\n"
      "  millrace test cases/ --known-failures known.txt");
  app.add_option("PATH", options.paths, "Files, or folders to search for *.json")->required();
  app.add_option("--filter", options.filter, "Only cases whose name contains this text");
  app.add_flag("--list", options.list, "Print the names of the cases and run none");
  app.add_option("--jobs,-j", options.jobs, "Processes that run cases (default: one a core)")
      ->check(CLI::Range(1, 1024));
  app.add_option("--junit", options.junit, "Write the results to this file, as JUnit's XML");
  app.add_option("--known-failures", options.known_failures,
                 "A file that lists cases which may fail, one name a line below [the reason]; a "
                 "listed case that passes fails the run");
  app.add_option("--write-known-failures", options.write_known_failures,
                 "Write the names of the cases that fail to this file; those that are known keep "
                 "their reasons");
}

Result<std::vector<TestCase>> read_all(const Options& options) {
  std::vector<TestCase> cases;
  for (const std::filesystem::path& path : TRY(find_case_files(options.paths))) {
    std::vector<TestCase> read = TRY(read_case_file(path));
    const bool is_rest = is_rest_query_file(path);
    for (TestCase& test : read) {
      if (is_rest) test.skip_reason = "REST-query cases are not run yet";
      if (test.id.find(options.filter) != test.id.npos) cases.push_back(std::move(test));
    }
  }
  return cases;
}

// Encodes a result of a worker: the number of the verdict, followed by the reason.
std::string pack(const CaseResult& result) {
  return std::string(1, static_cast<char>('0' + static_cast<int>(result.verdict))) + result.reason;
}
CaseResult unpack(const JobReport& report) {
  if (report.end == JobEnd::TimedOut) return {Verdict::Failed, "timed out"};
  if (report.end == JobEnd::Crashed) return {Verdict::Failed, report.answer};
  return {static_cast<Verdict>(report.answer.at(0) - '0'), report.answer.substr(1)};
}

Result<std::vector<CaseReport>> run_all(const std::vector<TestCase>& cases, int jobs,
                                        const MakeCaseEngine& make_engine) {
  std::vector<CaseReport> reports(cases.size());
  for (size_t i = 0; i < cases.size(); ++i) reports[i] = {cases[i].id, cases[i].file, {}};
  TRY(run_in_workers(
      cases.size(), {.workers = jobs},
      [&](size_t job) { return pack(run_case(cases[job], make_engine)); },
      [&](const JobReport& report) { reports[report.job].result = unpack(report); }));
  return reports;
}

std::string one_line(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  return text;
}

Status print_and_write(const std::vector<CaseReport>& reports, const KnownFailures& known,
                       const Options& options, const Totals& totals) {
  for (const CaseReport& report : reports)
    if (report.result.verdict == Verdict::Failed && !known.contains(report.id))
      fmt::print("FAILED {}: {}\n", report.id, one_line(report.result.reason));
  for (const std::string& id : totals.no_more_known)
    fmt::print("PASSED {}: remove it from the list of known failures\n", id);
  if (!options.junit.empty()) TRY(write_junit(options.junit, reports, known));
  if (!options.write_known_failures.empty())
    TRY(write_known_failures(options.write_known_failures, reports, known));
  for (const auto& [reason, count] : totals.known_by_reason)
    fmt::print("known: {:4} {}\n", count, reason);
  if (!known.empty()) fmt::print("{} known failures, counted among the skipped\n", totals.known);
  fmt::print("{}\n", totals.line());
  return {};
}

Result<int> run(const Options& options, const MakeCaseEngine& make_engine) {
  const std::vector<TestCase> cases = TRY(read_all(options));
  if (options.list) {
    for (const TestCase& test : cases) fmt::print("{}\n", test.id);
    return 0;
  }
  KnownFailures known;
  if (!options.known_failures.empty()) known = TRY(read_known_failures(options.known_failures));
  const std::vector<CaseReport> reports = TRY(run_all(cases, options.jobs, make_engine));
  const Totals totals = count(reports, known);
  TRY(print_and_write(reports, known, options, totals));
  return totals.is_success() ? 0 : 1;
}

}  // namespace

int run_test_command(int argc, const char* const* argv, const MakeCaseEngine& make_engine) {
  Options options;
  CLI::App app("", "millrace test");
  declare(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsageError;
  }
  // many cases contain records that fail, and warnings about them are expected
  set_log_level(LogLevel::Error);
  const Result<int> status = run(options, make_engine);
  if (status) return *status;
  fmt::print(stderr, "millrace test: {}\n", status.error().message);
  return kUsageError;
}

}  // namespace engine
