#include "client/sql/terminal.h"

#include <fmt/format.h>
#include <histedit.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <cwchar>
#include <optional>

#include "client/command_line.h"
#include "client/sql/statement_reader.h"
#include "client/user_folder.h"

namespace client {

namespace {

constexpr int kHistorySize = 1000;
constexpr int kLookMs = 50;  // time between two checks for Ctrl-C

// Reads the next byte of the terminal. Returns 1 for a byte, 0 at the end, and -1 after Ctrl-C.
// Used in place of libedit's own function, which misses a Ctrl-C that arrives just before it waits.
int read_byte(char& byte) {
  while (!is_interrupted()) {
    pollfd ready{STDIN_FILENO, POLLIN, 0};
    const int count = poll(&ready, 1, kLookMs);
    if (count == 0 || (count < 0 && errno == EINTR)) continue;
    const ssize_t got = count < 0 ? -1 : read(STDIN_FILENO, &byte, 1);
    if (got >= 0 || errno != EINTR) return static_cast<int>(got);
  }
  return -1;
}

// Returns the key that ends the input, which is Ctrl-D unless the user has changed it with stty.
char end_key() {
  termios settings{};
  return tcgetattr(STDIN_FILENO, &settings) == 0 ? static_cast<char>(settings.c_cc[VEOF]) : '\0';
}

// Returns the number of bytes that the terminal has received and that were not read yet.
int unread_bytes() {
  int count = 0;
  return ioctl(STDIN_FILENO, FIONREAD, &count) == 0 ? count : 0;
}

}  // namespace

struct Terminal::Editor {
  const char end = end_key();  // read before el_init() changes the settings of the terminal
  std::string prompt, history_file;
  History* history = history_init();
  EditLine* line = el_init("millrace", stdin, stdout, stderr);
  HistEvent event{};
  // The number of unread bytes that the user typed before libedit changed the mode of the terminal
  // for the current line. Nothing: libedit has not read a byte of the line yet.
  std::optional<int> early_bytes;

  ~Editor() {
    el_end(line);
    history_end(history);
  }

  // Reads the next byte as read_byte() does. If the user typed Ctrl-D early, for example while a
  // statement was running, then the kernel has stored a null byte in its place: the terminal was in
  // canonical mode (n_tty_receive_char_special() in Linux's drivers/tty/n_tty.c). This function
  // returns such a null byte as Ctrl-D.
  int next_byte(char& byte) {
    if (!early_bytes) early_bytes = unread_bytes();
    const int got = read_byte(byte);
    if (got != 1 || *early_bytes == 0) return got;
    --*early_bytes;
    if (byte == '\0') byte = end;
    return got;
  }

  // Reads the next character, in place of libedit's own function.
  static int read_character(EditLine* line, wchar_t* character) {
    Editor* editor = nullptr;
    el_get(line, EL_CLIENTDATA, &editor);
    std::mbstate_t state{};
    for (char byte = 0;;) {
      if (const int got = editor->next_byte(byte); got != 1) return got;
      const size_t used = std::mbrtowc(character, &byte, 1, &state);
      if (used == static_cast<size_t>(-2)) continue;  // the character consists of further bytes
      if (used != static_cast<size_t>(-1)) return 1;
      state = {};  // invalid bytes are dropped
    }
  }
};

Terminal::Terminal() {
  std::setlocale(LC_CTYPE, "");  // libedit moves the cursor by characters, not by bytes
  editor_ = std::make_unique<Editor>();
  Editor& editor = *editor_;
  el_set(editor.line, EL_CLIENTDATA, &editor);
  el_set(
      editor.line, EL_PROMPT, +[](EditLine* line) {
        Editor* found = nullptr;
        el_get(line, EL_CLIENTDATA, &found);
        return found->prompt.data();
      });
  el_set(editor.line, EL_GETCFN, Editor::read_character);
  el_set(editor.line, EL_EDITOR, "emacs");
  history(editor.history, &editor.event, H_SETSIZE, kHistorySize);
  history(editor.history, &editor.event, H_SETUNIQUE, 1);
  el_set(editor.line, EL_HIST, history, editor.history);
  el_set(editor.line, EL_BIND, "^R", "em-inc-search-prev", nullptr);
  // Ctrl-Space sets the mark, as in Emacs. Without this line libedit inserts the key after it
  // literally, because it takes the value of a disabled key of the terminal, which is 0, as a key.
  el_set(editor.line, EL_BIND, "^@", "em-set-mark", nullptr);
  el_source(editor.line, nullptr);  // null: reads the user's ~/.editrc
  if (const auto folder = make_user_folder(UserFolder::State)) {
    editor.history_file = *folder + "/sql_history";
    history(editor.history, &editor.event, H_LOAD, editor.history_file.c_str());
  }
}

Terminal::~Terminal() = default;

Terminal::Next Terminal::read(const std::string& prompt, std::string& line) {
  Editor& editor = *editor_;
  editor.prompt = prompt;
  editor.early_bytes.reset();
  watch_for_ctrl_c();
  int size = 0;
  errno = 0;
  const char* text = el_gets(editor.line, &size);
  if (is_interrupted()) {
    el_reset(editor.line);
    std::fputs("\n", stdout);
    return Next::Interrupted;
  }
  if (!text || size <= 0) return Next::End;
  line.assign(text, static_cast<size_t>(size));
  if (line.ends_with('\n')) line.pop_back();
  return Next::Line;
}

// Adds the statement to the history. The history file is saved at once, so that nothing is lost if
// the terminal is closed.
void Terminal::remember(std::string_view statement) {
  if (has_word(statement, "PASSWORD") || statement.empty()) return;
  Editor& editor = *editor_;
  std::string one_line(statement);
  std::ranges::replace(one_line, '\n', ' ');
  history(editor.history, &editor.event, H_ENTER, one_line.c_str());
  if (editor.history_file.empty()) return;
  const mode_t before = umask(077);
  history(editor.history, &editor.event, H_SAVE, editor.history_file.c_str());
  umask(before);
}

}  // namespace client
