#include "engine/plan/generator.h"

#include <absl/strings/str_join.h>
#include <fmt/format.h>

#include <span>

#include "engine/plan/plan.h"
#include "engine/types/text_number.h"
#include "engine/types/text_time.h"

namespace engine {

std::optional<int64_t> read_generated_bound(const SqlType& type, const std::string& text) {
  switch (type.kind()) {
    case TypeKind::Integer:
      return parse_integer(text);
    case TypeKind::Bigint:
    case TypeKind::String:
      return parse_bigint(text);
    case TypeKind::Decimal: {
      const auto unscaled = parse_decimal(text, type.precision(), type.scale(), Rounding::Exact);
      if (!unscaled || *unscaled > INT64_MAX || *unscaled < INT64_MIN) return std::nullopt;
      return static_cast<int64_t>(*unscaled);
    }
    case TypeKind::Date:
      return parse_date(text);
    case TypeKind::Time:
      return parse_time(text);
    case TypeKind::Timestamp:
      return parse_timestamp(text);
    default:
      return std::nullopt;
  }
}

uint64_t generated_choices(const SqlType& type, const GeneratorRule& rule) {
  if (!rule.values.empty()) return rule.values.size();
  const auto min = read_generated_bound(type, rule.min), max = read_generated_bound(type, rule.max);
  if (!min || !max) return 1;
  // For the full range of 64 bits the sum wraps to 0, which stands for 2^64 values.
  return static_cast<uint64_t>(*max) - static_cast<uint64_t>(*min) + 1;
}

const RecomputeStep* view_step_of(const QueryPlan& plan) {
  if (plan.kind != QueryKind::View || plan.stages.empty()) return nullptr;
  return std::get_if<RecomputeStep>(&plan.stages.back().nodes.back().step);
}

const GeneratorPlan* generator_of(const QueryPlan& plan) {
  if (plan.stages.empty() || plan.stages.front().nodes.empty()) return nullptr;
  const auto* input = std::get_if<InputStep>(&plan.stages.front().nodes.front().step);
  return input && input->generator ? &*input->generator : nullptr;
}

std::string to_text(const GeneratorRule& rule) {
  std::string text;
  switch (rule.kind) {
    case GeneratorKind::Now:
      text = "now";
      break;
    case GeneratorKind::Random:
      text = "random";
      break;
    case GeneratorKind::Zipf:
      text = "zipf";
      break;
    case GeneratorKind::Sequence:
      text = "sequence";
      break;
  }
  constexpr size_t kShown = 5;
  if (!rule.values.empty()) {
    const std::span<const std::string> values(rule.values);
    text += " of " + absl::StrJoin(values.subspan(0, std::min(values.size(), kShown)), ", ");
    if (values.size() > kShown) text += fmt::format(" and {} more", values.size() - kShown);
  } else if (rule.length > 0) {
    text += fmt::format(" of length {}", rule.length);
  } else if (!rule.min.empty()) {
    text += fmt::format(" from {} to {}", rule.prefix + rule.min, rule.prefix + rule.max);
  }
  if (rule.nulls_per_million > 0)
    text += fmt::format(", {} % null", static_cast<double>(rule.nulls_per_million) / 10'000);
  return text;
}

std::string to_text(const GeneratorPlan& generator) {
  std::string text =
      fmt::format("{} rows per second, seed {}", generator.rows_per_second, generator.seed);
  if (generator.number_of_rows) text += fmt::format(", {} rows in all", *generator.number_of_rows);
  if (generator.start_ms) {
    text += ", event times from ";
    append_timestamp(text, *generator.start_ms);
  }
  return text;
}

}  // namespace engine
