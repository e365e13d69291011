// Writes log lines. A line is a lower-case phrase with fields, for instance `batch refused
// topic=clicks partition=3`. The levels:
//   error  data or an invariant at risk       warn   unexpected, but handled
//   info   a state change an operator wants   debug  off by default
#pragma once
#include <fmt/format.h>

#include <string_view>

enum class LogLevel { Debug, Info, Warn, Error };

// Lines below `level` are dropped; the default is Info. Lines go to stderr.
void set_log_level(LogLevel level);
bool log_enabled(LogLevel level);
void log_line(LogLevel level, std::string_view line);

template <class... Args>
void log_debug(fmt::format_string<Args...> format, Args&&... args) {
  if (log_enabled(LogLevel::Debug))
    log_line(LogLevel::Debug, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  if (log_enabled(LogLevel::Info))
    log_line(LogLevel::Info, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_warn(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::Warn, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_error(fmt::format_string<Args...> format, Args&&... args) {
  log_line(LogLevel::Error, fmt::format(format, std::forward<Args>(args)...));
}
