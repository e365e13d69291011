#include <fmt/format.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

#include "base/log.h"
#include "server/node/heap.h"
#include "server/node/node.h"
#include "storage/kv/bus_error.h"

namespace server {

namespace {

void set_level(const std::string& name) {
  set_log_level(name == "debug"   ? LogLevel::Debug
                : name == "warn"  ? LogLevel::Warn
                : name == "error" ? LogLevel::Error
                                  : LogLevel::Info);
}

// Raises the limit of open files. Each connection is an open file; shells limit a program to 1024 open files unless it
// raises the limit.
void raise_file_limit() {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == files.rlim_max) return;
  files.rlim_cur = files.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &files) != 0) log_warn("cannot raise the number of open files");
}

// Handles SIGTERM and SIGINT from the beginning of the start, which may take long, until the
// process ends. Its thread is never joined, since nothing uses its result.

class StopSignals {
 public:
  // Begins to handle the signals. Call it before any other thread exists, so that all threads
  // inherit the blocked signals.
  void begin() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    std::thread([this, signals] { take(signals); }).detach();
  }
  const std::atomic<bool>& is_requested() const { return is_requested_; }
  // Sets the handler of SIGHUP; the signal is ignored before that.
  void on_reload(std::function<void()> reload) {
    std::lock_guard lock(mutex_);
    reload_ = std::move(reload);
  }
  void wait() {
    std::unique_lock lock(mutex_);
    requested_.wait(lock, [&] { return is_requested_.load(); });
  }

 private:
  void reload() {
    std::lock_guard lock(mutex_);
    if (reload_) reload_();
  }
  void take(sigset_t signals) {
    for (int count = 1;; ++count) {
      int signal = 0;
      sigwait(&signals, &signal);
      if (signal == SIGHUP) {
        reload();
        --count;
        continue;
      }
      // A second signal ends the process immediately. This loses no data, just as a crash loses none.
      if (count > 1) std::_Exit(128 + signal);
      log_info("stopping signal={}", signal);
      std::lock_guard lock(mutex_);
      is_requested_ = true;
      requested_.notify_all();
    }
  }
  std::mutex mutex_;
  std::condition_variable requested_;
  std::atomic<bool> is_requested_ = false;
  std::function<void()> reload_;
};
// This object is never destroyed: its thread may be handling a signal while main() ends.
StopSignals& stop_signals = *new StopSignals;

int report(const Error& error) {
  fmt::print(stderr, "error: {}\n", error.message);
  if (!error.detail.empty()) fmt::print(stderr, "detail: {}\n", error.detail);
  if (!error.hint.empty()) fmt::print(stderr, "hint: {}\n", error.hint);
  return 1;
}

// Starts the node, and waits some seconds for the lock on the data directory. After a kill, the old process holds this
// lock until the kernel has freed its memory, which may take seconds.
Result<std::unique_ptr<Node>> start_node(const NodeSettings& settings) {
  constexpr std::chrono::seconds kPatience(5);
  constexpr std::chrono::milliseconds kPause(50);
  const auto give_up_at = std::chrono::steady_clock::now() + kPatience;
  for (bool has_logged = false;; std::this_thread::sleep_for(kPause)) {
    Result<std::unique_ptr<Node>> node = Node::start(settings, stop_signals.is_requested());
    if (node || node.error().code != ErrorCode::StorageInUse ||
        std::chrono::steady_clock::now() >= give_up_at)
      return node;
    if (stop_signals.is_requested()) return Error{ErrorCode::ShuttingDown, "stopped while waiting"};
    if (!std::exchange(has_logged, true))
      log_info("the data directory is in use, waiting until it is released max_s={}",
               kPatience.count());
  }
}

}  // namespace

int run_server_command(int argc, const char* const* argv) {
  const ServerArguments arguments = read_server_arguments(argc, argv);
  if (arguments.is_over) return arguments.exit_code;
  set_level(arguments.settings.log_level);
  if (!arguments.unknown_variables.empty())
    log_warn("unknown variables are ignored names=\"{}\"",
             fmt::join(arguments.unknown_variables, ", "));
  raise_file_limit();
  std::signal(SIGPIPE, SIG_IGN);
  storage::report_bus_errors();
  stop_signals.begin();
  tune_heap();

  Result<std::unique_ptr<Node>> node = start_node(arguments.settings);
  if (!node && node.error().code == ErrorCode::ShuttingDown) return 0;
  if (!node) return report(node.error());
  const NodeStart& started = (*node)->started();
  fmt::print("pg listening on {}\n", (*node)->pg_address().to_string());
  for (const Address& address : (*node)->kafka_addresses())
    fmt::print("kafka listening on {}\n", address.to_string());
  if (const auto http = (*node)->http_address())
    fmt::print("http listening on {}\n", http->to_string());
  if (const std::string console = (*node)->console_url(); !console.empty())
    fmt::print("console at {}\n", console);
  if (const auto registry = (*node)->registry_address())
    fmt::print("registry listening on {}\n", registry->to_string());
  if (const auto connect = (*node)->connect_address())
    fmt::print("connect listening on {}\n", connect->to_string());
  if (const auto nodes = (*node)->nodes_address())
    fmt::print("nodes listening on {}\n", nodes->to_string());
  if (!started.is_new)
    fmt::print("recovered {} records, {} queries, {} table rows in {:.2f} s; nothing to repeat\n",
               started.records, started.queries, started.table_rows, started.seconds);
  fmt::print("ready\n");
  std::fflush(stdout);

  stop_signals.on_reload([&] { (*node)->reload_access(); });
  stop_signals.wait();
  stop_signals.on_reload({});
  node->reset();
  return 0;
}

}  // namespace server
