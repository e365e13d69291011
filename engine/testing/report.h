// The result of a run of test cases: lines for people, a JUnit file for machines, and the list of
// cases that are known to fail.
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

// The reason of each known failure, by id.
using KnownFailures = std::map<std::string, std::string>;
// Sections of ids, one per line, below their common reason, which is a line in brackets. Blank lines and lines that
// begin with '#' are ignored. Fails for an id without a reason.
Result<KnownFailures> read_known_failures(const std::filesystem::path& path);
// Writes the list with the reasons of `known`; other cases get a placeholder.
Status write_known_failures(const std::filesystem::path& path,
                            const std::vector<CaseReport>& reports, const KnownFailures& known);

struct Totals {
  size_t passed = 0, failed = 0, skipped = 0;
  size_t known = 0;                        // failures on the list
  std::vector<std::string> no_more_known;  // on the list, but passing
  std::map<std::string, size_t> known_by_reason;
  // "12 passed, 0 failed, 3 skipped"; known failures are among the skipped.
  std::string line() const;
  bool is_success() const { return failed == 0 && no_more_known.empty(); }
};

// Cases with the same id count as one on the list; the id passes if all of them pass.
Totals count(const std::vector<CaseReport>& reports, const KnownFailures& known);

Status write_junit(const std::filesystem::path& path, const std::vector<CaseReport>& reports,
                   const KnownFailures& known);

}  // namespace engine
