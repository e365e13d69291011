#include "server/node/data_commands.h"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <functional>
#include <string>

#include "base/memory_budget.h"
#include "engine/exec/journal.h"
#include "server/metadata/definition_command.h"
#include "server/node/command_line.h"
#include "storage/files/backup.h"
#include "storage/files/check.h"
#include "storage/kv/bus_error.h"

namespace server {

namespace {

// Exit statuses: 1 means damaged data, and 2 that the check itself has failed, as in grep and fsck.
constexpr int kCommandFailed = 1, kNotChecked = 2;
constexpr const char *kDefaultDataDir = "./millrace-data", *kDataDirFlag = "--data-dir",
                     *kFromFlag = "--from";

int report_error(const Error& error) {
  fmt::print(stderr, "error: {}\n", error.message);
  if (!error.detail.empty()) fmt::print(stderr, "detail: {}\n", error.detail);
  if (!error.hint.empty()) fmt::print(stderr, "hint: {}\n", error.hint);
  return kCommandFailed;
}

// Parses the command line, then runs the command.
int run(CLI::App& app, int argc, const char* const* argv, const std::function<int()>& command) {
  app.name(fmt::format("millrace {}", argv[0]));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return exit_status(app, error);
  }
  return command();
}

void add_data_dir(CLI::App& app, std::string& data_dir) {
  app.add_option(kDataDirFlag, data_dir, "directory of the log and the state")
      ->envname("MILLRACE_DATA_DIR")
      ->type_name("PATH")
      ->capture_default_str();
}

// --- check

// The lines that a child process writes: a letter and a text. Files are read in a child process, because a damaged page
// can make LMDB read any address and crash.
enum Line : char {
  kBegins = 'B',
  kDamage = 'D',
  kCounts = 'C',
  kError = 'E',
  kRefused = 'R',  // the data cannot be checked, but may be intact
  kHint = 'H'      // a hint for the refusal in the line before
};

// Returns whether the error concerns the program and its user, not the data.
bool is_refusal(ErrorCode code) {
  return code == ErrorCode::NotSupported || code == ErrorCode::InsufficientPrivilege;
}

std::string counts_text(const storage::CheckCounts& counts) {
  return fmt::format(
      "{} partitions, {} batches with {} records, {} tasks, {} journal entries, {} stores with {} "
      "entries, {} definitions",
      counts.partitions, counts.batches, counts.records, counts.tasks, counts.journal_entries,
      counts.stores, counts.state_entries, counts.definitions);
}

void check_as_child(const std::string& data_dir, std::FILE* to) {
  const auto tell = [to](char kind, std::string text) {
    std::ranges::replace(text, '\n', ' ');
    fmt::print(to, "{}{}\n", kind, text);
    std::fflush(to);
  };
  const storage::CheckOptions options{
      .read_journal = [](std::string_view bytes) -> Status {
        TRY(engine::decode_journal(bytes));
        return {};
      },
      .read_definition = [](std::string_view bytes) -> Status {
        TRY(decode_definition(bytes));
        return {};
      },
      .begins = [&](std::string_view place) { tell(kBegins, std::string(place)); },
      .found =
          [&](const storage::Damage& damage) {
            tell(kDamage, fmt::format("{}: {}", damage.place, damage.problem));
          }};
  tell(kBegins, "the files");
  auto data = storage::open_data_snapshot(data_dir);
  const auto counts = data ? storage::check_data(*data, options)
                           : Result<storage::CheckCounts>(std::move(data).error());
  if (counts) return tell(kCounts, counts_text(*counts));
  const Error& error = counts.error();
  tell(is_refusal(error.code) ? kRefused : kError,
       error.detail.empty() ? error.message : fmt::format("{} ({})", error.message, error.detail));
  if (is_refusal(error.code) && !error.hint.empty()) tell(kHint, error.hint);
}

// Fails if neither data file exists: both are rarely lost together, so the directory name is
// probably wrong.
Status expect_data_in(const std::string& directory, std::string_view flag) {
  std::error_code ignored;
  for (const char* file : {storage::kLogFile, storage::kStateFile})
    if (std::filesystem::exists(directory + "/" + file, ignored)) return {};
  const bool exists = std::filesystem::is_directory(directory, ignored);
  return Error{
      .code = ErrorCode::UndefinedObject,
      .message = exists ? fmt::format("{} is not a data directory", directory)
                        : fmt::format("the data directory {} does not exist", directory),
      .detail =
          exists ? fmt::format("It has neither {} nor {}.", storage::kLogFile, storage::kStateFile)
                 : "",
      .hint = flag == kDataDirFlag
                  ? "Name the server's data directory with --data-dir or MILLRACE_DATA_DIR."
                  : fmt::format("Name the directory of a backup with {}.", flag)};
}

int check_data_dir(const std::string& data_dir) {
  if (const Status found = expect_data_in(data_dir, kDataDirFlag); !found) {
    report_error(found.error());
    return kNotChecked;
  }
  int ends[2];
  if (::pipe(ends) != 0) return report_error({ErrorCode::Internal, "cannot create a pipe"});
  const pid_t child = ::fork();
  if (child < 0) return report_error({ErrorCode::Internal, "cannot create a process"});
  if (child == 0) {
    ::close(ends[0]);
    // LMDB's assertions print internal details to stderr, so it is redirected.
    [[maybe_unused]] const auto* silent = std::freopen("/dev/null", "w", stderr);
    check_as_child(data_dir, ::fdopen(ends[1], "w"));
    std::_Exit(0);
  }
  ::close(ends[1]);
  std::string place, counts, refusal, hint;
  int damages = 0;
  const auto damaged = [&](std::string_view text) {
    fmt::print("damaged: {}\n", text);
    ++damages;
  };
  std::FILE* from = ::fdopen(ends[0], "r");
  char* line = nullptr;
  size_t room = 0;
  for (ssize_t size = 0; (size = ::getline(&line, &room, from)) > 0;) {
    const std::string_view text(line + 1, static_cast<size_t>(size) - 2);
    if (line[0] == kBegins) place = text;
    if (line[0] == kDamage) damaged(text);
    if (line[0] == kCounts) counts = text;
    if (line[0] == kError) damaged(fmt::format("{}: {}", place, text));
    if (line[0] == kRefused) refusal = fmt::format("{}: {}", place, text);
    if (line[0] == kHint) hint = text;
  }
  std::free(line);
  std::fclose(from);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFSIGNALED(status))
    damaged(fmt::format("{}: reading it caused a fault ({}), its pages are damaged", place,
                        ::strsignal(WTERMSIG(status))));
  if (!counts.empty()) fmt::print("checked {}\n", counts);
  if (!refusal.empty()) {
    fmt::print("not checked: {}\n", refusal);
    if (!hint.empty()) fmt::print("hint: {}\n", hint);
    if (damages == 0) return kNotChecked;
  }
  if (damages == 0) {
    fmt::print("no damage found\n");
    return 0;
  }
  fmt::print("{} {} found\n", damages, damages == 1 ? "damage" : "damages");
  return kCommandFailed;
}

