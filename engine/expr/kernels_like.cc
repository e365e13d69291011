// LIKE.
#include <string>
#include <vector>

#include "engine/expr/kernels.h"
#include "engine/expr/validity.h"
#include "engine/java/utf16.h"

namespace engine {

namespace {

// ksqlDB matches with a regular expression in which `.` does not match line terminators.
bool is_line_break(std::string_view character) {
  return character == "\n" || character == "\r" || character == "\xc2\x85" ||
         character == "\xe2\x80\xa8" || character == "\xe2\x80\xa9";
}

// A pattern as a list of characters, single wildcards and runs.
class LikePattern {
 public:
  // False when the pattern ends with the escape character.
  bool compile(std::string_view pattern, std::string_view escape) {
    tokens_.clear();
    while (!pattern.empty()) {
      std::string_view character = take(pattern);
      if (!escape.empty() && character == escape) {
        if (pattern.empty()) return false;
        tokens_.push_back({Token::Character, take(pattern)});
      } else if (character == "%") {
        tokens_.push_back({Token::Run, {}});
      } else if (character == "_") {
        tokens_.push_back({Token::One, {}});
      } else {
        tokens_.push_back({Token::Character, character});
      }
    }
    return true;
  }

  // The shortest run first, then longer ones: only the last run has to be tried again, because
  // whatever an earlier one could take the last one can take too.
  bool matches(std::string_view text) const {
    size_t token = 0;
    constexpr size_t kNoRun = ~size_t{0};
    size_t after_run = kNoRun;
    std::string_view run_rest;
    while (!text.empty() || token < tokens_.size()) {
      if (token < tokens_.size() && tokens_[token].kind == Token::Run) {
        after_run = ++token;
        run_rest = text;
        continue;
      }
      if (token < tokens_.size() && !text.empty() && step(tokens_[token], text)) {
        ++token;
        continue;
      }
      if (after_run == kNoRun || run_rest.empty() || is_line_break(take(run_rest))) return false;
      token = after_run;
      text = run_rest;
    }
    return true;
  }

 private:
  struct Token {
    enum Kind : uint8_t { Character, One, Run } kind;
    std::string_view character;
  };

  static std::string_view take(std::string_view& text) {
    const std::string_view character = text.substr(0, character_size(text, 0));
    text.remove_prefix(character.size());
    return character;
  }
  static bool step(const Token& token, std::string_view& text) {
    std::string_view rest = text;
    const std::string_view character = take(rest);
    const bool fits =
        token.kind == Token::One ? !is_line_break(character) : character == token.character;
    if (fits) text = rest;
    return fits;
  }

  std::vector<Token> tokens_;
};

}  // namespace

void like_kernel(KernelCall& call) {
  call.out.resize(call.rows);
  const auto out = call.out.data<uint8_t>();
  Bitmap valid = valid_in_all(call.args, call.rows);
  const auto escape =
      call.args.size() > 2 ? call.args[2].get<std::string_view>(0) : std::string_view();
  LikePattern pattern;
  bool is_compiled = false, is_good = false;
  for (size_t row = 0; row < call.rows; ++row) {
    if (!valid.test(row)) {
      call.errors.add(row, "LIKE with a null");
      continue;
    }
    if (!is_compiled || !call.args[1].is_constant)
      is_good = pattern.compile(call.args[1].get<std::string_view>(row), escape);
    is_compiled = true;
    if (is_good) {
      out[row] = pattern.matches(call.args[0].get<std::string_view>(row));
    } else {
      call.errors.add(row, "LIKE pattern must not end with escape character");
      valid.clear(row);
    }
  }
  call.out.validity() = std::move(valid);
}

}  // namespace engine
