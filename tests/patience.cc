#include "tests/patience.h"

#include <execinfo.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string_view>
#include <utility>

namespace tests {
namespace {

constexpr double kCaseSeconds = 300;  // on an idle machine; the longest case takes about 10 s

// current_case and case_began are written between test cases, and read by the handler of SIGALRM.
char current_case[256];
time_t case_began = 0;
bool has_reacted = false;

void expire(int) {
  const auto limit = static_cast<time_t>(kCaseSeconds * load_per_core());
  const time_t took = time(nullptr) - case_began;
  if (took < limit) {  // the machine became busier, which raised the limit
    alarm(static_cast<unsigned>(limit - took));
    return;
  }
  if (std::exchange(has_reacted, true)) _exit(124);
  alarm(10);  // ends the program if the stack cannot be printed
  dprintf(STDERR_FILENO, "TIMED OUT  %s after %ld s\n", current_case, static_cast<long>(took));
  void* frames[64];
  backtrace_symbols_fd(frames, backtrace(frames, 64), STDERR_FILENO);
  _exit(124);
}

class CaseLimit : public testing::EmptyTestEventListener {
  void OnTestStart(const testing::TestInfo& info) override {
    snprintf(current_case, sizeof(current_case), "%s.%s", info.test_suite_name(), info.name());
    case_began = time(nullptr);
    alarm(static_cast<unsigned>(kCaseSeconds * load_per_core()));
  }
  void OnTestEnd(const testing::TestInfo&) override { alarm(0); }
};

}  // namespace

// A signal handler calls this function, so it must not allocate memory.
double load_per_core() {
  char text[128] = {};
  const int file = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
  if (file < 0) return 1;
  const ssize_t size = read(file, text, sizeof(text) - 1);
  close(file);
  if (size <= 0) return 1;
  // The text has the form "0.52 0.61 0.55 3/312 4711": three mean loads, then the number of running
  // threads.
  char* rest = text;
  const double mean = std::strtod(rest, &rest);
  std::strtod(rest, &rest);
  std::strtod(rest, &rest);
  const auto running = static_cast<double>(std::strtol(rest, nullptr, 10));
  const auto cores = static_cast<double>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
  return std::max(1.0, std::max(mean, running) / cores);
}

bool is_untimed_lane() {
  const char* const lane = std::getenv("MILLRACE_TEST_LANE");
  return lane && std::string_view(lane) == "untimed";
}

testing::AssertionResult took_less(std::chrono::nanoseconds took, std::chrono::nanoseconds bound) {
  if (is_untimed_lane()) return testing::AssertionSuccess();
  using Seconds = std::chrono::duration<double>;
  const double load = load_per_core();
  const double limit_s = Seconds(bound).count() * load;
  if (Seconds(took).count() < limit_s) return testing::AssertionSuccess();
  return testing::AssertionFailure()
         << "over its bound: " << Seconds(took).count() << " s, the bound is " << limit_s
         << " s at load " << load << " per core";
}

void limit_each_case() {
  void* frame = nullptr;
  // loads the library of backtrace() now, because a signal handler must not load a library
  backtrace(&frame, 1);
  std::signal(SIGALRM, expire);
  testing::UnitTest::GetInstance()->listeners().Append(new CaseLimit);
}

}  // namespace tests
