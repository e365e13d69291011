#include "engine/query/printed_records.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <utility>

#include "base/bytes.h"
#include "engine/types/text_bytes.h"

namespace engine {

namespace {

constexpr std::string_view kNothingSeen = "¯\\_(ツ)_/¯ - no data processed";
constexpr size_t kStartBytes = 8, kBoundsBytes = 16;  // times at the end of windowed keys

// Numbers in this range are assumed to be times of windows: 1971 to 2200.
constexpr int64_t kFirstTime = 31'536'000'000, kLastTime = 7'258'118'400'000;

int64_t number_at(std::string_view bytes, size_t at) {
  return ByteReader(bytes.substr(at)).be<int64_t>();
}

bool is_text(std::string_view bytes) {
  const auto is_control = [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t' && c != '\r') ||
           c == 0x7f;
  };
  return std::ranges::none_of(bytes, is_control) && is_utf8(bytes);
}
// Returns whether the bytes look like JSON. Checks only the first and the last character, because
// the reader of the output sees whether the text between them is valid.
bool is_json(std::string_view bytes) {
  const size_t first = bytes.find_first_not_of(" \t\r\n"), last = bytes.find_last_not_of(" \t\r\n");
  if (first == std::string_view::npos || !is_text(bytes)) return false;
  return (bytes[first] == '{' && bytes[last] == '}') || (bytes[first] == '[' && bytes[last] == ']');
}
bool is_int(std::string_view bytes) { return bytes.size() == 4; }
bool is_long(std::string_view bytes) { return bytes.size() == 8; }
bool is_time(std::string_view bytes, size_t at) {
  const int64_t time = number_at(bytes, at);
  return time == 0 || (time >= kFirstTime && time <= kLastTime);
}

std::string show_text(std::string_view bytes) { return std::string(bytes); }
std::string show_int(std::string_view bytes) {
  return std::to_string(ByteReader(bytes).be<int32_t>());
}
std::string show_long(std::string_view bytes) { return std::to_string(number_at(bytes, 0)); }

// Returns the bytes as Java shows them: printable characters unchanged, all others as numbers.
std::string show_bytes(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '\\')
      text += c;
    else
      text += fmt::format("\\x{:02X}", byte);
  }
  return text;
}

struct Kind {
  std::string_view name;
  bool (*fits)(std::string_view bytes);
  std::string (*show)(std::string_view bytes);
};
// Kinds of formats, the most specific one first. Bytes are printed in the first kind that is
// possible.
constexpr Kind kKinds[] = {{"JSON", is_json, show_text},
                           {"KAFKA_STRING", is_text, show_text},
                           {"KAFKA_INT", is_int, show_int},
                           {"KAFKA_BIGINT or KAFKA_DOUBLE", is_long, show_long}};

enum class Windowed : uint8_t { No, ByStart, ByBounds };
struct Candidate {
  size_t kind;
  Windowed windowed;
};

std::vector<Candidate> make_candidates(Side side) {
  std::vector<Candidate> candidates;
  for (const Windowed windowed : {Windowed::ByBounds, Windowed::ByStart, Windowed::No})
    for (size_t kind = 0; kind < std::size(kKinds); ++kind)
      if (side == Side::Key || windowed == Windowed::No) candidates.push_back({kind, windowed});
  return candidates;
}

const std::vector<Candidate>& candidates_of(Side side) {
  static const std::vector<Candidate> keys = make_candidates(Side::Key),
                                      values = make_candidates(Side::Value);
  return side == Side::Key ? keys : values;
}

size_t suffix_of(Windowed windowed) {
  return windowed == Windowed::No ? 0 : windowed == Windowed::ByStart ? kStartBytes : kBoundsBytes;
}

bool fits(const Candidate& candidate, std::string_view bytes) {
  const size_t suffix = suffix_of(candidate.windowed);
  if (suffix > 0) {
    if (bytes.size() <= suffix) return false;
    const size_t at = bytes.size() - suffix;
    if (!is_time(bytes, at)) return false;
    // The end of a window must not precede its start.
    if (suffix == kBoundsBytes && (!is_time(bytes, at + kStartBytes) ||
                                   number_at(bytes, at) > number_at(bytes, at + kStartBytes)))
      return false;
    bytes.remove_suffix(suffix);
  }
  return kKinds[candidate.kind].fits(bytes);
}

