// Writes the text format that Prometheus reads, which
// https://prometheus.io/docs/instrumenting/exposition_formats/ describes.
#pragma once
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace server::http {

// A page of metric families, each followed by its samples:
//
//   # HELP millrace_query_lag_records Records that the query has not read yet.
//   # TYPE millrace_query_lag_records gauge
//   millrace_query_lag_records{query="CTAS_A_1"} 42
//
// A family has at most kMaxSamples samples; the last family of the page counts those that were left
// out.
//
// Threads: one.
class Exposition {
 public:
  static constexpr size_t kMaxSamples = 20'000;

  enum class Kind : uint8_t { Gauge, Counter };
  // Begins a family. `help` is a sentence.
  void family(std::string_view name, Kind kind, std::string_view help);

  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;
  void sample(std::integral auto value, Labels labels = {}) {
    if constexpr (std::signed_integral<decltype(value)>)
      add_signed(static_cast<int64_t>(value), labels);
    else
      add_unsigned(static_cast<uint64_t>(value), labels);
  }
  void sample(double value, Labels labels = {});

  // Returns the whole page. Nothing can be added afterwards.
  std::string take();

 private:
  void add_signed(int64_t value, Labels labels);
  void add_unsigned(uint64_t value, Labels labels);
  bool begin_sample(Labels labels);  // returns false if the page has too many samples
  void append_value(std::string_view value);
  void end_sample(const auto& number);

  std::string text_;
  std::string family_;
  size_t samples_ = 0;  // number of samples of the present family
  size_t left_out_ = 0;
};

}  // namespace server::http
