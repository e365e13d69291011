// Reads the tokens of a JSON text. The first stage of simdjson finds the starts of the tokens, with
// the best instruction set of the machine, which is selected at run time. A cursor walks over the
// tokens and checks the grammar.
//
// Only the first stage of simdjson is used. Its on-demand parser selects its instruction set at
// compile time, reads beyond the end of the text, copies every string, and accepts malformed values
// that are not read.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

namespace engine {

// The start of each token of a text: the structural characters, and the first characters of
// strings, numbers and literals.
struct JsonTokens {
  std::string_view text;
  const uint32_t* starts = nullptr;  // count entries, then the size of the text
  size_t count = 0;
};

// Finds the tokens of texts. The tokens of a text are valid until the next call of tokenize().
//
// Threads: one at a time.
class JsonTokenizer {
 public:
  JsonTokenizer();
  ~JsonTokenizer();
  // Returns nullptr and sets `tokens`, or returns the problem: unclosed strings, control characters
  // in strings, invalid UTF-8, or no token.
  const char* tokenize(std::string_view text, JsonTokens& tokens);

 private:
  struct Stage;
  std::unique_ptr<Stage> stage_;
};

// Walks the tokens of one text from left to right. A function that returns false leaves the reason
// in error(); afterwards the cursor must not be used.
class JsonCursor {
 public:
  // Deeper nesting is refused, because it is probably an attack on the stack.
  static constexpr int kMaxDepth = 500;

  explicit JsonCursor(const JsonTokens& tokens) : tokens_(tokens) {}

  // Returns the first character of the next token; 0 at the end.
  char peek() const { return at_ < tokens_.count ? tokens_.text[tokens_.starts[at_]] : '\0'; }
  bool at_end() const { return at_ == tokens_.count; }
  size_t position() const { return at_; }
  void rewind(size_t position) { at_ = position; }

  // Consumes a structural character if it is the next token.
  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  bool expect(char c) {
    if (take(c)) return true;
    return fail_expected(c);
  }
  // Consumes a string, number or literal and returns its text, with the quotes of a string. The
  // text is not validated yet.
  std::string_view take_scalar() {
    const uint32_t begin = tokens_.starts[at_];
    uint32_t end = tokens_.starts[++at_];
    while (end > begin && is_blank(tokens_.text[end - 1])) --end;
    return tokens_.text.substr(begin, end - begin);
  }
  // Consumes a string and returns the text between its quotes, still escaped.
  bool take_raw_string(std::string_view& raw) {
    if (peek() != '"') return fail_expected('"');
    const std::string_view token = take_scalar();
    if (token.size() < 2 || token.back() != '"') return fail("unclosed string");
    raw = token.substr(1, token.size() - 2);
    return true;
  }
  // Consumes any value and validates it.
  bool skip_value(int depth = 0);
  // Consumes any value and appends it without blanks, with the escapes of append_json_string().
  bool append_compact(std::string& out, int depth = 0);
  // Consumes any value and appends it as STRING columns show it: strings without quotes, objects as
  // compact JSON, arrays as [a, b].
  bool append_as_text(std::string& out, int depth = 0);

  // Returns a text for people that names the problem and its position.
  std::string error() const;
  bool fail(const char* what);

 private:
  static bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
  bool fail_expected(char c);
  bool check_scalar(std::string_view token);
  template <class OnKey, class OnValue>
  bool walk_object(OnKey on_key, OnValue on_value);
  template <class OnValue>
  bool walk_array(OnValue on_value);

  JsonTokens tokens_;
  size_t at_ = 0;
  const char* what_ = nullptr;
  char expected_ = '\0';
};

inline bool has_escapes(std::string_view raw) {
  return std::memchr(raw.data(), '\\', raw.size()) != nullptr;
}
// Replaces the escapes in `raw`. `to` must have space for raw.size() bytes. Returns false for an
// unknown escape. Half a surrogate pair becomes U+FFFD.
bool unescape_json(std::string_view raw, char* to, size_t& size);
bool append_unescaped(std::string& out, std::string_view raw);

}  // namespace engine
