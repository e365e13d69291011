// Java's regular expressions, which configurations of connectors contain. They are compiled with
// RE2, which matches in linear time, but supports neither references to groups nor look-around.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace re2 {
class RE2;
}

namespace engine {

// Threads: any number at the same time.
class JavaRegex {
 public:
  // Compiles the expression. Fails with InvalidParameter if RE2 does not support it; the message names the unsupported
  // part.
  static Result<JavaRegex> compile(std::string_view pattern);
  JavaRegex(JavaRegex&&) noexcept;
  JavaRegex& operator=(JavaRegex&&) noexcept;
  ~JavaRegex();

  // Whether the whole text matches, as Matcher.matches().
  bool matches(std::string_view text) const;

  // A part of a replacement in Java's syntax: $1, ${name}, and \ before a character that stands for
  // itself.
  struct Part {
    std::string text;
    int group = -1;  // if not negative: this part is the text of this group
  };
  // Parses a replacement. Fails with InvalidParameter if it names a group that does not exist.
  Result<std::vector<Part>> parse_replacement(std::string_view replacement) const;
  // Replaces the first match, as Matcher.replaceFirst().
  std::string replace_first(std::string_view text, const std::vector<Part>& replacement) const;

 private:
  explicit JavaRegex(std::unique_ptr<re2::RE2> compiled);
  std::unique_ptr<re2::RE2> compiled_;
};

}  // namespace engine
