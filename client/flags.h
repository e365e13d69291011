// Parses flags as Kafka's tools do: --name VALUE or --name=VALUE; a name may be shortened to an
// unambiguous prefix, a value may be optional, and a flag may be repeated.
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

// A row in the table of a command's flags. The texts must outlive each Flags that was parsed with
// them.
struct Flag {
  std::string_view name;           // without the two hyphens
  std::string_view argument = {};  // name of its value in --help; empty: the flag has no value
  std::string_view doc = {};       // empty: --help does not show the flag
  char letter = 0;                 // the short form of the flag; 0: none
  // The value of the flag if the user gives none; empty: the user must give a value.
  std::string_view value_if_bare = {};
};

inline constexpr Flag kHelpFlag{.name = "help", .doc = "This text", .letter = 'h'};

// Invariant: contains only flags of the table with which it was parsed.
class Flags {
 public:
  // Parses the arguments of a command. Fails with InvalidParameter for an unknown or ambiguous
  // flag, for a missing or unexpected value, and for more than `most_words` words.
  static Result<Flags> parse(std::span<const Flag> known, std::span<const char* const> arguments,
                             size_t most_words);

  bool has(std::string_view name) const { return values_.contains(name); }
  // Returns the value of the flag; of a repeated flag, the last value; `otherwise` if the flag is
  // missing.
  std::string text(std::string_view name, std::string_view otherwise = {}) const;
  // Returns the value of the flag as a number; `otherwise` if the flag is missing. Fails if the
  // value is not a whole number in the range.
  Result<int64_t> number(std::string_view name, int64_t otherwise, int64_t least,
                         int64_t most) const;
  std::vector<std::string> all(std::string_view name) const;
  // Returns all flags with their values, in the order of the command line.
  const std::vector<std::pair<std::string_view, std::string>>& in_order() const {
    return in_order_;
  }
  // Returns the arguments that are not flags, in their order.
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

// Parses a text that consists only of a whole number from `least` to `most`.
Result<int64_t> parse_number(std::string_view text, int64_t least, int64_t most);

}  // namespace client