std::string show_as(const Candidate& candidate, std::string_view bytes) {
  const Kind& kind = kKinds[candidate.kind];
  const size_t suffix = suffix_of(candidate.windowed);
  if (suffix == 0) return kind.show(bytes);
  const size_t at = bytes.size() - suffix;
  const std::string end = candidate.windowed == Windowed::ByBounds
                              ? std::to_string(number_at(bytes, at + kStartBytes))
                              : "-";
  return fmt::format("[{}@{}/{}]", kind.show(bytes.substr(0, at)), number_at(bytes, at), end);
}

std::string name_of(const Candidate& candidate) {
  const std::string_view name = kKinds[candidate.kind].name;
  switch (candidate.windowed) {
    case Windowed::ByBounds:
      return fmt::format("SESSION({})", name);
    case Windowed::ByStart:
      return fmt::format("HOPPING({0}) or TUMBLING({0})", name);
    case Windowed::No:
      break;
  }
  return std::string(name);
}

std::string shown_time(int64_t timestamp_ms) {
  if (timestamp_ms < 0) return "N/A";
  using namespace std::chrono;
  const auto time = sys_time<milliseconds>(milliseconds(timestamp_ms));
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(time - day);
  return fmt::format("{:04}/{:02}/{:02} {:02}:{:02}:{:02}.{:03} Z", int(date.year()),
                     unsigned(date.month()), unsigned(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

}  // namespace

bool FormatGuess::look_at(std::string_view bytes) {
  const std::vector<Candidate>& candidates = candidates_of(side_);
  const uint32_t before = possible_.value_or(UINT32_MAX);
  uint32_t now = 0;
  for (size_t i = 0; i < candidates.size(); ++i)
    if ((before >> i & 1) && fits(candidates[i], bytes)) now |= uint32_t{1} << i;
  const bool is_changed = possible_ != now;
  possible_ = now;
  return is_changed;
}

std::string FormatGuess::name() const {
  if (!possible_) return std::string(kNothingSeen);
  const std::vector<Candidate>& candidates = candidates_of(side_);
  std::vector<std::string> names;
  for (size_t i = 0; i < candidates.size(); ++i)
    if (*possible_ >> i & 1) names.push_back(name_of(candidates[i]));
  return names.empty() ? "UNRECOGNIZED_BYTES" : fmt::format("{}", fmt::join(names, " or "));
}

std::string FormatGuess::likeliest() const {
  const uint32_t possible = possible_.value_or(0);
  if (possible == 0) return std::string(kUnknown);
  return name_of(candidates_of(side_)[static_cast<size_t>(std::countr_zero(possible))]);
}

std::string FormatGuess::show(std::string_view bytes) const {
  const uint32_t possible = possible_.value_or(0);
  if (possible == 0) return is_text(bytes) ? std::string(bytes) : show_bytes(bytes);
  return show_as(candidates_of(side_)[static_cast<size_t>(std::countr_zero(possible))], bytes);
}

bool RecordPrinter::show(Part& part, const std::optional<std::string_view>& bytes,
                         std::string& text) {
  text = "<null>";
  if (!bytes) return false;
  std::string name;
  if (auto shown = part.schemas.show(*bytes)) {
    name = shown->format;
    text = std::move(shown->text);
  } else {
    part.guess.look_at(*bytes);
    name = part.guess.name();
    text = part.guess.show(*bytes);
  }
  return std::exchange(part.name, name) != name;
}

std::vector<std::string> RecordPrinter::print(const Record& record) {
  const bool is_first = !std::exchange(has_printed_, true);
  std::string key, value;
  const bool is_new_key = show(key_, record.key, key);
  const bool is_new_value = show(value_, record.value, value);
  std::vector<std::string> lines;
  if (is_first || is_new_key) lines.push_back("Key format: " + key_.name);
  if (is_first || is_new_value) lines.push_back("Value format: " + value_.name);
  lines.push_back(fmt::format("rowtime: {}, key: {}, value: {}, partition: {}",
                              shown_time(record.timestamp_ms), key, value, record.partition));
  return lines;
}

}  // namespace engine
