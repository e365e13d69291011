// Flags as Kafka's tools read them: --name VALUE, --name=VALUE, any unambiguous prefix of a name,
// optional values, and repeated flags.
#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace client {

// One row of a command's table of flags. The texts must outlive the Flags parsed with them.
struct Flag {
  std::string_view name;           // without the two hyphens
  std::string_view argument = {};  // name of its value in --help; empty: no value
  std::string_view doc = {};       // empty: --help does not show the flag
  char letter = 0;                 // the short form of the flag; 0: none
  // the value of a flag that is written without one; empty: a value is required
  std::string_view value_if_bare = {};
};

inline constexpr Flag kHelpFlag{.name = "help", .doc = "This text", .letter = 'h'};

// Invariant: contains only flags of the table that it was parsed with.
class Flags {
 public:
  // Parses the arguments of a command. Fails with InvalidParameter for an unknown or ambiguous
  // flag, for a missing or unexpected value, and for more than `most_words` words.
  static Result<Flags> parse(std::span<const Flag> known, std::span<const char* const> arguments,
                             size_t most_words);

  bool has(std::string_view name) const { return values_.contains(name); }
  // Returns the value of the flag, the last one if the flag is repeated; `otherwise` if it is
  // missing.
  std::string text(std::string_view name, std::string_view otherwise = {}) const;
  // Returns the number that the flag has, or `otherwise` if the flag is missing. Fails if the value
  // is not a whole number in the range.
  Result<int64_t> number(std::string_view name, int64_t otherwise, int64_t least,
                         int64_t most) const;
  std::vector<std::string> all(std::string_view name) const;
  // Returns each flag with its value, in the order of the command line.
  const std::vector<std::pair<std::string_view, std::string>>& in_order() const {
    return in_order_;
  }
  // Returns the arguments that are not flags, in order.
  const std::vector<std::string>& words() const { return words_; }

 private:
  std::map<std::string_view, std::vector<std::string>> values_;
  std::vector<std::pair<std::string_view, std::string>> in_order_;
  std::vector<std::string> words_;
};

// Returns the error for a wrong command line.
Error wrong_usage(std::string message, std::string hint = {});

// Returns the description of the flags in --help.
std::string describe_flags(std::span<const Flag> flags);

// Parses a text that is a whole number and nothing else.
Result<int64_t> parse_number(std::string_view text, int64_t least, int64_t most);

}  // namespace client
