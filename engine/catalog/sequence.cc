#include "engine/catalog/sequence.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "engine/catalog/passed_numbers.h"
#include "engine/types/ascii.h"

namespace engine {

namespace {

// An integer that can hold the difference of any two 64-bit numbers.
using Wide = __int128;

Error no_more(const Sequence& sequence) {
  const bool goes_up = sequence.increment > 0;
  return {ErrorCode::OutOfRange,
          fmt::format("nextval: reached {} value of sequence \"{}\" ({})",
                      goes_up ? "maximum" : "minimum", display_name(sequence.name),
                      goes_up ? sequence.max : sequence.min)};
}

// Returns the part of a name in the catalog's spelling. A part in lower case counts as unquoted, as
// everywhere in the dialect.
std::string folded(std::string_view part) {
  const bool is_plain = std::ranges::none_of(part, [](char c) { return c >= 'A' && c <= 'Z'; });
  return is_plain ? upper_case(part) : std::string(part);
}

}  // namespace

Result<SequenceNumbers> take_numbers(Sequence& sequence, int64_t count) {
  const Wide step = sequence.increment;
  const bool goes_up = step > 0;
  Wide first = sequence.last_value;
  if (sequence.is_called) {
    first += step;
    if (first > sequence.max || first < sequence.min) {
      if (!sequence.cycles) return no_more(sequence);
      first = goes_up ? sequence.min : sequence.max;
    }
  }
  const Wide room = goes_up ? (Wide(sequence.max) - first) / step : (first - sequence.min) / -step;
  SequenceNumbers numbers;
  numbers.first = static_cast<int64_t>(first);
  numbers.count = static_cast<int64_t>(std::min<Wide>(std::max<int64_t>(count, 1), room + 1));
  numbers.increment = sequence.increment;
  sequence.last_value = numbers.last();
  sequence.is_called = true;
  return numbers;
}

Status set_value(Sequence& sequence, int64_t value, bool is_called) {
  if (value < sequence.min || value > sequence.max)
    return Error{ErrorCode::OutOfRange,
                 fmt::format("setval: value {} is out of bounds for sequence \"{}\" ({}..{})",
                             value, display_name(sequence.name), sequence.min, sequence.max)};
  sequence.last_value = value;
  sequence.is_called = is_called;
  sequence.version += kVersionsOfCount;
  return {};
}

SequenceBounds bounds_of(std::string_view data_type) {
  if (data_type == "smallint") return {INT16_MIN, INT16_MAX};
  if (data_type == "integer") return {INT32_MIN, INT32_MAX};
  return {INT64_MIN, INT64_MAX};
}

Result<std::string> sequence_name(std::string_view text) {
  const Error invalid{ErrorCode::InvalidText, fmt::format("invalid name syntax: \"{}\"", text)};
  std::vector<std::string> parts;
  const auto skip_blanks = [&] {
    while (text.starts_with(' ')) text.remove_prefix(1);
  };
  while (true) {
    skip_blanks();
    std::string part;
    if (text.starts_with('"')) {
      text.remove_prefix(1);
      while (!text.empty()) {
        const bool is_quote = text.front() == '"';
        if (is_quote && !text.substr(1).starts_with('"')) break;
        part += text.front();
        text.remove_prefix(is_quote ? 2 : 1);
      }
      if (text.empty()) return invalid;
      text.remove_prefix(1);
    } else {
      while (!text.empty() && text.front() != '.' && text.front() != ' ') {
        part += ascii_lower(text.front());
        text.remove_prefix(1);
      }
    }
    if (part.empty()) return invalid;
    parts.push_back(std::move(part));
    skip_blanks();
    if (text.empty()) break;
    if (!text.starts_with('.')) return invalid;
    text.remove_prefix(1);
  }
  if (parts.size() > 3) return invalid;
  const std::string name = folded(parts.back());
  if (parts.size() == 1) return name;
  const std::string& schema = parts[parts.size() - 2];
  return schema == "public" || schema == "pg_catalog" ? name : folded(schema) + "." + name;
}

}  // namespace engine
