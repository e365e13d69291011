// TRANSFORM, FILTER and REDUCE: functions that take a lambda.
#include <absl/container/flat_hash_set.h>

#include <algorithm>

#include "engine/functions/adapters.h"
#include "engine/functions/cells.h"
#include "engine/functions/families.h"
#include "engine/functions/lists.h"
#include "engine/types/row_size.h"

namespace engine {

namespace {

// The approximate memory of an element while a lambda runs: its indexes in Flat, a copy of the element, and a result.
constexpr size_t kElementBytes = 64;

// All elements, or entries, of all rows of an ARRAY or MAP argument, one after another, so that a lambda runs once over
// all of them. A row whose elements exceed the budget gets an error and contributes no elements.
struct Flat {
  std::vector<uint32_t> items;   // indexes in the argument's children
  std::vector<uint32_t> owners;  // row of each element
  std::vector<Column> parts;     // elements; for maps keys and values

  explicit Flat(KernelCall& call) {
    const Argument& argument = call.args[0];
    const bool is_map = argument.type().kind() == TypeKind::Map;
    for (size_t row = 0; row < call.rows; ++row) {
      if (argument.is_null(row)) continue;
      const ItemRange range = items_of(argument, row);
      const size_t bytes = (range.end - range.begin) * kElementBytes;
      if (!call.context.take_working_bytes(bytes)) {
        call.errors.add(row, call.context.budget->status().error());
        continue;
      }
      if (is_map)
        std::ranges::copy(hash_order(argument.column->child(0), range), std::back_inserter(items));
      else
        for (uint32_t item = range.begin; item < range.end; ++item) items.push_back(item);
      owners.resize(items.size(), static_cast<uint32_t>(row));
    }
    for (size_t part = 0; part < argument.column->child_count(); ++part)
      parts.push_back(argument.column->child(part).gather(items));
  }
  std::vector<Argument> arguments() const {
    std::vector<Argument> arguments;
    for (const Column& part : parts) arguments.push_back({&part});
    return arguments;
  }
  ColumnPtr run(const LambdaBody& body, RowErrors& errors) const {
    return body.run(arguments(), owners, errors);
  }
};

// Appends one list for each row, with the elements of `parts` that belong to the row. The columns
// of `parts` have as many rows as `flat`; `keep` selects positions. A lambda may return the same
// long string for all elements, so memory is taken for each copy.
template <class Keep>
void build_rows(KernelCall& call, const Flat& flat, std::span<const Column* const> parts,
                Keep keep) {
  size_t at = 0;
  for (size_t row = 0; row < call.rows; ++row) {
    const size_t begin = at;
    size_t bytes = 0;
    for (; at < flat.owners.size() && flat.owners[at] == row; ++at)
      for (const Column* part : parts)
        if (keep(at)) bytes += copied_bytes(*part, at);
    const bool is_valid = !call.args[0].is_null(row) && !call.errors.has(row) &&
                          call.context.take_bytes(bytes, row, call.errors);
    for (size_t item = begin; item < at && is_valid; ++item)
      for (size_t part = 0; part < parts.size(); ++part)
        if (keep(item)) call.out.child(part).append_from(*parts[part], item);
    call.out.close_list(is_valid);
  }
}
void build_rows(KernelCall& call, const Flat& flat, std::span<const Column* const> parts) {
  build_rows(call, flat, parts, [](size_t) { return true; });
}

void transform_array(KernelCall& call) {
  const Flat flat(call);
  const ColumnPtr results = flat.run(*call.lambdas[0], call.errors);
  const Column* const parts[] = {results.get()};
  build_rows(call, flat, parts);
}

// Adds errors for entries of new maps. As in ksqlDB, two entries with equal keys, or a null value, are errors.
void check_new_entries(KernelCall& call, const Flat& flat, const Column& keys,
                       const Column& values) {
  absl::flat_hash_set<std::string> seen;  // keys of the current row
  for (size_t at = 0; at < flat.owners.size(); ++at) {
    const uint32_t row = flat.owners[at];
    if (at > 0 && flat.owners[at - 1] != row) seen.clear();
    if (call.errors.has(row)) continue;
    if (values.is_null(at)) call.errors.add(row, "a new value of the map is null");
    if (!seen.insert(canonical_cell(keys, at)).second)
      call.errors.add(row, "two new keys of the map are the same");
  }
}

void transform_map(KernelCall& call) {
  const Flat flat(call);
  const ColumnPtr keys = flat.run(*call.lambdas[0], call.errors);
  const ColumnPtr values = flat.run(*call.lambdas[1], call.errors);
  check_new_entries(call, flat, *keys, *values);
  const Column* const parts[] = {keys.get(), values.get()};
  build_rows(call, flat, parts);
}

void filter(KernelCall& call) {
  const Flat flat(call);
  const ColumnPtr keep = flat.run(*call.lambdas[0], call.errors);
  for (size_t at = 0; at < flat.owners.size(); ++at)
    if (keep->is_null(at)) call.errors.add(flat.owners[at], "the condition of FILTER is null");
  std::vector<const Column*> parts;
  for (const Column& part : flat.parts) parts.push_back(&part);
  build_rows(call, flat, parts, [&](size_t at) { return keep->data<uint8_t>()[at] != 0; });
}

// Runs REDUCE for all rows together: step n reduces the n-th element of each row. So the number of
// steps is the length of the longest list.
class Reduction {
 public:
  explicit Reduction(KernelCall& call)
      : call_(call), flat_(call), finished_(std::make_shared<Column>(call.args[1].type())) {
    const Argument& initial = call.args[1];
    const ColumnPtr not_owned(ColumnPtr(), initial.column);
    for (size_t row = 0; row < call.rows; ++row) {
      states_.push_back({not_owned, initial.index(row)});
      if (!initial.is_null(row)) rows_.push_back(static_cast<uint32_t>(row));
    }
    starts_.resize(call.rows + 1, flat_.owners.size());
    for (size_t at = flat_.owners.size(); at-- > 0;) starts_[flat_.owners[at]] = at;
    for (size_t row = call.rows; row-- > 0;)
      starts_[row] = std::min(starts_[row], starts_[row + 1]);
  }

