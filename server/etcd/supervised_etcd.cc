#include "server/etcd/supervised_etcd.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string_view>

#include "base/log.h"
#include "server/etcd/rejoin_etcd.h"

namespace server {

namespace {

constexpr int64_t kFirstPauseMs = 500, kLongestPauseMs = 10'000;
// If etcd has run for this time, the pause before its next start is reset to the shortest pause, because the new
// failure is unrelated to the previous ones.
constexpr std::chrono::seconds kRunsWell(30);
constexpr std::chrono::seconds kPatience(5);  // time from SIGTERM to SIGKILL

std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return ::access(name.c_str(), X_OK) == 0 ? name : "";
  const char* path = std::getenv("PATH");
  // /usr/bin is searched, too, because Debian's packages install etcd there, and the PATH of a service may be
  // empty.
  std::string rest = fmt::format("{}:/usr/bin", path ? path : "");
  while (!rest.empty()) {
    const size_t end = rest.find(':');
    const std::string candidate = fmt::format("{}/{}", rest.substr(0, end), name);
    if (candidate.front() == '/' && ::access(candidate.c_str(), X_OK) == 0 &&
        candidate.size() > name.size() + 1)
      return candidate;
    rest.erase(0, end == std::string::npos ? rest.size() : end + 1);
  }
  return {};
}

// Returns the environment of this process without etcd's variables, which would conflict with
// etcd's flags.
std::vector<char*> environment() {
  std::vector<char*> variables;
  for (char** each = environ; *each; ++each)
    if (!std::string_view(*each).starts_with("ETCD_")) variables.push_back(*each);
  variables.push_back(nullptr);
  return variables;
}

std::string how_it_ended(const siginfo_t& info) {
  return info.si_code == CLD_EXITED ? fmt::format("status {}", info.si_status)
                                    : fmt::format("signal {}", info.si_status);
}

}  // namespace

std::vector<std::string> etcd_arguments(const SupervisedEtcdOptions& options, bool is_new_cluster) {
  const SupervisedEtcdOptions::Member& self = options.members[options.self];
  std::string all;
  for (const auto& each : options.members)
    all += fmt::format("{}{}={}", all.empty() ? "" : ",", each.name, each.peers);
  std::vector<std::string> arguments = {"--name",
                                        self.name,
                                        "--data-dir",
                                        options.data_dir,
                                        "--listen-peer-urls",
                                        options.listen_peers,
                                        "--initial-advertise-peer-urls",
                                        self.peers,
                                        "--listen-client-urls",
                                        options.listen_clients,
                                        "--advertise-client-urls",
                                        self.clients,
                                        "--initial-cluster",
                                        all,
                                        "--initial-cluster-token",
                                        options.token,
                                        "--initial-cluster-state",
                                        is_new_cluster ? "new" : "existing",
                                        "--logger",
                                        "zap",
                                        "--log-level",
                                        "error"};
  if (!options.tls.certificate.empty())
    for (const auto& [flag, file] : {std::pair("--peer-cert-file", options.tls.certificate),
                                     std::pair("--peer-key-file", options.tls.key),
                                     std::pair("--peer-trusted-ca-file", options.tls.authority)}) {
      arguments.emplace_back(flag);
      arguments.push_back(file);
    }
  if (!options.tls.certificate.empty()) arguments.emplace_back("--peer-client-cert-auth");
  return arguments;
}

Result<std::unique_ptr<SupervisedEtcd>> SupervisedEtcd::start(SupervisedEtcdOptions options) {
  std::string program = find_program(options.program);
  if (program.empty())
    return Error{ErrorCode::NotSupported,
                 fmt::format("program {} not found", options.program),
                 {},
                 "Install Debian's etcd-server, or name a running etcd: --etcd URL,..."};
  std::error_code error;
  std::filesystem::create_directories(options.data_dir, error);
  // etcd refuses a directory that other users can read, so only the owner gets access.
  if (!error)
    std::filesystem::permissions(options.data_dir, std::filesystem::perms::owner_all, error);
  if (error)
    return Error{ErrorCode::StorageFailure, fmt::format("cannot create etcd's directory {}: {}",
                                                        options.data_dir, error.message())};
  return std::unique_ptr<SupervisedEtcd>(
      new SupervisedEtcd(std::move(program), std::move(options)));
}

SupervisedEtcd::SupervisedEtcd(std::string program, SupervisedEtcdOptions options)
    : program_(std::move(program)), options_(std::move(options)), thread_([this] { run(); }) {}

void SupervisedEtcd::let_come() {
  const std::lock_guard lock(mutex_);
  may_come_ = true;
  changed_.notify_all();
}

SupervisedEtcd::~SupervisedEtcd() {
  {
    std::unique_lock lock(mutex_);
    is_stopping_ = true;
    if (child_ != 0) ::kill(child_, SIGTERM);
    changed_.notify_all();
    if (!changed_.wait_for(lock, kPatience, [&] { return is_over_; }) && child_ != 0) {
      log_warn("etcd does not stop and is killed pid={}", child_);
      ::kill(child_, SIGKILL);
    }
  }
  thread_.join();
}

