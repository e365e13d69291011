#include "engine/testing/compare_outputs.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "engine/testing/observed.h"
#include "engine/testing/schema_records.h"
#include "engine/types/time_math.h"

namespace engine {
namespace {

struct OutputComparison {
  const TopicFormat& format;
  NumberReading numbers;
  const SchemaRegistry& registry;
  bool any_time_for_zero;  // set if the case has no inputs: its rows have the time of their INSERT
};

struct SplitKey {
  std::optional<std::string> key;
  std::optional<CaseWindow> window;
};

// Splits a key from its window. Kafka Streams appends the window's start to the key, or a session's
// end and start.
SplitKey split_key(const RawRecord& record, const TopicFormat& format) {
  SplitKey split{record.key, {}};
  if (!format.window || !record.key) return split;
  const bool is_session = format.window->type == WindowType::Session;
  const size_t suffix = is_session ? 16 : 8;
  if (record.key->size() < suffix) return split;
  const char* tail = record.key->data() + record.key->size() - suffix;
  split.key = record.key->substr(0, record.key->size() - suffix);
  CaseWindow window;
  window.is_session = is_session;
  if (is_session) {
    window.end_ms = load_be<int64_t>(tail);
    window.start_ms = load_be<int64_t>(tail + 8);
  } else {
    window.start_ms = load_be<int64_t>(tail);
    window.end_ms = saturating_add(window.start_ms, format.window->size_ms.value_or(0));
  }
  split.window = window;
  return split;
}

std::string text_of(const std::optional<CaseWindow>& window) {
  if (!window) return "no window";
  return fmt::format("{} [{}, {}]", window->is_session ? "session" : "window", window->start_ms,
                     window->end_ms);
}

bool same_window(const std::optional<CaseWindow>& a, const std::optional<CaseWindow>& b) {
  if (!a || !b) return !a && !b;
  return a->is_session == b->is_session && a->start_ms == b->start_ms && a->end_ms == b->end_ms;
}

Result<Observed> observe(const std::optional<std::string>& bytes, Side side,
                         const OutputComparison& how) {
  const bool is_key = side == Side::Key;
  const FormatSpec& format = is_key ? how.format.key_format : how.format.value_format;
  const auto& columns = is_key ? how.format.key_columns : how.format.value_columns;
  if (!bytes || !has_schema(format)) return read_observed(bytes, format, columns, how.numbers);
  return observe_with_schema(*bytes, format, columns, side, how.registry);
}

std::string compare_side(const CaseJson& expected, const std::optional<std::string>& bytes,
                         Side part, const OutputComparison& how) {
  const std::string_view side = part == Side::Key ? "key" : "value";
  const Result<Observed> actual = observe(bytes, part, how);
  if (!actual) return fmt::format("{}: {}", side, actual.error().message);
  const std::string difference = mismatch(expected, *actual);
  if (difference.empty()) return "";
  return fmt::format("{}: {}; the whole {} is {}", side, difference, side, to_text(*actual));
}

std::string compare_record(const CaseRecord& expected, const RawRecord& actual,
                           const OutputComparison& how) {
  const SplitKey split = split_key(actual, how.format);
  if (!same_window(expected.window, split.window))
    return fmt::format("expected {}, got {}", text_of(expected.window), text_of(split.window));
  std::string difference = compare_side(expected.key, split.key, Side::Key, how);
  if (!difference.empty()) return difference;
  difference = compare_side(expected.value, actual.value, Side::Value, how);
  if (!difference.empty()) return difference;
  if (expected.headers != actual.headers)
    return fmt::format("expected {} headers, got {} or others", expected.headers.size(),
                       actual.headers.size());
  if (!expected.timestamp || *expected.timestamp == actual.timestamp) return "";
  if (*expected.timestamp == 0 && how.any_time_for_zero) return "";
  return fmt::format("expected timestamp {}, got {}", *expected.timestamp, actual.timestamp);
}

std::string short_text(const RawRecord& record, const OutputComparison& how) {
  const SplitKey split = split_key(record, how.format);
  const auto side = [&](const std::optional<std::string>& bytes, Side part) {
    const auto observed = observe(bytes, part, how);
    return observed ? to_text(*observed) : "(" + observed.error().message + ")";
  };
  return fmt::format("{} -> {} @{}", side(split.key, Side::Key), side(record.value, Side::Value),
                     record.timestamp);
}

std::string compare_topic(const std::string& topic, std::span<const CaseRecord* const> expected,
                          std::span<const RawRecord> actual, const OutputComparison& how) {
  for (size_t i = 0; i < std::min(expected.size(), actual.size()); ++i) {
    const std::string difference = compare_record(*expected[i], actual[i], how);
    if (!difference.empty()) return fmt::format("{} record {}: {}", topic, i, difference);
  }
  if (expected.size() == actual.size()) return "";
  std::string text =
      fmt::format("{}: expected {} records, got {}", topic, expected.size(), actual.size());
  if (actual.size() > expected.size())
    text += "; the first too many: " + short_text(actual[expected.size()], how);
  else
    text +=
        fmt::format("; the first missing: {} -> {}", case_json_text(expected[actual.size()]->key),
                    case_json_text(expected[actual.size()]->value));
  return text;
}

}  // namespace

std::string compare_outputs(const TestCase& test,
                            const std::map<std::string, std::vector<RawRecord>>& written,
                            std::span<const KnownTopic> topics, const SchemaRegistry& registry) {
  const auto exact = test.properties.find("use.exact.numeric.comparison");
  const NumberReading numbers = exact != test.properties.end() && exact->second == "false"
                                    ? NumberReading::Rounded
                                    : NumberReading::Exact;
  std::map<std::string, std::vector<const CaseRecord*>> expected;
  for (const CaseRecord& record : test.outputs) expected[record.topic].push_back(&record);
  for (const auto& [topic, records] : expected) {
    const auto known = std::ranges::find(topics, topic, &KnownTopic::name);
    if (known == topics.end() || !known->format)
      return fmt::format("no source, sink or query writes topic {}", topic);
    const auto held = written.find(topic);
    static const std::vector<RawRecord> kNothing;
    std::string difference =
        compare_topic(topic, records, held == written.end() ? kNothing : held->second,
                      {*known->format, numbers, registry, test.inputs.empty()});
    if (!difference.empty()) return difference;
  }
  return "";
}

}  // namespace engine
