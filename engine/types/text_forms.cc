#include "engine/types/text_forms.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>

#include "engine/types/ascii.h"

namespace engine {

namespace {

constexpr std::string_view kStyles[] = {"ISO", "SQL", "Postgres", "German"};
constexpr std::string_view kOrders[] = {"MDY", "DMY", "YMD"};
constexpr std::string_view kIntervalStyles[] = {"postgres", "postgres_verbose", "sql_standard",
                                                "iso_8601"};

struct Word {
  std::string_view name;
  bool is_begin;  // the word may be followed by further letters: euro, european
  std::optional<DateStyle> style;
  std::optional<DateOrder> order;
};
constexpr Word kWords[] = {
    {"iso", false, DateStyle::Iso, {}},          {"sql", false, DateStyle::Sql, {}},
    {"postgres", true, DateStyle::Postgres, {}}, {"german", false, DateStyle::German, {}},
    {"ymd", false, {}, DateOrder::Ymd},          {"dmy", false, {}, DateOrder::Dmy},
    {"euro", true, {}, DateOrder::Dmy},          {"mdy", false, {}, DateOrder::Mdy},
    {"us", false, {}, DateOrder::Mdy},           {"noneuro", true, {}, DateOrder::Mdy},
};

const Word* find_word(std::string_view name) {
  const auto* found = std::ranges::find_if(kWords, [&](const Word& word) {
    return word.is_begin ? name.starts_with(word.name) : name == word.name;
  });
  return found == std::end(kWords) ? nullptr : found;
}

Error refused(std::string_view words, std::string detail) {
  Error error{
      ErrorCode::InvalidParameter,
      fmt::format("invalid value for parameter \"DateStyle\": \"{}\"", words.substr(0, 200))};
  error.detail = std::move(detail);
  return error;
}

// Removes and returns the first word of a list, without the quotes and blanks around it.
std::string take_word(std::string_view& rest) {
  const size_t comma = std::min(rest.find(','), rest.size());
  std::string_view word = rest.substr(0, comma);
  rest.remove_prefix(std::min(comma + 1, rest.size()));
  constexpr std::string_view kAround = " \t\n\r\v\f\"";
  word.remove_prefix(std::min(word.find_first_not_of(kAround), word.size()));
  word = word.substr(0, word.find_last_not_of(kAround) + 1);
  return lower_case(word);
}

}  // namespace

Status read_date_style(std::string_view words, TextForms& forms) {
  std::optional<DateStyle> style;
  std::optional<DateOrder> order;
  // The order of the date's parts that a style implies; an explicit order takes precedence.
  std::optional<DateOrder> usual_order;
  bool has_comma = false;
  for (std::string_view rest = words; !rest.empty() || has_comma;) {
    has_comma = rest.find(',') != std::string_view::npos;
    const std::string name = take_word(rest);
    const bool is_blank = name.empty() && words.find(',') == std::string_view::npos;
    if (is_blank) break;
    if (name.empty() || name.find(' ') != std::string::npos)
      return refused(words, "List syntax is invalid.");
    if (name == "default") {
      if (!style) forms.date_style = DateStyle::Iso;
      if (!order) usual_order = DateOrder::Mdy;
      continue;
    }
    const Word* word = find_word(name);
    if (!word) return refused(words, fmt::format("Unrecognized key word: \"{}\".", name));
    const bool conflicts = (word->style && style && *style != *word->style) ||
                           (word->order && order && *order != *word->order);
    if (conflicts) return refused(words, "Conflicting \"datestyle\" specifications.");
    if (word->style) style = word->style;
    if (word->order) order = word->order;
    if (word->style == DateStyle::German) usual_order = DateOrder::Dmy;
  }
  forms.date_style = style.value_or(forms.date_style);
  forms.date_order = order.value_or(usual_order.value_or(forms.date_order));
  return {};
}

std::string date_style_text(const TextForms& forms) {
  return fmt::format("{}, {}", kStyles[static_cast<size_t>(forms.date_style)],
                     kOrders[static_cast<size_t>(forms.date_order)]);
}

bool read_interval_style(std::string_view word, TextForms& forms) {
  const auto* found = std::ranges::find(kIntervalStyles, lower_case(word));
  if (found == std::end(kIntervalStyles)) return false;
  forms.interval_style = static_cast<IntervalStyle>(found - std::begin(kIntervalStyles));
  return true;
}

std::string_view interval_style_text(const TextForms& forms) {
  return kIntervalStyles[static_cast<size_t>(forms.interval_style)];
}

}  // namespace engine
