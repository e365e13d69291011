// Implements EARLIEST_BY_OFFSET and LATEST_BY_OFFSET, which return the first or last values in
// processing order.
#include <algorithm>

#include "engine/functions/aggregate/accumulator.h"
#include "engine/functions/families.h"

namespace engine {

namespace {

struct Seen {
  int64_t
      sequence;  // from AggregateInstance::next_sequence, to order the values of merged sessions
  std::string cell;
};

// The kinds of literals that follow the column in a signature.
enum class Literals : uint8_t { None, IgnoreNulls, Count, CountAndIgnoreNulls };

constexpr bool has_count(Literals literals) { return literals >= Literals::Count; }

template <Literals literals>
bool ignores_nulls(const AggregateInstance& instance) {
  if constexpr (literals == Literals::None || literals == Literals::Count) return true;
  const Value& wanted = instance.initial_arguments.back();
  return wanted.is_null() || wanted.as_bool();
}

template <Literals literals>
size_t wanted_count(const AggregateInstance& instance) {
  if constexpr (has_count(literals))
    return static_cast<size_t>(instance.initial_arguments[0].as_int32());
  return 1;
}

enum class OffsetEnd : uint8_t { Earliest, Latest };

template <OffsetEnd end, Literals literals>
struct ByOffset {
  std::vector<Seen> seen;  // in the order of their sequence numbers, at most as many as requested

  void update(const AggregateInstance& instance, AggregateColumns args, size_t offset_row) {
    const int64_t sequence = instance.next_sequence++;
    if (ignores_nulls<literals>(instance) && args[0]->is_null(offset_row)) return;
    const bool is_full = seen.size() == wanted_count<literals>(instance);
    if (end == OffsetEnd::Earliest && is_full) return;
    Seen added{sequence, {}};
    if (is_full) {
      added.cell = std::move(seen.front().cell);  // reuses the memory of the replaced value
      added.cell.clear();
      seen.erase(seen.begin());
    }
    append_cell(*args[0], offset_row, added.cell);
    seen.push_back(std::move(added));
  }
  void merge(const AggregateInstance& instance, const ByOffset& other) {
    const auto middle = seen.insert(seen.end(), other.seen.begin(), other.seen.end());
    std::ranges::inplace_merge(seen, middle, {}, &Seen::sequence);
    const size_t wanted = wanted_count<literals>(instance);
    if (seen.size() <= wanted) return;
    const auto surplus = static_cast<ptrdiff_t>(seen.size() - wanted);
    if (end == OffsetEnd::Earliest)
      seen.erase(seen.end() - surplus, seen.end());
    else
      seen.erase(seen.begin(), seen.begin() + surplus);
  }
  void result(const AggregateInstance&, Column& out) const {
    if constexpr (has_count(literals)) {
      for (const Seen& one : seen) append_value_of(one.cell, out.child(0));
      out.close_list();
    } else {
      seen.empty() ? out.append_null() : append_value_of(seen.front().cell, out);
    }
  }
  void encode(std::string& out) const {
    for (const Seen& one : seen) {
      put(out, one.sequence);
      put(out, std::string_view(one.cell));
    }
  }
  void decode(const AggregateInstance& instance, ByteReader& in) {
    while (in.ok() && !in.at_end()) {
      const auto sequence = take<int64_t>(in);
      seen.push_back({sequence, take_cell(instance.argument_types[0], in)});
      instance.next_sequence = std::max(instance.next_sequence, sequence + 1);
    }
  }
};

template <Literals literals>
SqlType state_type(const AggregateInstance& instance) {
  const SqlType one =
      SqlType::structure({{"SEQ", SqlType(TypeKind::Bigint)}, {"VAL", instance.argument_types[0]}});
  return has_count(literals) ? SqlType::array(one) : one;
}

template <OffsetEnd end>
Status check_count(const AggregateInstance& instance) {
  const Value& count = instance.initial_arguments[0];
  if (!count.is_null() && count.as_int32() >= 1) return {};
  return Error{ErrorCode::InvalidParameter, end == OffsetEnd::Earliest
                                                ? "earliestN must be 1 or greater"
                                                : "latestN must be 1 or greater"};
}

template <OffsetEnd end, Literals literals>
constexpr AggregateDef offset_row(std::string_view name, std::string_view signature,
                                  std::string_view doc) {
  return {.name = name,
          .signature = signature,
          .doc = doc,
          .accumulator = accumulator_of<ByOffset<end, literals>>(),
          .aggregate_type = state_type<literals>,
          .check = has_count(literals) ? check_count<end> : nullptr};
}

constexpr std::string_view kFirstRow =
                               "The first value; nulls are skipped unless the second argument is "
                               "false.",
                           kFirstN = "The first n values.",
                           kLast =
                               "The last value; nulls are skipped unless the second argument is "
                               "false.",
                           kLastN = "The last n values, the oldest first.";

constexpr AggregateDef kOffsetDefs[] = {
    offset_row<OffsetEnd::Earliest, Literals::None>("EARLIEST_BY_OFFSET", "(T val) -> T",
                                                    kFirstRow),
    offset_row<OffsetEnd::Earliest, Literals::IgnoreNulls>(
        "EARLIEST_BY_OFFSET", "(T val; BOOLEAN ignore_nulls) -> T", kFirstRow),
    offset_row<OffsetEnd::Earliest, Literals::Count>("EARLIEST_BY_OFFSET",
                                                     "(T val; INT n) -> ARRAY<T>", kFirstN),
    offset_row<OffsetEnd::Earliest, Literals::CountAndIgnoreNulls>(
        "EARLIEST_BY_OFFSET", "(T val; INT n, BOOLEAN ignore_nulls) -> ARRAY<T>", kFirstN),
    offset_row<OffsetEnd::Latest, Literals::None>("LATEST_BY_OFFSET", "(T val) -> T", kLast),
    offset_row<OffsetEnd::Latest, Literals::IgnoreNulls>(
        "LATEST_BY_OFFSET", "(T val; BOOLEAN ignore_nulls) -> T", kLast),
    offset_row<OffsetEnd::Latest, Literals::Count>("LATEST_BY_OFFSET", "(T val; INT n) -> ARRAY<T>",
                                                   kLastN),
    offset_row<OffsetEnd::Latest, Literals::CountAndIgnoreNulls>(
        "LATEST_BY_OFFSET", "(T val; INT n, BOOLEAN ignore_nulls) -> ARRAY<T>", kLastN),
};

}  // namespace

const FunctionFamily kOffsetAggregates{"AGGREGATE", {}, kOffsetDefs};

}  // namespace engine
