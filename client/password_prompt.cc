#include "client/password_prompt.h"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <tuple>

namespace client {

namespace {

constexpr char kCtrlC = 3;

Error no_password() {
  return {ErrorCode::InvalidParameter,
          "a password is needed, and no terminal exists to ask for it",
          {},
          "Set PGPASSWORD, or write it to ~/.pgpass."};
}

// Hides typed characters while the object exists. Meanwhile Ctrl-C is an ordinary character: as a
// signal it would end the program, and the terminal would stay without echo.
class HiddenInput {
 public:
  explicit HiddenInput(int fd) : fd_(fd), is_terminal_(tcgetattr(fd, &shown_) == 0) {
    if (!is_terminal_) return;
    termios hidden = shown_;
    hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO | ISIG);
    tcsetattr(fd_, TCSAFLUSH, &hidden);
  }
  ~HiddenInput() {
    if (is_terminal_) tcsetattr(fd_, TCSAFLUSH, &shown_);
  }
  HiddenInput(const HiddenInput&) = delete;
  HiddenInput& operator=(const HiddenInput&) = delete;

 private:
  const int fd_;
  termios shown_{};
  const bool is_terminal_;
};

Result<std::string> read_hidden_line(int in, int out, std::string_view prompt) {
  // The constructor of HiddenInput discards input that was typed before. So it is called before the
  // prompt is shown, and input after the prompt is kept.
  const HiddenInput hidden(in);
  std::ignore = write(out, prompt.data(), prompt.size());
  std::string line;
  char c = 0;
  ssize_t got = 0;
  while ((got = read(in, &c, 1)) == 1 && c != '\n' && c != '\r' && c != kCtrlC) line += c;
  std::ignore = write(out, "\n", 1);
  if (c == kCtrlC) return Error{ErrorCode::QueryCanceled, "interrupted"};
  if (got != 1) return no_password();
  return line;
}

}  // namespace

Result<std::string> ask_for_password(std::string_view prompt) {
  const int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
  Result<std::string> password = terminal >= 0
                                     ? read_hidden_line(terminal, terminal, prompt)
                                     : read_hidden_line(STDIN_FILENO, STDERR_FILENO, prompt);
  if (terminal >= 0) close(terminal);
  return password;
}

}  // namespace client