void SupervisedEtcd::run() {
  int64_t pause_ms = kFirstPauseMs;
  // Even if this member has no data, it may have been a member of an existing etcd before. So the other members are
  // asked.
  const auto first = has_data() ? std::optional(true) : find_place(pause_ms);
  for (bool is_new_cluster = first.value_or(true); first;) {
    const auto began = std::chrono::steady_clock::now();
    spawn(etcd_arguments(options_, is_new_cluster));
    const std::string how = await_end();
    if (std::chrono::steady_clock::now() - began > kRunsWell) pause_ms = kFirstPauseMs;
    {
      std::lock_guard lock(mutex_);
      if (is_stopping_) break;
    }
    log_warn("etcd has ended and is restarted how=\"{}\" pause_ms={}", how, pause_ms);
    if (!pause(pause_ms)) break;
    pause_ms = std::min(pause_ms * 2, kLongestPauseMs);
    if (has_data()) continue;  // the data determine to which cluster the member belongs
    const auto found = find_place(pause_ms);
    if (!found) break;
    is_new_cluster = *found;
  }
  std::lock_guard lock(mutex_);
  is_over_ = true;
  changed_.notify_all();
}

bool SupervisedEtcd::has_data() const {
  // An error counts as if data existed, so that existing data are never ignored.
  std::error_code error;
  return std::filesystem::exists(std::filesystem::path(options_.data_dir) / "member" / "wal",
                                 error) ||
         error;
}

std::optional<bool> SupervisedEtcd::find_place(int64_t& pause_ms) {
  std::vector<EtcdPlace> others;
  const SupervisedEtcdOptions::Member& self = options_.members[options_.self];
  // With certificates, the other members accept clients only on their own machines. Their addresses
  // for clients then lead to this machine, where only an unrelated process could answer, so no
  // member is asked.
  for (const auto& each : options_.members)
    if (options_.tls.certificate.empty() && each.clients != self.clients)
      others.push_back({each.clients, each.peers});
  while (true) {
    EtcdNewcomer newcomer{self.name, self.peers};
    {
      const std::lock_guard lock(mutex_);
      newcomer.may_come = may_come_;
    }
    const Result<EtcdBegin> begin = rejoin_etcd(others, newcomer);
    // No other member answers, so this member starts as a member of a new cluster.
    if (!begin) return true;
    if (*begin != EtcdBegin::NotYet) return *begin == EtcdBegin::AsNew;
    if (!pause(pause_ms)) return std::nullopt;
    pause_ms = std::min(pause_ms * 2, kLongestPauseMs);
  }
}

void SupervisedEtcd::spawn(const std::vector<std::string>& arguments) {
  // All memory is allocated before the fork, because other threads may hold the allocator's locks.
  std::vector<char*> words = {const_cast<char*>(program_.c_str())};
  for (const std::string& each : arguments) words.push_back(const_cast<char*>(each.c_str()));
  words.push_back(nullptr);
  const std::vector<char*> variables = environment();
  const pid_t parent = ::getpid();
  std::lock_guard lock(mutex_);
  if (is_stopping_) return;
  const pid_t child = ::fork();
  if (child < 0) {
    log_warn("cannot start etcd error=\"{}\"", std::strerror(errno));
    return;
  }
  if (child > 0) {
    child_ = child;
    log_info("etcd was started pid={}", child);
    return;
  }
  // The child process makes only calls that are safe between fork and exec. The kernel sends it
  // SIGTERM when the thread that forked ends. The forking thread lives as long as the
  // SupervisedEtcd object, so etcd is ended only when the object or the process ends.
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(127);
  ::setpgid(0, 0);
  sigset_t none;
  ::sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  // the output goes to stderr, since programs read this server's address from its stdout
  ::dup2(STDERR_FILENO, STDOUT_FILENO);
  const int nothing = ::open("/dev/null", O_RDONLY);
  if (nothing >= 0) ::dup2(nothing, STDIN_FILENO);
  ::close_range(STDERR_FILENO + 1, ~0U, 0);
  ::execve(program_.c_str(), words.data(), variables.data());
  ::_exit(127);
}

std::string SupervisedEtcd::await_end() {
  pid_t child = 0;
  {
    std::lock_guard lock(mutex_);
    child = child_;
  }
  if (child == 0) return "it could not be started";
  siginfo_t info{};
  // WNOWAIT keeps the pid reserved until waitpid() below, so that no other process gets a signal
  // for it.
  while (::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT) != 0 &&
         errno == EINTR) {
  }
  std::lock_guard lock(mutex_);
  ::waitpid(child, nullptr, 0);
  child_ = 0;
  return how_it_ended(info);
}

bool SupervisedEtcd::pause(int64_t pause_ms) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::milliseconds(pause_ms), [&, could_come = may_come_] {
    return is_stopping_ || may_come_ != could_come;
  });
  return !is_stopping_;
}

}  // namespace server
