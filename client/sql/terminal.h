// Reads lines that a user types. The user can edit a line, and has a history, which is kept in a
// file.
#pragma once
#include <memory>
#include <string>
#include <string_view>

namespace client {

// Threads: one. The only reader of libedit.
class Terminal {
 public:
  Terminal();
  ~Terminal();

  enum class Next { Line, Interrupted, End };
  // Shows the prompt, and reads a line into `line`, without its line end. Returns Interrupted after
  // Ctrl-C; the line is then dropped.
  Next read(const std::string& prompt, std::string& line);
  // Adds a statement to the history, and saves it. Ignores a statement with a password.
  void remember(std::string_view statement);

 private:
  struct Editor;
  std::unique_ptr<Editor> editor_;
};

}  // namespace client
