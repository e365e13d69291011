#include "client/contexts/local_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <vector>

#include "client/user_folder.h"

namespace client {

namespace {

constexpr useconds_t kLookUs = 50'000;
// The program checks for one minute whether the server has ended, because a server first writes its
// state.
constexpr int kMostLooksForEnd = 1200;

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string free_address(uint16_t usual_port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(usual_port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool is_free = bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return fmt::format("127.0.0.1:{}", is_free ? usual_port : 0);
}

// Runs in the child process. setsid() makes a new session, so that Ctrl-C at this terminal does not
// end the server.
[[noreturn]] void become_server(const std::vector<std::string>& arguments,
                                const std::string& output, const std::string& log) {
  setsid();
  const int in = open("/dev/null", O_RDONLY);
  const int out = open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  const int err = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  dup2(in, STDIN_FILENO);
  dup2(out, STDOUT_FILENO);
  dup2(err, STDERR_FILENO);
  std::vector<char*> words;
  for (const std::string& argument : arguments)
    words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  execv("/proc/self/exe", words.data());
  _exit(127);
}

// Returns the addresses of the listeners by name, from lines such as "pg listening on 127.0.0.1:7432".
std::map<std::string, std::string> listeners(const std::string& output) {
  std::map<std::string, std::string> found;
  std::stringstream lines(output);
  for (std::string line; std::getline(lines, line);)
    if (const size_t middle = line.find(" listening on "); middle != line.npos)
      found[line.substr(0, middle)] = line.substr(middle + std::strlen(" listening on "));
  return found;
}

bool is_ready(const std::string& output) {
  return output.starts_with("ready\n") || output.find("\nready\n") != output.npos;
}

// Waits until the server prints "ready", or until its process ends. There is no time limit, because
// recovery of a server may take long.
Status wait_until_ready(pid_t process, const std::string& output, const std::string& log) {
  while (!is_ready(read_file(output))) {
    if (waitpid(process, nullptr, WNOHANG) == process) {
      std::string reason = read_file(log);
      if (reason.ends_with('\n')) reason.pop_back();
      return Error{ErrorCode::StorageFailure, "the server ended before it was ready",
                   reason.substr(reason.rfind('\n') + 1), fmt::format("Its log is {}.", log)};
    }
    usleep(kLookUs);
  }
  return {};
}

}  // namespace

Status start_server(Context& context) {
  const std::string& folder = context.data_dir;
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error)
    return Error{ErrorCode::StorageFailure,
                 fmt::format("cannot make {}: {}", folder, error.message())};
  const std::string access = folder + "/access.conf", password = folder + "/superuser-password",
                    output = folder + "/output", log = folder + "/log";
  TRY(write_private_file(access, "host all all 127.0.0.1/32 scram-sha-256\n"));
  TRY(write_private_file(password, context.password + '\n'));
  TRY(write_private_file(output, ""));
  if (context.kafka.empty()) {
    context.kafka = free_address(9092);
    context.sql = free_address(7432);
    context.http = free_address(8088);
  }
  const std::vector<std::string> arguments = {
      "millrace",      "server", "--data-dir",  folder + "/data", "--kafka",
      context.kafka,   "--pg",   context.sql,   "--http",         context.http,
      "--access-file", access,   "--superuser", context.user,     "--superuser-password-file",
      password};
  const pid_t process = fork();
  if (process < 0)
    return Error{ErrorCode::StorageFailure,
                 fmt::format("cannot start a process: {}", std::strerror(errno))};
  if (process == 0) become_server(arguments, output, log);
  TRY(wait_until_ready(process, output, log));
  std::map<std::string, std::string> found = listeners(read_file(output));
  context.kafka = found["kafka"];
  context.sql = found["pg"];
  context.http = found["http"];
  context.process = process;
  return {};
}

// The command line of the process is checked, too, because the process id may belong to another
// program by now.
bool is_running(const Context& context) {
  if (context.process <= 0 || context.data_dir.empty()) return false;
  const std::string words = read_file(fmt::format("/proc/{}/cmdline", context.process));
  return words.find(context.data_dir + "/data") != words.npos;
}

Status stop_server(Context& context) {
  if (!is_running(context)) return {};
  const auto process = static_cast<pid_t>(context.process);
  kill(process, SIGTERM);
  for (int looks = 0; is_running(context); ++looks) {
    waitpid(process, nullptr, WNOHANG);  // ends the zombie if this program started the server
    if (looks == kMostLooksForEnd)
      return Error{ErrorCode::NetworkFailure,
                   fmt::format("the server (process {}) has not ended yet", process),
                   {},
                   "It still writes what it holds. Try again."};
    usleep(kLookUs);
  }
  context.process = 0;
  return {};
}

}  // namespace client
