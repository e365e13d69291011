#include "storage/kv/crash_point.h"

#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <string_view>

namespace storage {

namespace {

struct CrashPlan {
  std::string_view name;
  std::atomic<int64_t> passages_left = 1;

  CrashPlan() {
    const char* setting = std::getenv("MILLRACE_CRASH_POINT");
    if (setting == nullptr) return;
    name = setting;
    const size_t colon = name.find(':');
    if (colon == name.npos) return;
    const std::string_view count = name.substr(colon + 1);
    name = name.substr(0, colon);
    int64_t passages = 1;
    std::from_chars(count.data(), count.data() + count.size(), passages);
    passages_left = passages;
  }
};

std::string_view name_of(CrashPoint point) {
  switch (point) {
    case CrashPoint::BeforeLogCommit:
      return "before-log-commit";
    case CrashPoint::AfterCommitJournal:
      return "after-commit-journal";
    case CrashPoint::BeforeAcknowledgement:
      return "before-acknowledgement";
    case CrashPoint::BetweenCheckpointChunks:
      return "between-checkpoint-chunks";
    case CrashPoint::BeforeJournalTrim:
      return "before-journal-trim";
    case CrashPoint::AfterJoinBegan:
      return "after-join-began";
    case CrashPoint::AfterFounding:
      return "after-founding";
    case CrashPoint::BeforeJoinEnds:
      return "before-join-ends";
  }
  return "";
}

}  // namespace

void pass(CrashPoint point) {
  static CrashPlan plan;
  if (plan.name.empty() || plan.name != name_of(point)) return;
  if (plan.passages_left.fetch_sub(1) == 1) std::raise(SIGKILL);
}

}  // namespace storage
