#include "client/admin/topic_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>

namespace client {

namespace {

struct Unit {
  std::string_view name;
  double bytes;
};
constexpr std::array kUnits{Unit{"GB", 1e9}, Unit{"MB", 1e6}, Unit{"KB", 1e3}, Unit{"B", 1}};

Error not_a_rate(std::string_view text) {
  return {ErrorCode::InvalidParameter,
          fmt::format("\"{}\" is not a rate", text),
          {},
          "A rate has the form 15MB/s."};
}

std::string upper(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  std::erase(result, ' ');
  return result;
}

std::string rate(double bytes_per_second) {
  for (const Unit& unit : kUnits)
    if (bytes_per_second >= unit.bytes)
      return fmt::format("{:g} {}/s", std::round(bytes_per_second / unit.bytes * 100) / 100,
                         unit.name);
  return fmt::format("{:g} B/s", bytes_per_second);
}

int64_t quotient(double throughput, double of_each) {
  // Because of rounding errors, a quotient such as 600 / 200 may be slightly larger than 3, but
  // must not become 4.
  constexpr double kRounding = 1e-9;
  return std::max<int64_t>(1, static_cast<int64_t>(std::ceil(throughput / of_each - kRounding)));
}

std::string line(std::string_view letter, std::string_view what, double of, std::string_view rest) {
  return fmt::format("  {}  {:<34} {:>12}{}\n", letter, what, rate(of), rest);
}

std::string division(std::string_view name, double throughput, double of, int64_t rounded) {
  return fmt::format("   t/{} = {:.2f}, so {}", name, throughput / of, rounded);
}

}  // namespace

Result<double> parse_rate(std::string_view text) {
  std::string rest = upper(text);
  if (rest.ends_with("/S")) rest.resize(rest.size() - 2);
  for (const Unit& unit : kUnits) {
    if (!rest.ends_with(unit.name)) continue;
    const std::string_view digits =
        std::string_view(rest).substr(0, rest.size() - unit.name.size());
    double number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number,
                                              std::chars_format::fixed);
    if (error != std::errc{} || end != digits.data() + digits.size()) break;
    if (!(number > 0) || number > 1e9) break;
    return number * unit.bytes;
  }
  return not_a_rate(text);
}

Result<ClientRates> parse_client_rates(std::string_view text) {
  ClientRates rates;
  const size_t times = text.find_first_of("xX*");
  if (times != text.npos) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + times, rates.count);
    if (error != std::errc{} || end != text.data() + times || rates.count < 1)
      return Error{ErrorCode::InvalidParameter,
                   fmt::format("\"{}\" does not give the number of clients", text),
                   {},
                   "Four clients with 15 MB/s each are 4x15MB/s."};
    text.remove_prefix(times + 1);
  }
  rates.bytes_per_second = TRY(parse_rate(text));
  return rates;
}

int64_t PartitionPlan::for_producers() const { return quotient(throughput, producers.together()); }
int64_t PartitionPlan::for_consumers() const { return quotient(throughput, consumers.together()); }
int64_t PartitionPlan::partitions() const { return std::max(for_producers(), for_consumers()); }
int64_t PartitionPlan::for_one_group() const {
  return quotient(throughput, consumers.bytes_per_second);
}

std::string explain(const PartitionPlan& plan) {
  const int64_t partitions = plan.partitions();
  std::string text = fmt::format("{} partition{}\n\nmax(t/p, t/c), each rounded up:\n", partitions,
                                 partitions == 1 ? "" : "s");
  text += line("t", "throughput of the topic", plan.throughput, "");
  text += line("p",
               fmt::format("producers write, {} x {}", plan.producers.count,
                           rate(plan.producers.bytes_per_second)),
               plan.producers.together(),
               division("p", plan.throughput, plan.producers.together(), plan.for_producers()));
  text += line("c",
               fmt::format("consumers read, {} x {}", plan.consumers.count,
                           rate(plan.consumers.bytes_per_second)),
               plan.consumers.together(),
               division("c", plan.throughput, plan.consumers.together(), plan.for_consumers()));
  text += "\n";
  if (plan.consumers.count > partitions)
    text += fmt::format(
        "A group uses at most one consumer per partition: of {} in one group {} would be idle.\n",
        plan.consumers.count, plan.consumers.count - partitions);
  if (plan.for_one_group() > partitions)
    text += fmt::format(
        "Each partition carries {}, and one consumer reads {}: to keep up, a single group needs "
        "{}\npartitions and as many consumers.\n",
        rate(plan.throughput / static_cast<double>(partitions)),
        rate(plan.consumers.bytes_per_second), plan.for_one_group());
  text +=
      "Partitions can be added later, but keys then map to other partitions, so plan for growth.\n";
  return text;
}

std::string unusual_about_name(std::string_view topic) {
  const auto has = [&](std::string_view letters) {
    return topic.find_first_of(letters) != topic.npos;
  };
  const auto is_separator = [](char c) { return c == '.' || c == '_' || c == '-'; };
  if (std::ranges::any_of(topic, [](unsigned char c) { return std::isupper(c) != 0; }))
    return "has capital letters: names are usually lower case, since orders and Orders are two "
           "topics";
  if (topic.starts_with("__")) return "begins with __, as the names of internal topics do";
  if (!topic.empty() && (is_separator(topic.front()) || is_separator(topic.back())))
    return "begins or ends with a separator: names usually begin and end with a letter or a digit";
  if (has(".") && has("_"))
    return "has dots and underscores: metrics cannot distinguish them, so use only one of them";
  return {};
}

}  // namespace client
