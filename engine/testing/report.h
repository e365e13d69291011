// Reports the result of a run of test cases: lines for people, a JUnit file for machines, and the list of cases that
// are known to fail.
#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/testing/run_case.h"

namespace engine {

struct CaseReport {
  std::string id, file;
  CaseResult result;
};

// The reasons why cases are known to fail, by the id of the case.
using KnownFailures = std::map<std::string, std::string>;
// Reads the list. It has sections: a line in brackets with a reason, and below it the ids to which
// the reason applies, one per line. Blank lines and lines that begin with '#' are ignored. Fails if
// an id has no reason.
Result<KnownFailures> read_known_failures(const std::filesystem::path& path);
// Writes the list of failed cases with the reasons of `known`. The other cases get a placeholder.
Status write_known_failures(const std::filesystem::path& path,
                            const std::vector<CaseReport>& reports, const KnownFailures& known);

struct Totals {
  size_t passed = 0, failed = 0, skipped = 0;
  size_t known = 0;                        // failures that are on the list of known failures
  std::vector<std::string> no_more_known;  // cases that passed although they are on the list
  std::map<std::string, size_t> known_by_reason;
  // Returns a text such as "12 passed, 0 failed, 3 skipped". Known failures count as skipped.
  std::string line() const;
  bool is_success() const { return failed == 0 && no_more_known.empty(); }
};

// Counts the cases. Several cases with the same id share one entry in the list; the id passes if
// all of them pass.
Totals count(const std::vector<CaseReport>& reports, const KnownFailures& known);

Status write_junit(const std::filesystem::path& path, const std::vector<CaseReport>& reports,
                   const KnownFailures& known);

}  // namespace engine
