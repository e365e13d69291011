#include "storage/kv/bus_error.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "storage/kv/page_fault.h"

namespace storage {

namespace {

// EX_SOFTWARE of sysexits.h; also the status after a commit with an unknown outcome.
constexpr int kExitStatus = 70;

// A fixed array, since a signal handler can neither lock nor allocate.
struct MappedFile {
  std::atomic<bool> is_taken = false;
  std::atomic<uintptr_t> begin = 0, end = 0;  // both 0: nothing to report
  char path[1024];
};
MappedFile mapped_files[16];

void write_text(const char* text) {
  if (::write(STDERR_FILENO, text, std::strlen(text)) < 0)
    return;  // stderr is closed, so no message can be written
}

struct sigaction action_before = {};  // the previous action of SIGSEGV

// Outside of a guarded call, a page of a data file cannot be the cause, so the signal shows a
// defect of the program. When the handler returns, the instruction runs again and raises the signal
// for the previous handler.
void on_segment_violation(int, siginfo_t*, void*) {
  leave_guarded_call();
  ::sigaction(SIGSEGV, &action_before, nullptr);
}

void on_bus_error(int, siginfo_t* info, void*) {
  leave_guarded_call();
  const auto address = reinterpret_cast<uintptr_t>(info->si_addr);
  const char* path = nullptr;
  for (const MappedFile& file : mapped_files)
    if (address >= file.begin && address < file.end) path = file.path;
  if (path == nullptr) {  // not a data file: a defect of the program, which must dump core
    std::signal(SIGBUS, SIG_DFL);
    return;
  }
  write_text("error the disk failed to read a page of the data file path=");
  write_text(path);
  write_text(" hint=\"check the disk and the length of the file, then start the server again\"\n");
  ::_exit(kExitStatus);
}

}  // namespace

void report_bus_errors() {
  struct sigaction action = {};
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;  // the handler may jump and never return
  ::sigaction(SIGBUS, &action, nullptr);
  action.sa_sigaction = on_segment_violation;
  ::sigaction(SIGSEGV, &action, &action_before);
}

constinit thread_local GuardedCall* guarded_call = nullptr;

void end_guarded_call(MDB_env*, const char*) { leave_guarded_call(); }

namespace {

struct AddressRange {
  uintptr_t begin = 0, end = 0;
};

// Reads the mapping from the system, since LMDB does not report where it has mapped its file.
AddressRange mapping_of(const std::string& path) {
  std::error_code failed;
  const std::string whole_path = std::filesystem::canonical(path, failed);
  std::ifstream maps("/proc/self/maps");
  for (std::string line; !failed && std::getline(maps, line);) {
    if (!line.ends_with(" " + whole_path)) continue;
    AddressRange range;
    const char* const end = line.data() + line.size();
    const auto begin_read = std::from_chars(line.data(), end, range.begin, 16);
    std::from_chars(begin_read.ptr + 1, end, range.end, 16);
    return range;
  }
  return {};
}

}  // namespace

int note_mapped_file(const std::string& path) {
  const AddressRange range = mapping_of(path);
  if (range.end == 0) return -1;
  int index = 0;
  for (MappedFile& file : mapped_files) {
    if (!file.is_taken.exchange(true)) {
      const size_t length = std::min(path.size(), sizeof file.path - 1);
      std::memcpy(file.path, path.data(), length);
      file.path[length] = '\0';
      file.begin = range.begin;
      file.end = range.end;
      return index;
    }
    ++index;
  }
  return -1;
}

std::pair<uintptr_t, uintptr_t> addresses_of(int noted) {
  if (noted < 0) return {0, 0};
  return {mapped_files[noted].begin, mapped_files[noted].end};
}

void forget_mapped_file(int noted) {
  if (noted < 0) return;
  MappedFile& file = mapped_files[noted];
  file.end = 0;
  file.begin = 0;
  file.is_taken = false;
}

}  // namespace storage
