#include "engine/testing/report.h"

#include <absl/strings/str_replace.h>
#include <fmt/format.h>

#include <fstream>
#include <set>

namespace engine {
namespace {

constexpr std::string_view kNoReason = "why?";

Error cannot(std::string_view what, const std::filesystem::path& path) {
  return Error{ErrorCode::InvalidParameter, fmt::format("cannot {} \"{}\"", what, path.string())};
}

std::string xml_text(std::string_view text) {
  std::string clean;
  for (const char c : text)  // the only other control character of XML 1.0 is \r
    if (static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t') clean += c;
  return absl::StrReplaceAll(clean,
                             {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}});
}

std::string junit_case(const CaseReport& report, const KnownFailures& known) {
  std::string text = fmt::format("    <testcase classname=\"{}\" name=\"{}\"",
                                 xml_text(report.file), xml_text(report.id));
  const bool is_known = known.contains(report.id);
  const std::string reason = xml_text(report.result.reason);
  if (report.result.verdict == Verdict::Passed) return text + "/>\n";
  if (report.result.verdict == Verdict::Skipped || is_known)
    return text + fmt::format("><skipped message=\"{}{}\"/></testcase>\n",
                              is_known ? "known: " : "", reason);
  return text + fmt::format("><failure message=\"{}\"/></testcase>\n", reason);
}

}  // namespace

Result<KnownFailures> read_known_failures(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file) return cannot("read", path);
  KnownFailures known;
  std::string reason;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.front() == '#') continue;
    if (line.front() == '[' && line.back() == ']') {
      reason = line.substr(1, line.size() - 2);
      continue;
    }
    if (reason.empty() || reason == kNoReason)
      return Error{ErrorCode::InvalidParameter,
                   fmt::format("\"{}\" gives no reason why {} fails", path.string(), line),
                   {},
                   "Put the name below a line with the reason in brackets."};
    known.emplace(line, reason);  // the whole line, because some names end in a blank
  }
  return known;
}

Status write_known_failures(const std::filesystem::path& path,
                            const std::vector<CaseReport>& reports, const KnownFailures& known) {
  std::map<std::string, std::set<std::string>> ids;  // ids by reason
  for (const CaseReport& report : reports) {
    if (report.result.verdict != Verdict::Failed) continue;
    const auto why = known.find(report.id);
    ids[why == known.end() ? std::string(kNoReason) : why->second].insert(report.id);
  }
  std::ofstream file(path);
  file << "# Cases that fail today, by reason. One that passes must be taken off the list.\n";
  for (const auto& [reason, its_ids] : ids) {
    file << "\n[" << reason << "]\n";
    for (const std::string& id : its_ids) file << id << "\n";
  }
  return file.good() ? Status() : cannot("write", path);
}

std::string Totals::line() const {
  return fmt::format("{} passed, {} failed, {} skipped", passed, failed, skipped + known);
}

Totals count(const std::vector<CaseReport>& reports, const KnownFailures& known) {
  Totals totals;
  std::set<std::string> passed, failed;
  for (const CaseReport& report : reports) {
    switch (report.result.verdict) {
      case Verdict::Passed:
        ++totals.passed;
        passed.insert(report.id);
        break;
      case Verdict::Skipped:
        ++totals.skipped;
        break;
      case Verdict::Failed:
        if (const auto why = known.find(report.id); why != known.end()) {
          ++totals.known;
          ++totals.known_by_reason[why->second];
        } else {
          ++totals.failed;
        }
        failed.insert(report.id);
        break;
    }
  }
  for (const auto& [id, reason] : known)
    if (passed.contains(id) && !failed.contains(id)) totals.no_more_known.push_back(id);
  return totals;
}

Status write_junit(const std::filesystem::path& path, const std::vector<CaseReport>& reports,
                   const KnownFailures& known) {
  const Totals totals = count(reports, known);
  std::ofstream file(path);
  file << "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
       << fmt::format(
              "  <testsuite name=\"millrace test\" tests=\"{}\" failures=\"{}\" "
              "skipped=\"{}\">\n",
              reports.size(), totals.failed, totals.skipped + totals.known);
  for (const CaseReport& report : reports) file << junit_case(report, known);
  file << "  </testsuite>\n</testsuites>\n";
  return file.good() ? Status() : cannot("write", path);
}

}  // namespace engine
