#include "engine/query/ordered_sets.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "engine/functions/aggregate/accumulator.h"

namespace engine {

namespace {

// Returns the fraction of a percentile; nullopt if the function has none, or if it is null.
std::optional<double> fraction_of(const AggregateInstance& instance) {
  const Value& fraction = instance.initial_arguments.front();
  return fraction.is_null() ? std::nullopt : std::optional(fraction.as_double());
}

// Returns the accumulator for a state. A state lives for one step only, so it is neither encoded
// nor merged.
template <class State>
constexpr Accumulator accumulator_of_run() {
  using Of = AccumulatorOf<State>;
  return {.state_size = sizeof(State),
          .state_align = alignof(State),
          .init = Of::init,
          .destroy = Of::destroy,
          .update = Of::update,
          .undo = nullptr,
          .merge = nullptr,
          .result = Of::result,
          .encode = nullptr,
          .decode = nullptr};
}

struct Continuous {
  std::vector<double> values;
  void update(const AggregateInstance&, AggregateColumns args, size_t row) {
    if (!args[0]->is_null(row)) values.push_back(args[0]->data<double>()[row]);
  }
  void result(const AggregateInstance& instance, Column& out) const {
    const auto fraction = fraction_of(instance);
    if (!fraction || values.empty()) return out.append_null();
    const double at = *fraction * static_cast<double>(values.size() - 1);
    const double low = values[static_cast<size_t>(std::floor(at))];
    const double high = values[static_cast<size_t>(std::ceil(at))];
    out.append(low == high ? low : low + (at - std::floor(at)) * (high - low));
  }
};

struct Discrete {
  std::vector<std::string> cells;
  void update(const AggregateInstance&, AggregateColumns args, size_t row) {
    if (!args[0]->is_null(row)) cells.push_back(canonical_cell(*args[0], row));
  }
  void result(const AggregateInstance& instance, Column& out) const {
    const auto fraction = fraction_of(instance);
    if (!fraction || cells.empty()) return out.append_null();
    const double place = std::ceil(*fraction * static_cast<double>(cells.size()));
    append_value_of(cells[static_cast<size_t>(std::max(place, 1.0)) - 1], out);
  }
};

struct MostFrequent {
  std::string last, best;
  size_t last_count = 0, best_count = 0;
  void update(const AggregateInstance&, AggregateColumns args, size_t row) {
    if (args[0]->is_null(row)) return;
    std::string cell = canonical_cell(*args[0], row);
    last_count = last_count > 0 && cell == last ? last_count + 1 : 1;
    last = std::move(cell);
    if (last_count <= best_count) return;
    best_count = last_count;
    best = last;
  }
  void result(const AggregateInstance&, Column& out) const {
    if (best_count == 0) return out.append_null();
    append_value_of(best, out);
  }
};

struct OrderedSet {
  size_t arguments;
  AggregateDef def;
};
constexpr OrderedSet kOrderedSets[] = {
    {1,
     {.name = "PERCENTILE_CONT",
      .signature = "",
      .doc = "",
      .accumulator = accumulator_of_run<Continuous>()}},
    {1,
     {.name = "PERCENTILE_DISC",
      .signature = "",
      .doc = "",
      .accumulator = accumulator_of_run<Discrete>()}},
    {0,
     {.name = "MODE",
      .signature = "",
      .doc = "",
      .accumulator = accumulator_of_run<MostFrequent>()}},
};

const OrderedSet* find(std::string_view name) {
  const auto found =
      std::ranges::find(kOrderedSets, name, [](const OrderedSet& each) { return each.def.name; });
  return found == std::end(kOrderedSets) ? nullptr : &*found;
}

}  // namespace

std::optional<size_t> ordered_set_arguments(std::string_view name) {
  const OrderedSet* found = find(name);
  return found ? std::optional(found->arguments) : std::nullopt;
}

Result<AggregateInstance> make_ordered_set(std::string_view name, const SqlType& values,
                                           Value fraction) {
  if (!fraction.is_null() && !(fraction.as_double() >= 0 && fraction.as_double() <= 1))
    return Error{ErrorCode::OutOfRange,
                 fmt::format("percentile value {} is not between 0 and 1", fraction.as_double())};
  AggregateInstance made;
  made.def = &find(name)->def;
  made.argument_types = {values};
  made.result_type = values;
  made.initial_arguments.push_back(std::move(fraction));
  return made;
}

}  // namespace engine
