#include "server/http/metrics/exposition.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace server::http {

void Exposition::family(std::string_view name, Kind kind, std::string_view help) {
  family_ = name;
  samples_ = 0;
  fmt::format_to(std::back_inserter(text_), "# HELP {0} {1}\n# TYPE {0} {2}\n", name, help,
                 kind == Kind::Counter ? "counter" : "gauge");
}

void Exposition::append_value(std::string_view value) {
  while (!value.empty()) {
    const size_t plain = std::min(value.find_first_of("\n\"\\"), value.size());
    text_.append(value, 0, plain);
    value.remove_prefix(plain);
    if (value.empty()) return;
    text_ += '\\';
    text_ += value.front() == '\n' ? 'n' : value.front();
    value.remove_prefix(1);
  }
}

bool Exposition::begin_sample(Labels labels) {
  if (samples_ == kMaxSamples) {
    ++left_out_;
    return false;
  }
  ++samples_;
  text_ += family_;
  char before = '{';
  for (const auto& [name, value] : labels) {
    text_ += before;
    text_ += name;
    text_ += "=\"";
    append_value(value);
    text_ += '"';
    before = ',';
  }
  if (before == ',') text_ += '}';
  text_ += ' ';
  return true;
}

void Exposition::end_sample(const auto& number) {
  text_.append(number.data(), number.size());
  text_ += '\n';
}

void Exposition::add_signed(int64_t value, Labels labels) {
  if (begin_sample(labels)) end_sample(fmt::format_int(value));
}

void Exposition::add_unsigned(uint64_t value, Labels labels) {
  if (begin_sample(labels)) end_sample(fmt::format_int(value));
}

void Exposition::sample(double value, Labels labels) {
  if (begin_sample(labels)) fmt::format_to(std::back_inserter(text_), "{}\n", value);
}

std::string Exposition::take() {
  const size_t left_out = left_out_;
  family("millrace_metrics_samples_left_out", Kind::Gauge,
         "Samples that this page omits because a family has at most 20000.");
  sample(left_out);
  return std::move(text_);
}

}  // namespace server::http
