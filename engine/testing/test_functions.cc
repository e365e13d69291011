#include "engine/testing/test_functions.h"

#include <absl/strings/ascii.h>

#include <array>

namespace engine {
namespace {

constexpr std::array<std::string_view, 14> kTestOnly = {
    "TEST_UDF",      "BAD_UDF",     "WHENCONDITION", "WHENRESULT",     "TEST_UDTF",
    "THROWING_UDTF", "TEST_UDAF",   "MULTI_ARG",     "FOUR_ARG",       "FIVE_ARG",
    "VAR_ARG",       "MID_VAR_ARG", "OBJ_COL_ARG",   "GENERIC_VAR_ARG"};

bool is_word_character(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_';
}

// Returns whether the script contains `name` as a whole word, followed by an opening parenthesis.
bool calls(const std::string& script, std::string_view name) {
  for (size_t at = script.find(name); at != script.npos; at = script.find(name, at + 1)) {
    if (at > 0 && is_word_character(script[at - 1])) continue;
    const size_t next = script.find_first_not_of(" \t\r\n", at + name.size());
    if (next != script.npos && script[next] == '(') return true;
  }
  return false;
}

}  // namespace

std::string find_test_only_function(std::string_view script) {
  const std::string upper = absl::AsciiStrToUpper(std::string(script));
  for (const std::string_view name : kTestOnly)
    if (calls(upper, name)) return std::string(name);
  return "";
}

}  // namespace engine
