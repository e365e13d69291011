// Writes JSON text from front to back, for the definitions and plans in the metadata log.
#pragma once
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace engine {

// The caller is responsible for the order of calls: a key before each member's value, an end for
// each begin.
class JsonWriter {
 public:
  void begin_object() { open('{'); }
  void end_object() { close('}'); }
  void begin_array() { open('['); }
  void end_array() { close(']'); }
  void key(std::string_view name);
  // Writes a text. Invalid UTF-8 is replaced, because the JSON could not be read back otherwise.
  void text(std::string_view value);
  void number(int64_t value);
  void boolean(bool value);
  void null();
  // Writes a key and its value.
  void member(std::string_view name, std::string_view value) {
    key(name);
    text(value);
  }
  template <std::integral T>
  void member(std::string_view name, T value) {
    key(name);
    if constexpr (std::same_as<T, bool>)
      boolean(value);
    else
      number(static_cast<int64_t>(value));
  }
  // Appends a value that is already JSON.
  void raw(std::string_view json);

  const std::string& json() const { return out_; }
  std::string take() { return std::move(out_); }

 private:
  void open(char bracket);
  void close(char bracket);
  void begin_value();

  std::string out_;
  bool follows_value_ = false;  // whether the innermost array or object has a value already
};

}  // namespace engine