// --- backup and restore

// Shows the progress of a copy: one changing line on a terminal, otherwise a line every few seconds.
class CopyProgress {
 public:
  ~CopyProgress() {
    constexpr const char* kClearLine = "\r\x1b[K";
    if (is_terminal_ && is_shown_) fmt::print(stderr, kClearLine);
  }
  void show(uint64_t bytes, uint64_t all_bytes) {
    constexpr std::chrono::milliseconds kTerminalPause(200), kLinePause(5'000);
    const auto now = Steady::now();
    const bool is_first = is_terminal_ && !is_shown_;
    if (!is_first && now - shown_at_ < (is_terminal_ ? kTerminalPause : kLinePause)) return;
    shown_at_ = now;
    is_shown_ = true;
    const std::string text = fmt::format("copied {} of about {}", format_bytes(bytes),
                                         format_bytes(std::max(bytes, all_bytes)));
    if (is_terminal_)
      fmt::print(stderr, "\r{:<50}", text);
    else
      fmt::print(stderr, "{}\n", text);
    std::fflush(stderr);
  }

 private:
  using Steady = std::chrono::steady_clock;
  const bool is_terminal_ = ::isatty(STDERR_FILENO) != 0;
  bool is_shown_ = false;
  Steady::time_point shown_at_ = Steady::now();
};

int copy_data(const std::string& from, std::string_view from_flag, const std::string& to,
              std::string_view done) {
  if (const Status found = expect_data_in(from, from_flag); !found)
    return report_error(found.error());
  storage::report_bus_errors();  // reports a damaged page as an error
  const auto begun = std::chrono::steady_clock::now();
  uint64_t bytes = 0;
  const auto copy = [&] {
    CopyProgress progress;
    return storage::backup_data(from, to, {.copied = [&](uint64_t now, uint64_t all_bytes) {
                                  bytes = now;
                                  progress.show(now, all_bytes);
                                }});
  };
  if (const Status copied = copy(); !copied) return report_error(copied.error());
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begun;
  fmt::print("{} {} to {}: {:.1f} MB in {:.1f} s\n", done, from, to,
             static_cast<double>(bytes) / 1e6, seconds.count());
  return 0;
}

}  // namespace

int run_check_command(int argc, const char* const* argv) {
  CLI::App app(
      "Reads all of a data directory, also while a server uses it, and lists all damage. Exit "
      "status: 0 no damage, 1 damage, 2 the directory could not be checked.");
  std::string data_dir = kDefaultDataDir;
  add_data_dir(app, data_dir);
  return run(app, argc, argv, [&] { return check_data_dir(data_dir); });
}

int run_backup_command(int argc, const char* const* argv) {
  CLI::App app(
      "Copies a data directory as of one moment, also while a server uses it. The copy contains "
      "everything that was acknowledged before. It is smaller than the original, because it has no "
      "free space.");
  std::string data_dir = kDefaultDataDir, to;
  add_data_dir(app, data_dir);
  app.add_option("--to", to, "directory of the copy, created unless it exists and is empty")
      ->type_name("PATH")
      ->required();
  return run(app, argc, argv, [&] { return copy_data(data_dir, kDataDirFlag, to, "backed up"); });
}

int run_restore_command(int argc, const char* const* argv) {
  CLI::App app(
      "Creates a data directory from a backup. A server that starts on it continues from the "
      "moment of the backup.");
  std::string data_dir = kDefaultDataDir, from;
  add_data_dir(app, data_dir);
  app.add_option(kFromFlag, from, "directory of the backup")->type_name("PATH")->required();
  return run(app, argc, argv, [&] { return copy_data(from, kFromFlag, data_dir, "restored"); });
}

}  // namespace server
