// Functions of regular expressions. They use ICU, whose syntax is very close to Java's.
#include <fmt/format.h>
#include <unicode/regex.h>

#include <memory>

#include "engine/functions/adapters.h"
#include "engine/functions/families.h"
#include "engine/functions/scalar/postgres_pattern.h"
#include "engine/types/ascii.h"

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

// As in PostgreSQL, a dot matches line breaks, too.
constexpr uint32_t kAsPostgres = UREGEX_DOTALL;

// Limits the time of a match, because catastrophic backtracking must not block the server. ICU
// counts steps in units of 10,000, which take about 0.3 ms. The count depends only on the pattern
// and the text, so a row always fails or never. The steps of a reasonable pattern are proportional
// to the length of the text; those of catastrophic backtracking grow much faster.
constexpr int32_t kTimeLimit = 40, kCharactersPerUnit = 1000;

// Finds matches of patterns in texts. Keeps the last compiled pattern, because usually all rows have the same pattern.
class Matcher {
 public:
  // Returns a matcher for `text`. `flags` are those of ICU, and must be equal in all calls. Fails if the pattern is
  // malformed, and if the time of the evaluation is over.
  Result<icu::RegexMatcher*> match(const EvalContext& context, std::string_view pattern,
                                   std::string_view text, uint32_t flags = 0) {
    if (!matcher_ || pattern != pattern_) {
      UErrorCode status = U_ZERO_ERROR;
      matcher_ = std::make_unique<icu::RegexMatcher>(
          to_icu(flags == kAsPostgres ? in_words_of_icu(pattern) : pattern), flags, status);
      if (U_FAILURE(status)) {
        matcher_.reset();
        return Error{ErrorCode::InvalidParameter,
                     fmt::format("Invalid regular expression pattern: {}", pattern)};
      }
      pattern_ = pattern;
    }
    if (context.is_over()) return context.budget->status().error();
    text_ = to_icu(text);
    matcher_->reset(text_);
    UErrorCode status = U_ZERO_ERROR;
    matcher_->setTimeLimit(kTimeLimit + text_.length() / kCharactersPerUnit, status);
    return matcher_.get();
  }

 private:
  std::string pattern_;
  icu::UnicodeString text_;  // referenced by the matcher
  std::unique_ptr<icu::RegexMatcher> matcher_;
};

Status check(UErrorCode status) {
  if (U_SUCCESS(status)) return {};
  if (status == U_REGEX_TIME_OUT || status == U_REGEX_STACK_OVERFLOW)
    return Error{ErrorCode::LimitExceeded,
                 "the regular expression takes too many steps on this text"};
  return Error{ErrorCode::LimitExceeded,
               fmt::format("the regular expression could not be matched: {}", u_errorName(status))};
}

// Fails if the time of the evaluation is over, or if its budget has no memory for the output of the next match. Call it
// between two matches.
Status may_go_on(const EvalContext& context, size_t match_bytes) {
  if (context.is_over() || !context.take_working_bytes(match_bytes))
    return context.budget->status();
  return {};
}

Value group_text(icu::RegexMatcher& found, int32_t group, UErrorCode& status) {
  if (found.start(group, status) < 0) return {};  // a group that took no part in the match
  return Value::text(to_utf8(found.group(group, status)));
}

using Text = std::string_view;

Result<Value> extract_group(const KernelCall& call, PerBatch<Matcher>& matcher, Text pattern,
                            Text text, int32_t group) {
  icu::RegexMatcher& found = *TRY(matcher->match(call.context, pattern, text));
  UErrorCode status = U_ZERO_ERROR;
  if (group < 0 || group > found.groupCount() || !found.find(status)) {
    TRY(check(status));
    return Value();
  }
  Value matched = group_text(found, group, status);
  TRY(check(status));
  return matched;
}
Result<Value> extract_match(const KernelCall& call, PerBatch<Matcher>& matcher, Text pattern,
                            Text text) {
  return extract_group(call, matcher, pattern, text, 0);
}

Result<Value> extract_all_groups(const KernelCall& call, PerBatch<Matcher>& matcher, Text pattern,
                                 Text text, int32_t group) {
  icu::RegexMatcher& found = *TRY(matcher->match(call.context, pattern, text));
  if (group < 0 || group > found.groupCount()) return Value();
  UErrorCode status = U_ZERO_ERROR;
  ValueList matched;
  while (found.find(status)) {
    matched.push_back(group_text(found, group, status));
    TRY(may_go_on(call.context, size_of(matched.back())));
  }
  TRY(check(status));
  return Value::list(std::move(matched));
}
Result<Value> extract_all(const KernelCall& call, PerBatch<Matcher>& matcher, Text pattern,
                          Text text) {
  return extract_all_groups(call, matcher, pattern, text, 0);
}

