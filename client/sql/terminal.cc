#include "client/sql/terminal.h"

#include <fmt/format.h>
#include <histedit.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <cwchar>

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

int read_character(EditLine*, wchar_t* character) {
  std::mbstate_t state{};
  for (char byte = 0;;) {
    if (const int got = read_byte(byte); got != 1) return got;
    const size_t used = std::mbrtowc(character, &byte, 1, &state);
    if (used == static_cast<size_t>(-2)) continue;  // the character consists of further bytes
    if (used != static_cast<size_t>(-1)) return 1;
    state = {};  // invalid bytes are dropped
  }
}

}  // namespace

struct Terminal::Editor {
  std::string prompt, history_file;
  History* history = history_init();
  EditLine* line = el_init("millrace", stdin, stdout, stderr);
  HistEvent event{};

  ~Editor() {
    el_end(line);
    history_end(history);
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
  el_set(editor.line, EL_GETCFN, read_character);
  el_set(editor.line, EL_EDITOR, "emacs");
  history(editor.history, &editor.event, H_SETSIZE, kHistorySize);
  history(editor.history, &editor.event, H_SETUNIQUE, 1);
  el_set(editor.line, EL_HIST, history, editor.history);
  el_set(editor.line, EL_BIND, "^R", "em-inc-search-prev", nullptr);
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