  void run() {
    for (size_t nth = 0; step(nth); ++nth) continue;
    for (size_t row = 0; row < call_.rows; ++row) {
      const State& state = states_[row];
      if (call_.errors.has(row))
        call_.out.append_null();
      else
        append_copy(call_, row, *state.column, state.at);
    }
  }

 private:
  struct State {
    ColumnPtr column;
    size_t at;
    size_t charged_bytes =
        0;  // size of the largest state so far, because each state replaces the previous one
  };
  // Arguments and result of a lambda call. They are kept together because the result may be one of
  // the arguments.
  struct Step {
    Column states;
    std::vector<Column> parts;
    ColumnPtr results;
  };

  // Returns false if no row has an n-th element.
  bool step(size_t nth) {
    std::erase_if(rows_, [&](uint32_t row) { return !goes_on(row, nth); });
    if (rows_.empty()) return false;
    if (call_.context.is_over()) return fail_rest();
    auto step = std::make_shared<Step>(Step{Column(finished_->type()), {}, nullptr});
    std::vector<uint32_t> items;
    for (const uint32_t row : rows_) {
      items.push_back(static_cast<uint32_t>(starts_[row] + nth));
      step->states.append_from(*states_[row].column, states_[row].at);
    }
    for (const Column& part : flat_.parts) step->parts.push_back(part.gather(items));
    std::vector<Argument> arguments{{&step->states}};
    for (const Column& part : step->parts) arguments.push_back({&part});
    step->results = call_.lambdas[0]->run(arguments, rows_, call_.errors);
    const ColumnPtr results(step, step->results.get());
    for (size_t i = 0; i < rows_.size(); ++i) {
      states_[rows_[i]].column = results;
      states_[rows_[i]].at = i;
    }
    return true;
  }

  // Returns whether the row has an n-th element and the budget allows another copy of its state.
  bool goes_on(uint32_t row, size_t nth) {
    State& state = states_[row];
    if (call_.errors.has(row)) return false;
    const size_t bytes = copied_bytes(*state.column, state.at);
    if (bytes > state.charged_bytes) {
      if (!call_.context.take_bytes(bytes - state.charged_bytes, row, call_.errors)) return false;
      state.charged_bytes = bytes;
    }
    if (starts_[row] + nth < starts_[row + 1]) return true;
    // The state is copied into a separate column. Otherwise it would keep the column with the states of all rows of
    // this step in memory.
    finished_->append_from(*state.column, state.at);
    state.column = finished_;
    state.at = finished_->size() - 1;
    return false;
  }

  bool fail_rest() {
    const Error why = call_.context.budget->status().error();
    for (const uint32_t row : rows_) call_.errors.add(row, why);
    return false;
  }

  KernelCall& call_;
  const Flat flat_;
  const std::shared_ptr<Column> finished_;  // states of rows without further elements
  std::vector<State> states_;
  std::vector<uint32_t> rows_;  // rows with further elements
  std::vector<size_t>
      starts_;  // index in flat_ of each row's first element; one more entry at the end
};

void reduce(KernelCall& call) { Reduction(call).run(); }

constexpr FunctionDef kLambdaDefs[] = {
    {.name = "transform",
     .signature = "(ARRAY<T> array, (T) => R) -> ARRAY<R>",
     .doc = "The array of the results of a lambda for each element.",
     .example = "TRANSFORM(ARRAY[1, 2], x => x + 5) = ARRAY[6, 7]",
     .kernel = transform_array},
    {.name = "transform",
     .signature = "(MAP<K, V> map, (K, V) => R, (K, V) => S) -> MAP<R, S>",
     .doc = "The map of the results of two lambdas for each key and each value.",
     .example = "TRANSFORM(MAP('a' := 1), (k, v) => UCASE(k), (k, v) => v + 1)['A'] = 2",
     .kernel = transform_map},
    {.name = "filter",
     .signature = "(ARRAY<T> array, (T) => BOOLEAN) -> ARRAY<T>",
     .doc = "The elements for which a lambda is true.",
     .example = "FILTER(ARRAY[3, 6, 10], x => x > 5) = ARRAY[6, 10]",
     .kernel = filter},
    {.name = "filter",
     .signature = "(MAP<K, V> map, (K, V) => BOOLEAN) -> MAP<K, V>",
     .doc = "The entries for which a lambda is true.",
     .example = "FILTER(MAP('a' := 1, 'b' := 9), (k, v) => v > 5)['b'] = 9",
     .kernel = filter},
    {.name = "reduce",
     .signature = "(ARRAY<T> list, S state, (S, T) => S) -> S",
     .doc = "The result of a lambda that combines a start value with all elements, one after "
            "another.",
     .example = "REDUCE(ARRAY[1, 2, 3], 10, (s, x) => s + x) = 16",
     .kernel = reduce},
    {.name = "reduce",
     .signature = "(MAP<K, V> map, S state, (S, K, V) => S) -> S",
     .doc = "The result of a lambda that combines a start value with all entries, one after "
            "another.",
     .example = "REDUCE(MAP('a' := 1, 'b' := 2), 10, (s, k, v) => s + v) = 13",
     .kernel = reduce},
};

}  // namespace

const FunctionFamily kLambdaFunctions{"LAMBDA", kLambdaDefs};

}  // namespace engine
