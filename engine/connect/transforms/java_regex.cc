#include "engine/connect/transforms/java_regex.h"

#include <fmt/format.h>
#include <re2/re2.h>

namespace engine {

namespace {

// Converts named groups to RE2's syntax, which is Python's: (?P<name>...).
std::string in_syntax_of_re2(std::string_view pattern) {
  std::string text;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const std::string_view rest = pattern.substr(i);
    if (rest.size() > 1 && rest[0] == '\\') {
      text += rest.substr(0, 2);
      ++i;
    } else if (rest.starts_with("(?<") && !rest.starts_with("(?<=") && !rest.starts_with("(?<!")) {
      text += "(?P<";
      i += 2;
    } else {
      text += rest[0];
    }
  }
  return text;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

JavaRegex::JavaRegex(std::unique_ptr<re2::RE2> compiled) : compiled_(std::move(compiled)) {}
JavaRegex::JavaRegex(JavaRegex&&) noexcept = default;
JavaRegex& JavaRegex::operator=(JavaRegex&&) noexcept = default;
JavaRegex::~JavaRegex() = default;

Result<JavaRegex> JavaRegex::compile(std::string_view pattern) {
  re2::RE2::Options options(re2::RE2::Quiet);
  auto compiled = std::make_unique<re2::RE2>(in_syntax_of_re2(pattern), options);
  if (!compiled->ok())
    return Error{ErrorCode::InvalidParameter,
                 fmt::format("\"{}\" is not a regular expression that RE2 takes: {}", pattern,
                             compiled->error())};
  return JavaRegex(std::move(compiled));
}

bool JavaRegex::matches(std::string_view text) const {
  return re2::RE2::FullMatch(re2::StringPiece(text.data(), text.size()), *compiled_);
}

Result<std::vector<JavaRegex::Part>> JavaRegex::parse_replacement(
    std::string_view replacement) const {
  const int groups = compiled_->NumberOfCapturingGroups();
  std::vector<Part> parts;
  const auto literal = [&](char c) {
    if (parts.empty() || parts.back().group >= 0) parts.push_back({});
    parts.back().text += c;
  };
  const auto wrong = [&](std::string_view what) {
    return Error{ErrorCode::InvalidParameter, fmt::format("\"{}\" {}", replacement, what)};
  };
  for (size_t i = 0; i < replacement.size(); ++i) {
    if (replacement[i] == '\\') {
      if (++i == replacement.size()) return wrong("ends with a backslash");
      literal(replacement[i]);
    } else if (replacement[i] != '$') {
      literal(replacement[i]);
    } else if (replacement.substr(i).starts_with("${")) {
      const size_t end = replacement.find('}', i);
      if (end == std::string_view::npos) return wrong("has a ${ without a }");
      const std::string name(replacement.substr(i + 2, end - i - 2));
      const auto& names = compiled_->NamedCapturingGroups();
      const auto found = names.find(name);
      if (found == names.end())
        return wrong(fmt::format("names the group \"{}\", which does not exist", name));
      parts.push_back({.text = {}, .group = found->second});
      i = end;
    } else {
      if (i + 1 == replacement.size() || !is_digit(replacement[i + 1]))
        return wrong("has a $ without the number of a group; \\$ is the character");
      int group = replacement[++i] - '0';
      if (group > groups) return wrong(fmt::format("names group {}, of {}", group, groups));
      // As in Java, further digits belong to the number as long as a group with that number exists.
      while (i + 1 < replacement.size() && is_digit(replacement[i + 1]) &&
             group * 10 + (replacement[i + 1] - '0') <= groups)
        group = group * 10 + (replacement[++i] - '0');
      parts.push_back({.text = {}, .group = group});
    }
  }
  return parts;
}

std::string JavaRegex::replace_first(std::string_view text,
                                     const std::vector<Part>& replacement) const {
  std::vector<re2::StringPiece> groups(static_cast<size_t>(compiled_->NumberOfCapturingGroups()) +
                                       1);
  const re2::StringPiece whole(text.data(), text.size());
  if (!compiled_->Match(whole, 0, text.size(), re2::RE2::UNANCHORED, groups.data(),
                        static_cast<int>(groups.size())))
    return std::string(text);
  const auto begin = static_cast<size_t>(groups[0].data() - text.data());
  std::string result(text.substr(0, begin));
  for (const Part& part : replacement) {
    if (part.group < 0) {
      result += part.text;
      continue;
    }
    const re2::StringPiece& group = groups[static_cast<size_t>(part.group)];
    result.append(group.data() == nullptr ? "" : group.data(), group.size());
  }
  result += text.substr(begin + groups[0].size());
  return result;
}

}  // namespace engine
