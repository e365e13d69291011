#include <fmt/format.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdio>

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

// Each connection is an open file; shells let programs have 1024, unless they ask for more.
void raise_file_limit() {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == files.rlim_max) return;
  files.rlim_cur = files.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &files) != 0) log_warn("cannot raise the number of open files");
}

int report(const Error& error) {
  fmt::print(stderr, "error: {}\n", error.message);
  if (!error.detail.empty()) fmt::print(stderr, "detail: {}\n", error.detail);
  if (!error.hint.empty()) fmt::print(stderr, "hint: {}\n", error.hint);
  return 1;
}

}  // namespace

int run_server_command(int argc, const char* const* argv) {
  const ServerArguments arguments = read_server_arguments(argc, argv);
  if (arguments.is_over) return arguments.exit_code;
  tune_heap(memory_limit_bytes(arguments.settings));
  set_level(arguments.settings.log_level);
  raise_file_limit();
  std::signal(SIGPIPE, SIG_IGN);
  storage::report_bus_errors();
  // Blocked before any thread is made, so that sigwait alone gets them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  Result<std::unique_ptr<Node>> node = Node::start(arguments.settings);
  if (!node) return report(node.error());
  const NodeStart& started = (*node)->started();
  fmt::print("pg listening on {}\n", (*node)->pg_address().to_string());
  fmt::print("kafka listening on {}\n", (*node)->kafka_address().to_string());
  if (!started.is_new)
    fmt::print("recovered {} records, {} queries, {} table rows in {:.2f} s; nothing to repeat\n",
               started.records, started.queries, started.table_rows, started.seconds);
  fmt::print("ready\n");
  std::fflush(stdout);

  HeapTrimmer heap((*node)->memory());
  const timespec second{1, 0};
  int signal = 0;
  while ((signal = sigtimedwait(&signals, nullptr, &second)) < 0) heap.look();
  log_info("stopping signal={}", signal);
  node->reset();
  return 0;
}

}  // namespace server
