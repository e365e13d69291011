// Reads the lines that a user types, with editing and with a history that is kept in a file.
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
  // Shows the prompt and reads a line into `line`, without its end. Returns Interrupted after Ctrl-C, which drops the
  // line.
  Next read(const std::string& prompt, std::string& line);
  // Adds a statement to the history, except one with a password, and saves the history.
  void remember(std::string_view statement);

 private:
  struct Editor;
  std::unique_ptr<Editor> editor_;
};

}  // namespace client
