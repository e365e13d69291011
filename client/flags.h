// Flags as Kafka's tools read them: --name VALUE, --name=VALUE, any beginning of a name that means
// one flag only, values that may be left out, flags given several times.
#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace client {

// One row of a command's table of flags. The texts must outlive what is parsed with them.
struct Flag {
  std::string_view name;                // without the two hyphens
  std::string_view argument = {};       // what --help calls its value; empty: it takes none
  std::string_view doc = {};            // empty: --help does not show it
  char letter = 0;                      // its short form
  std::string_view value_if_bare = {};  // makes the value optional
};

inline constexpr Flag kHelpFlag{.name = "help", .doc = "This text", .letter = 'h'};

// Invariant: only flags of the table it was parsed with are in it.
class Flags {
 public:
  // Fails with InvalidParameter for a flag that is not in the table or means two of them, a value
  // that is missing or one too many, and for more words than `most_words`.
  static Result<Flags> parse(std::span<const Flag> known, std::span<const char* const> arguments,
                             size_t most_words);

  bool has(std::string_view name) const { return values_.contains(name); }
  // Given twice, the last one counts.
  std::string text(std::string_view name, std::string_view otherwise = {}) const;
  // Fails when it was given and is not a whole number in the range.
  Result<int64_t> number(std::string_view name, int64_t otherwise, int64_t least,
                         int64_t most) const;
  std::vector<std::string> all(std::string_view name) const;
  // What is not a flag, in order.
  const std::vector<std::string>& words() const { return words_; }

 private:
  std::map<std::string_view, std::vector<std::string>> values_;
  std::vector<std::string> words_;
};

// The lines about flags in --help.
std::string describe_flags(std::span<const Flag> flags);

// A whole number and nothing else.
Result<int64_t> parse_number(std::string_view text, int64_t least, int64_t most);

}  // namespace client