Result<std::string> replace_matches(const KernelCall& call, icu::RegexMatcher& found,
                                    Text replacement, bool is_global) {
  const icu::UnicodeString with = to_icu(replacement);
  UErrorCode status = U_ZERO_ERROR;
  icu::UnicodeString replaced;
  while (found.find(status)) {
    found.appendReplacement(replaced, with, status);
    TRY(check(status));
    // The number of UTF-16 units is at most the number of bytes of the text, so it is checked
    // before the conversion.
    const auto size = static_cast<size_t>(replaced.length());
    TRY(may_go_on(call.context, 0));
    if (!call.context.has_bytes(size)) return call.context.too_large(size);
    if (!is_global) break;
  }
  TRY(check(status));
  found.appendTail(replaced);
  return to_utf8(replaced);
}
Result<std::string> replaced_text(const KernelCall& call, PerBatch<Matcher>& matcher, Text text,
                                  Text pattern, Text replacement) {
  icu::RegexMatcher& found = *TRY(matcher->match(call.context, pattern, text));
  return replace_matches(call, found, replacement, true);
}

// A pattern with its options in front. `is_global` is set if the flags of the call contain g, which requests all
// matches.
struct Flagged {
  std::string pattern;
  bool is_global = false;
};
Result<Flagged> with_flags(Text pattern, Text flags) {
  Flagged flagged;
  std::string options(flags);
  flagged.is_global = std::erase(options, 'g') > 0;
  flagged.pattern = TRY(with_options(options, pattern));
  return flagged;
}

// Translates PostgreSQL's replacement, with \1 for a group and \& for the whole match, to ICU's syntax.
std::string replacement_of_icu(Text replacement, int32_t group_count) {
  std::string with;
  for (size_t i = 0; i < replacement.size(); ++i) {
    const char c = replacement[i], next = i + 1 < replacement.size() ? replacement[i + 1] : '\0';
    if (c == '\\' && (next == '&' || is_ascii_digit(next))) {
      const int group = next == '&' ? 0 : next - '0';
      // A group that the pattern does not have is replaced by nothing. PostgreSQL's numbers of groups have one digit,
      // so a digit that follows the number is escaped for ICU.
      if (group <= group_count) with += fmt::format("${}", group);
      ++i;
      if (i + 1 < replacement.size() && is_ascii_digit(replacement[i + 1])) with += '\\';
    } else if (c == '\\' || c == '$') {
      with += '\\';
      with += c;
      if (c == '\\' && next == '\\') ++i;
    } else {
      with += c;
    }
  }
  return with;
}

Result<std::string> replace_with(const KernelCall& call, PerBatch<Matcher>& matcher, Text text,
                                 Text pattern, Text replacement, Text flags) {
  const Flagged flagged = TRY(with_flags(pattern, flags));
  icu::RegexMatcher& found = *TRY(matcher->match(call.context, flagged.pattern, text, kAsPostgres));
  return replace_matches(call, found, replacement_of_icu(replacement, found.groupCount()),
                         flagged.is_global);
}

Result<std::string> replace_first(const KernelCall& call, PerBatch<Matcher>& matcher, Text text,
                                  Text pattern, Text replacement) {
  return replace_with(call, matcher, text, pattern, replacement, "");
}

// ---- REGEXP_MATCH and similar functions: the groups of a match, or the whole match if the pattern has no groups

Value matched_groups(icu::RegexMatcher& found, UErrorCode& status) {
  ValueList groups;
  const int32_t count = found.groupCount();
  if (count == 0) groups.push_back(group_text(found, 0, status));
  for (int32_t group = 1; group <= count; ++group)
    groups.push_back(group_text(found, group, status));
  return Value::list(std::move(groups));
}

Result<Value> first_groups_with(const KernelCall& call, PerBatch<Matcher>& matcher, Text text,
                                Text pattern, Text flags) {
  const Flagged flagged = TRY(with_flags(pattern, flags));
  if (flagged.is_global)
    return Error{ErrorCode::InvalidParameter,
                 "regexp_match() does not support the \"global\" option", "",
                 "Use the regexp_matches function instead."};
  icu::RegexMatcher& found = *TRY(matcher->match(call.context, flagged.pattern, text, kAsPostgres));
  UErrorCode status = U_ZERO_ERROR;
  Value groups;
  if (found.find(status)) groups = matched_groups(found, status);
  TRY(check(status));
  return groups;
}
Result<Value> first_groups(const KernelCall& call, PerBatch<Matcher>& matcher, Text text,
                           Text pattern) {
  return first_groups_with(call, matcher, text, pattern, "");
}

