// The kernel of LIKE.
#include <optional>
#include <string>
#include <vector>

#include "engine/expr/kernels.h"
#include "engine/expr/null_failures.h"
#include "engine/expr/validity.h"
#include "engine/functions/adapters.h"
#include "engine/functions/text_search.h"
#include "engine/java/utf16.h"

namespace engine {

namespace {

// A part of a pattern between two `%`. (A `%` is called a run here, since it matches a run of
// characters.) Some characters of the part may be wildcards (`_`). A line break is matched like any
// other character, as in PostgreSQL and in ksqlDB since confluentinc/ksql#6756.
class LikePart {
 public:
  struct Range {
    size_t begin, end;
  };

  void add(std::string_view character) {
    characters_.push_back({character, false});
    text_ += character;
  }
  void add_any() {
    characters_.push_back({{}, true});
    has_any_ = true;
  }

  // Returns the first match that begins at `from` or later.
  std::optional<Range> find(std::string_view text, size_t from, size_t& steps_left) const {
    if (!has_any_) {
      const size_t found = find_text(text, text_, from);
      if (found == TextMatches::kNone) return std::nullopt;
      return Range{found, found + text_.size()};
    }
    for (size_t at = from; at < text.size() && steps_left > 0; at += character_size(text, at))
      if (const auto end = match(text, at, steps_left)) return Range{at, *end};
    return std::nullopt;
  }
  // Returns the end of a match that begins at `at`.
  std::optional<size_t> match(std::string_view text, size_t at, size_t& steps_left) const {
    for (const Character& wanted : characters_) {
      if (at >= text.size() || steps_left == 0) return std::nullopt;
      --steps_left;
      const std::string_view character = text.substr(at, character_size(text, at));
      if (!wanted.is_any && character != wanted.text) return std::nullopt;
      at += character.size();
    }
    return at;
  }
  // Returns the begin of a match that ends with the text and begins at `from` or later.
  std::optional<size_t> match_end(std::string_view text, size_t from, size_t& steps_left) const {
    size_t at = text.size();
    for (size_t left = characters_.size(); left > 0; --left) {
      if (at <= from) return std::nullopt;
      while ((static_cast<unsigned char>(text[--at]) & 0xC0) == 0x80 && at > from) continue;
    }
    if (match(text, at, steps_left) != text.size()) return std::nullopt;
    return at;
  }

 private:
  struct Character {
    std::string_view text;
    bool is_any;
  };
  std::vector<Character> characters_;
  std::string text_;  // the characters, if none of them is a wildcard
  bool has_any_ = false;
};

// A pattern, split into the parts between its runs.
class LikePattern {
 public:
  // Returns false if the pattern ends with the escape character. The pattern must outlive the
  // object.
  bool compile(std::string_view pattern, std::string_view escape) {
    parts_.assign(1, LikePart());
    while (!pattern.empty()) {
      const std::string_view character = take(pattern);
      if (!escape.empty() && character == escape) {
        if (pattern.empty()) return false;
        parts_.back().add(take(pattern));
      } else if (character == "%") {
        parts_.emplace_back();
      } else if (character == "_") {
        parts_.back().add_any();
      } else {
        parts_.back().add(character);
      }
    }
    return true;
  }

  // Returns whether the text matches. Each run matches as few characters as possible, because a later run can match
  // the rest. Parts without `_` are found in a time that is proportional to the length of the text. For parts with
  // `_` the number of steps is limited, and the row fails beyond the limit. The limit depends only on the text, so
  // a row always fails or never.
  Result<bool> matches(std::string_view text) const {
    size_t steps_left = kSteps + 4 * text.size();
    const bool fits = this->fits(text, steps_left);
    if (steps_left == 0)
      return Error{ErrorCode::LimitExceeded, "LIKE takes too many steps on this text"};
    return fits;
  }

 private:
  static constexpr size_t kSteps = 1'000'000;

  static std::string_view take(std::string_view& text) {
    const std::string_view character = text.substr(0, character_size(text, 0));
    text.remove_prefix(character.size());
    return character;
  }

  bool fits(std::string_view text, size_t& steps_left) const {
    const auto begin = parts_.front().match(text, 0, steps_left);
    if (!begin) return false;
    if (parts_.size() == 1) return *begin == text.size();
    size_t at = *begin;
    for (size_t i = 1; i + 1 < parts_.size(); ++i) {
      const auto found = parts_[i].find(text, at, steps_left);
      if (!found) return false;
      at = found->end;
    }
    return parts_.back().match_end(text, at, steps_left).has_value();
  }

  std::vector<LikePart> parts_;
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
    if (adapters::is_over(call, row)) {
      adapters::fail_rest(call, row);
      for (; row < call.rows; ++row) valid.clear(row);
      break;
    }
    if (!valid.test(row)) {
      if (!call.knows_unknown) call.errors.add(row, kLikeWithNull);
      continue;
    }
    if (!is_compiled || !call.args[1].is_constant)
      is_good = pattern.compile(call.args[1].get<std::string_view>(row), escape);
    is_compiled = true;
    const Result<bool> matches = is_good ? pattern.matches(call.args[0].get<std::string_view>(row))
                                         : Error{ErrorCode::InvalidParameter,
                                                 "LIKE pattern must not end with escape character"};
    if (matches) {
      out[row] = *matches;
    } else {
      call.errors.add(row, matches.error().message);
      valid.clear(row);
    }
  }
  call.out.validity() = std::move(valid);
}

}  // namespace engine
