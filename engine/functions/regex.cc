// Regular expressions, by ICU: what they mean is very near to Java's.
#include <fmt/format.h>
#include <unicode/regex.h>

#include <memory>

#include "engine/functions/adapters.h"
#include "engine/functions/families.h"

namespace engine {

namespace {

icu::UnicodeString to_icu(std::string_view text) {
  return icu::UnicodeString::fromUTF8({text.data(), static_cast<int32_t>(text.size())});
}
std::string to_utf8(const icu::UnicodeString& text) {
  std::string out;
  text.toUTF8String(out);
  return out;
}

// A pattern that backtracks without end must not hold up the server: ICU counts its steps in
// units of roughly a millisecond.
constexpr int32_t kTimeLimit = 1000;

// Finds matches of patterns in texts, and keeps the pattern compiled while it stays the same.
// A column of patterns usually has one value.
class Matcher {
 public:
  // Ready to find in `text`; nullptr with `error` set when the pattern is malformed.
  Result<icu::RegexMatcher*> match(std::string_view pattern, std::string_view text) {
    if (!matcher_ || pattern != pattern_) {
      UErrorCode status = U_ZERO_ERROR;
      matcher_ = std::make_unique<icu::RegexMatcher>(to_icu(pattern), 0, status);
      if (U_FAILURE(status)) {
        matcher_.reset();
        return Error{ErrorCode::InvalidParameter,
                     fmt::format("Invalid regular expression pattern: {}", pattern)};
      }
      matcher_->setTimeLimit(kTimeLimit, status);
      pattern_ = pattern;
    }
    text_ = to_icu(text);
    matcher_->reset(text_);
    return matcher_.get();
  }

 private:
  std::string pattern_;
  icu::UnicodeString text_;  // the matcher refers to it
  std::unique_ptr<icu::RegexMatcher> matcher_;
};

Status check(UErrorCode status) {
  if (U_SUCCESS(status)) return {};
  return Error{ErrorCode::LimitExceeded,
               fmt::format("the regular expression could not be matched: {}", u_errorName(status))};
}

// One call of a function of this family: arguments that are null give null.
template <auto body>
void regex_kernel(KernelCall& call) {
  Matcher matcher;
  std::vector<Value> args(call.args.size());
  for (size_t row = 0; row < call.rows; ++row) {
    bool has_null = false;
    for (size_t i = 0; i < args.size(); ++i) {
      args[i] = call.args[i].value(row);
      has_null |= args[i].is_null();
    }
    if (has_null)
      call.out.append_null();
    else
      adapters::append(call, row, body(matcher, args));
  }
}

int32_t group_of(std::span<const Value> args) { return args.size() > 2 ? args[2].as_int32() : 0; }

Value group_text(icu::RegexMatcher& found, int32_t group, UErrorCode& status) {
  if (found.start(group, status) < 0) return {};  // a group that took no part
  return Value::text(to_utf8(found.group(group, status)));
}

Result<Value> extract(Matcher& matcher, std::span<const Value> args) {
  icu::RegexMatcher& found = *TRY(matcher.match(args[0].as_string(), args[1].as_string()));
  const int32_t group = group_of(args);
  UErrorCode status = U_ZERO_ERROR;
  if (group < 0 || group > found.groupCount() || !found.find(status)) {
    TRY(check(status));
    return Value();
  }
  Value text = group_text(found, group, status);
  TRY(check(status));
  return text;
}

Result<Value> extract_all(Matcher& matcher, std::span<const Value> args) {
  icu::RegexMatcher& found = *TRY(matcher.match(args[0].as_string(), args[1].as_string()));
  const int32_t group = group_of(args);
  if (group < 0 || group > found.groupCount()) return Value();
  UErrorCode status = U_ZERO_ERROR;
  ValueList texts;
  while (found.find(status)) texts.push_back(group_text(found, group, status));
  TRY(check(status));
  return Value::list(std::move(texts));
}

Result<Value> replace(Matcher& matcher, std::span<const Value> args) {
  icu::RegexMatcher& found = *TRY(matcher.match(args[1].as_string(), args[0].as_string()));
  UErrorCode status = U_ZERO_ERROR;
  const icu::UnicodeString text = found.replaceAll(to_icu(args[2].as_string()), status);
  TRY(check(status));
  return Value::text(to_utf8(text));
}

// Parts between matches. A match of nothing cuts between characters, but not at the ends.
Result<Value> split(Matcher& matcher, std::span<const Value> args) {
  const icu::UnicodeString text = to_icu(args[0].as_string());
  icu::RegexMatcher& found = *TRY(matcher.match(args[1].as_string(), args[0].as_string()));
  UErrorCode status = U_ZERO_ERROR;
  ValueList parts;
  int32_t at = 0;
  while (found.find(status)) {
    const int32_t start = found.start(status), end = found.end(status);
    const bool is_empty = start == end;
    if (is_empty && (start == 0 || start == text.length())) continue;
    parts.push_back(Value::text(to_utf8(text.tempSubStringBetween(at, start))));
    at = end;
  }
  TRY(check(status));
  parts.push_back(Value::text(to_utf8(text.tempSubStringBetween(at))));
  return Value::list(std::move(parts));
}

constexpr FunctionDef kFunctions[] = {
    {.name = "regexp_extract",
     .signature = "(STRING pattern, STRING input) -> STRING",
     .doc = "The first part of a text that matches a regular expression.",
     .example = "REGEXP_EXTRACT('test.', 'some_test_string') = 'test_'",
     .kernel = regex_kernel<extract>},
    {.name = "regexp_extract",
     .signature = "(STRING pattern, STRING input, INT group) -> STRING",
     .doc = "What a group of the expression matched.",
     .example = "REGEXP_EXTRACT('(.*) (.*)', 'steven zhang', 2) = 'zhang'",
     .kernel = regex_kernel<extract>},
    {.name = "regexp_extract_all",
     .signature = "(STRING pattern, STRING input) -> ARRAY<STRING>",
     .doc = "All parts of a text that match a regular expression.",
     .example = "REGEXP_EXTRACT_ALL('a.', 'ab ac') = ARRAY['ab', 'ac']",
     .kernel = regex_kernel<extract_all>},
    {.name = "regexp_extract_all",
     .signature = "(STRING pattern, STRING input, INT group) -> ARRAY<STRING>",
     .doc = "What a group of the expression matched, in all matches.",
     .example = R"(REGEXP_EXTRACT_ALL('(\w+) (\w*)', 'a b c d', 2) = ARRAY['b', 'd'])",
     .kernel = regex_kernel<extract_all>},
    {.name = "regexp_replace",
     .signature = "(STRING str, STRING regexp, STRING new) -> STRING",
     .doc = "The text with all matches replaced; $1 is what the first group matched.",
     .example = "REGEXP_REPLACE('baababaa', '(ab)+', 'cat') = 'bacataa'",
     .kernel = regex_kernel<replace>},
    {.name = "regexp_split_to_array",
     .signature = "(STRING string, STRING regexp) -> ARRAY<STRING>",
     .doc = "The parts between matches of a regular expression.",
     .example = "REGEXP_SPLIT_TO_ARRAY('aabcda', '(ab|cd)') = ARRAY['a', '', 'a']",
     .kernel = regex_kernel<split>},
};

}  // namespace

const FunctionFamily kRegexFunctions{"REGULAR EXPRESSION", kFunctions};

}  // namespace engine