Result<Value> all_groups(const KernelCall& call, PerBatch<Matcher>& matcher, Text text,
                         Text pattern, Text flags) {
  const Flagged flagged = TRY(with_flags(pattern, flags));
  icu::RegexMatcher& found = *TRY(matcher->match(call.context, flagged.pattern, text, kAsPostgres));
  UErrorCode status = U_ZERO_ERROR;
  ValueList matches;
  while (found.find(status)) {
    matches.push_back(matched_groups(found, status));
    TRY(may_go_on(call.context, size_of(matches.back())));
    if (!flagged.is_global) break;
  }
  TRY(check(status));
  return Value::list(std::move(matches));
}

Result<bool> is_like_with(const KernelCall& call, PerBatch<Matcher>& matcher, Text text,
                          Text pattern, Text flags) {
  const Flagged flagged = TRY(with_flags(pattern, flags));
  if (flagged.is_global)
    return Error{ErrorCode::InvalidParameter,
                 "regexp_like() does not support the \"global\" option"};
  icu::RegexMatcher& found = *TRY(matcher->match(call.context, flagged.pattern, text, kAsPostgres));
  UErrorCode status = U_ZERO_ERROR;
  const bool is_like = found.find(status);
  TRY(check(status));
  return is_like;
}
Result<bool> is_like(const KernelCall& call, PerBatch<Matcher>& matcher, Text text, Text pattern) {
  return is_like_with(call, matcher, text, pattern, "");
}

// ---- SUBSTRING(text FROM pattern) and similar functions

// Returns the first match, or with `groups` 1 its first group, if the pattern has one; null without a match.
template <int32_t groups>
Result<Value> first_match(const KernelCall& call, PerBatch<Matcher>& matcher, Text text,
                          Text pattern) {
  icu::RegexMatcher& found = *TRY(matcher->match(call.context, pattern, text, kAsPostgres));
  UErrorCode status = U_ZERO_ERROR;
  Value part;
  if (found.find(status)) part = group_text(found, std::min(found.groupCount(), groups), status);
  TRY(check(status));
  return part;
}
// Returns the position of the first match in characters, from 1; 0 without a match.
Result<int32_t> place_of_match(const KernelCall& call, PerBatch<Matcher>& matcher, Text text,
                               Text pattern) {
  icu::RegexMatcher& found = *TRY(matcher->match(call.context, pattern, text, kAsPostgres));
  UErrorCode status = U_ZERO_ERROR;
  const bool is_there = found.find(status);
  TRY(check(status));
  return is_there ? found.input().countChar32(0, found.start(status)) + 1 : 0;
}
Result<int32_t> count_matches(const KernelCall& call, PerBatch<Matcher>& matcher, Text text,
                              Text pattern) {
  icu::RegexMatcher& found = *TRY(matcher->match(call.context, pattern, text, kAsPostgres));
  UErrorCode status = U_ZERO_ERROR;
  int32_t count = 0;
  for (; found.find(status); ++count) TRY(may_go_on(call.context, 0));
  TRY(check(status));
  return count;
}

// Returns the parts between matches. An empty match cuts between characters, but not at the ends.
Result<Value> parts_between(const KernelCall& call, icu::RegexMatcher& found, Text text,
                            bool is_postgres) {
  const icu::UnicodeString whole = to_icu(text);
  UErrorCode status = U_ZERO_ERROR;
  ValueList parts;
  int32_t at = 0;
  while (found.find(status)) {
    const int32_t start = found.start(status), end = found.end(status);
    if (start == end && (start == 0 || start == whole.length())) continue;
    // As documented for PostgreSQL, an empty match directly after another match does not count.
    if (is_postgres && start == end && start == at) continue;
    parts.push_back(Value::text(to_utf8(whole.tempSubStringBetween(at, start))));
    TRY(may_go_on(call.context, size_of(parts.back())));
    at = end;
  }
  TRY(check(status));
  parts.push_back(Value::text(to_utf8(whole.tempSubStringBetween(at))));
  return Value::list(std::move(parts));
}
Result<Value> split_by_pattern(const KernelCall& call, PerBatch<Matcher>& matcher, Text text,
                               Text pattern) {
  return parts_between(call, *TRY(matcher->match(call.context, pattern, text)), text, false);
}
Result<Value> split_with(const KernelCall& call, PerBatch<Matcher>& matcher, Text text,
                         Text pattern, Text flags) {
  const Flagged flagged = TRY(with_flags(pattern, flags));
  if (flagged.is_global)
    return Error{ErrorCode::InvalidParameter,
                 "regexp_split_to_array() does not support the \"global\" option"};
  icu::RegexMatcher& found = *TRY(matcher->match(call.context, flagged.pattern, text, kAsPostgres));
  return parts_between(call, found, text, true);
}
Result<Value> split_as_postgres(const KernelCall& call, PerBatch<Matcher>& matcher, Text text,
                                Text pattern) {
  return split_with(call, matcher, text, pattern, "");
}

