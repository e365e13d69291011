// What a run of test cases came to: lines for people, a JUnit file for machines, and the list of
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

// Why each of them fails, by id.
using KnownFailures = std::map<std::string, std::string>;
// Sections of ids, one a line, below the reason that they share: a line in brackets. Blank lines and lines
// that begin with '#' do not count. Fails on an id that has no reason.
Result<KnownFailures> read_known_failures(const std::filesystem::path& path);
// With the reasons of `known`; for the others somebody has yet to find one.
Status write_known_failures(const std::filesystem::path& path,
                            const std::vector<CaseReport>& reports, const KnownFailures& known);

struct Totals {
  size_t passed = 0, failed = 0, skipped = 0;
  size_t known = 0;                        // failures that are on the list
  std::vector<std::string> no_more_known;  // on the list, and they pass
  std::map<std::string, size_t> known_by_reason;
  // "12 passed, 0 failed, 3 skipped"; known failures are among the skipped.
  std::string line() const;
  bool is_success() const { return failed == 0 && no_more_known.empty(); }
};

// Repeated ids count as one for the list: it is passing when all of that id pass.
Totals count(const std::vector<CaseReport>& reports, const KnownFailures& known);

Status write_junit(const std::filesystem::path& path, const std::vector<CaseReport>& reports,
                   const KnownFailures& known);

}  // namespace engine
