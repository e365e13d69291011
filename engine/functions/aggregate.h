// An aggregate function: one row of a table, with functions over a piece of raw memory, its state.
#pragma once
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/functions/function.h"
#include "engine/types/column.h"
#include "engine/types/value.h"

namespace engine {

struct AggregateDef;

// One aggregate call of one query: what all of its states share. Made once, never changed.
struct AggregateInstance {
  const AggregateDef* def = nullptr;
  std::vector<SqlType> argument_types;  // of the columns, after coercion
  ValueList initial_arguments;          // the literals after them
  SqlType result_type;
  std::map<std::string, std::string> properties;  // of the query, for limits
  // Numbers the updates of one task, for aggregates that must know which value came first; decode
  // moves it past the numbers that a restored state has.
  mutable int64_t next_sequence = 0;

  // The property as a number; `otherwise` where it is not set or no number.
  int64_t number_property(const std::string& name, int64_t otherwise) const;
};

// Of an instance: what a sum of integers does that does not fit its type; `wrap` as in ksqlDB, null
// otherwise. The planner sets it, so that a query keeps what it was made with.
inline constexpr std::string_view kSumOverflow = "sum.overflow", kSumWraps = "wrap";

using AggregateColumns = std::span<const Column* const>;

// A state is `state_size` bytes, aligned to `state_align` (at most 16); between init and destroy it
// stays at its address. Calls on one state never overlap.
//
// An error of update, undo or merge kills the task, as in ksqlDB (for instance an overflow of a
// DECIMAL sum); the state may then be used only to destroy it.
struct Accumulator {
  uint32_t state_size, state_align;
  void (*init)(const AggregateInstance&, void* state);
  void (*destroy)(const AggregateInstance&, void* state);  // null: nothing to do
  Status (*update)(const AggregateInstance&, void* state, AggregateColumns args, size_t row);
  // Takes back an earlier update with the same values; null: not for table sources.
  Status (*undo)(const AggregateInstance&, void* state, AggregateColumns args, size_t row);
  // Adds what `other` has seen; sessions merge in the order of their start.
  Status (*merge)(const AggregateInstance&, void* state, const void* other);
  // Appends one row.
  void (*result)(const AggregateInstance&, const void* state, Column& out);
  // The bytes go to the journal and to checkpoints: decode must read what older versions wrote.
  void (*encode)(const AggregateInstance&, const void* state, std::string& out);
  // Into a state fresh from init. Fails with CorruptRecord.
  Status (*decode)(const AggregateInstance&, void* state, std::string_view bytes);
};

// The SQL type by which ksqlDB's changelog shows the state (KSQL_AGG_VARIABLE_0); some formats
// cannot hold it.
using AggregateType = SqlType (*)(const AggregateInstance&);

// Refuses literals that are of the right type and still wrong ("earliestN must be 1 or greater").
using InitialCheck = Status (*)(const AggregateInstance&);

struct AggregateDef {
  std::string_view name;
  std::string_view signature;  // see signature.h; literals after `;`
  std::string_view doc;
  Accumulator accumulator;
  ReturnType returns = nullptr;            // arguments: columns, then literals
  AggregateType aggregate_type = nullptr;  // null: the result type
  InitialCheck check = nullptr;

  bool has_undo() const { return accumulator.undo != nullptr; }
};

}  // namespace engine