constexpr FunctionDef kRegexDefs[] = {
    {.name = "regexp_extract",
     .signature = "(STRING pattern, STRING input) -> STRING",
     .doc = "The first part of a text that matches a regular expression.",
     .example = "REGEXP_EXTRACT('test.', 'some_test_string') = 'test_'",
     .kernel = row_kernel<extract_match>},
    {.name = "regexp_extract",
     .signature = "(STRING pattern, STRING input, INT group) -> STRING",
     .doc = "The first match of a group of the expression.",
     .example = "REGEXP_EXTRACT('(.*) (.*)', 'steven zhang', 2) = 'zhang'",
     .kernel = row_kernel<extract_group>},
    {.name = "regexp_extract_all",
     .signature = "(STRING pattern, STRING input) -> ARRAY<STRING>",
     .doc = "All parts of a text that match a regular expression.",
     .example = "REGEXP_EXTRACT_ALL('a.', 'ab ac') = ARRAY['ab', 'ac']",
     .kernel = row_kernel<extract_all>},
    {.name = "regexp_extract_all",
     .signature = "(STRING pattern, STRING input, INT group) -> ARRAY<STRING>",
     .doc = "The matches of a group of the expression, one for each match.",
     .example = R"(REGEXP_EXTRACT_ALL('(\w+) (\w*)', 'a b c d', 2) = ARRAY['b', 'd'])",
     .kernel = row_kernel<extract_all_groups>},
    {.name = "regexp_like",
     .signature = "(STRING string, STRING pattern) -> BOOLEAN",
     .doc = "Whether a part of a text matches a regular expression; PostgreSQL's `~`.",
     .example = "REGEXP_LIKE('Hello World', 'world$') = false",
     .kernel = row_kernel<is_like>},
    {.name = "regexp_like",
     .signature = "(STRING string, STRING pattern, STRING flags) -> BOOLEAN",
     .doc = "Whether a part of a text matches a regular expression; the flag `i` ignores upper and "
            "lower case.",
     .example = "REGEXP_LIKE('Hello World', 'world$', 'i')",
     .kernel = row_kernel<is_like_with>},
    {.name = "regexp_match",
     .signature = "(STRING string, STRING pattern) -> ARRAY<STRING>",
     .doc = "The groups of the first match of a regular expression, or the whole match if the "
            "expression has no groups; null without a match.",
     .example = "REGEXP_MATCH('foobarbequebaz', '(bar)(beque)') = ARRAY['bar', 'beque']",
     .kernel = row_kernel<first_groups>},
    {.name = "regexp_match",
     .signature = "(STRING string, STRING pattern, STRING flags) -> ARRAY<STRING>",
     .doc = "The groups of the first match of a regular expression; the flag `i` ignores upper and "
            "lower case.",
     .example = "REGEXP_MATCH('Foo', 'f(o+)', 'i') = ARRAY['oo']",
     .kernel = row_kernel<first_groups_with>},
    {.name = "regexp_match_all",
     .signature = "(STRING string, STRING pattern, STRING flags) -> ARRAY<ARRAY<STRING>>",
     .doc = "The groups of the first match, as in REGEXP_MATCH; with the flag `g`, of all matches. "
            "Over tables REGEXP_MATCHES returns them as rows.",
     .example = "ARRAY_LENGTH(REGEXP_MATCH_ALL('a1b2', '([a-z])([0-9])', 'g')) = 2",
     .kernel = row_kernel<all_groups>},
    {.name = "regexp_replace",
     .signature = "(STRING str, STRING regexp, STRING new) -> STRING",
     .doc = "The text with all matches replaced; $1 is the match of the first group.",
     .example = "REGEXP_REPLACE('baababaa', '(ab)+', 'cat') = 'bacataa'",
     .kernel = row_kernel<replaced_text>},
    {.name = "pg_catalog.regexp_replace",
     .signature = "(STRING str, STRING regexp, STRING new) -> STRING",
     .doc = "Over tables: the text with the first match replaced, as in PostgreSQL.",
     .example = "REGEXP_REPLACE('stream', 'e', 'E') = 'strEam'",
     .kernel = row_kernel<replace_first>},
    {.name = "pg_catalog.regexp_replace",
     .signature = "(STRING str, STRING regexp, STRING new, STRING flags) -> STRING",
     .doc = "The text with the first match replaced, or with the flag `g` all matches; the flag "
            "`i` ignores upper and lower case.",
     .example = "REGEXP_REPLACE('Hello World', 'L', 'x', 'gi') = 'Hexxo Worxd'",
     .kernel = row_kernel<replace_with>},
    {.name = "regexp_replace",
     .signature = "(STRING str, STRING regexp, STRING new, STRING flags) -> STRING",
     .doc = "As in PostgreSQL: replaces the first match, with the flag `g` all, with `i` in any "
            "case; `\\1` is the match of the first group.",
     .example = "REGEXP_REPLACE('Hello World', 'L', 'x', 'gi') = 'Hexxo Worxd'",
     .kernel = row_kernel<replace_with>},
    {.name = "pg_catalog.substring",
     .signature = "(STRING text, STRING pattern) -> STRING",
     .doc = "Over tables: the match of the first group of a regular expression, or the whole match "
            "if it has no groups.",
     .example = "SUBSTRING('foobar', 'o(.)b') = 'o'",
     .kernel = row_kernel<first_match<1>>},
    {.name = "regexp_substr",
     .signature = "(STRING string, STRING pattern) -> STRING",
     .doc = "The first part of a text that matches a regular expression; null without a match.",
     .example = "REGEXP_SUBSTR('foobar', 'o.b') = 'oob'",
     .kernel = row_kernel<first_match<0>>},
    {.name = "regexp_instr",
     .signature = "(STRING string, STRING pattern) -> INT",
     .doc = "The position of the first match, counted from 1; 0 without a match.",
     .example = "REGEXP_INSTR('foobar', 'b.') = 4",
     .kernel = row_kernel<place_of_match>},
    {.name = "regexp_count",
     .signature = "(STRING string, STRING pattern) -> INT",
     .doc = "The number of matches of a regular expression in a text.",
     .example = "REGEXP_COUNT('banana', 'an') = 2",
     .kernel = row_kernel<count_matches>},
    {.name = "regexp_split_to_array",
     .signature = "(STRING string, STRING regexp) -> ARRAY<STRING>",
     .doc = "The parts between matches of a regular expression.",
     .example = "REGEXP_SPLIT_TO_ARRAY('aabcda', '(ab|cd)') = ARRAY['a', '', 'a']",
     .kernel = row_kernel<split_by_pattern>},
    {.name = "pg_catalog.regexp_split_to_array",
     .signature = "(STRING string, STRING regexp) -> ARRAY<STRING>",
     .doc = "Over tables: the parts between matches of PostgreSQL's regular expression.",
     .example = R"(REGEXP_SPLIT_TO_ARRAY('Hello World', '\mW') = ARRAY['Hello ', 'orld'])",
     .kernel = row_kernel<split_as_postgres>},
    {.name = "pg_catalog.regexp_split_to_array",
     .signature = "(STRING string, STRING regexp, STRING flags) -> ARRAY<STRING>",
     .doc = "The parts between matches of PostgreSQL's regular expression; the flag `i` ignores "
            "upper and lower case.",
     .example = "REGEXP_SPLIT_TO_ARRAY('aXb', 'x', 'i') = ARRAY['a', 'b']",
     .kernel = row_kernel<split_with>},
    {.name = "regexp_split_to_array",
     .signature = "(STRING string, STRING regexp, STRING flags) -> ARRAY<STRING>",
     .doc = "The parts between matches of PostgreSQL's regular expression; with the flag `i` in "
            "any case.",
     .example = "REGEXP_SPLIT_TO_ARRAY('aXb', 'x', 'i') = ARRAY['a', 'b']",
     .kernel = row_kernel<split_with>},
};

}  // namespace

const FunctionFamily kRegexFunctions{"REGULAR EXPRESSION", kRegexDefs};

}  // namespace engine
