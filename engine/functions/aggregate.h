// An aggregate function: one row of a table, with functions over its state, a piece of raw memory.
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

// Data shared by all states of one aggregate call in one query. Immutable once made.
struct AggregateInstance {
  const AggregateDef* def = nullptr;
  std::vector<SqlType> argument_types;  // of the columns, after coercion
  ValueList initial_arguments;          // literals that follow the columns
  SqlType result_type;
  std::map<std::string, std::string> properties;  // properties of the query, for limits
  // Numbers the updates of one task, for aggregates that depend on the order of values; decode
  // raises it above the numbers of a restored state.
  mutable int64_t next_sequence = 0;

  // Returns the property as a number; `otherwise` if it is not set or not a number.
  int64_t number_property(const std::string& name, int64_t otherwise) const;
};

// Property of an instance: what an integer sum does if it exceeds its type. `wrap`: as in ksqlDB;
// otherwise the sum is null. The planner sets it, so that a query keeps the behaviour that it was
// created with.
inline constexpr std::string_view kSumOverflow = "sum.overflow", kSumWraps = "wrap";

using AggregateColumns = std::span<const Column* const>;

// A state is `state_size` bytes, aligned to `state_align` (at most 16); its address does not change
// between init and destroy. Calls on one state never overlap.
//
// An error of update, undo or merge ends the task, as in ksqlDB (for instance an overflow of a
// DECIMAL sum); the state may then only be destroyed.
struct Accumulator {
  uint32_t state_size, state_align;
  void (*init)(const AggregateInstance&, void* state);
  void (*destroy)(const AggregateInstance&, void* state);  // null: no destructor
  Status (*update)(const AggregateInstance&, void* state, AggregateColumns args, size_t row);
  // Reverts an earlier update with the same values; null: not supported for table sources.
  Status (*undo)(const AggregateInstance&, void* state, AggregateColumns args, size_t row);
  // Merges the state `other` into this one; sessions merge in the order of their start.
  Status (*merge)(const AggregateInstance&, void* state, const void* other);
  // Appends one row.
  void (*result)(const AggregateInstance&, const void* state, Column& out);
  // The bytes are stored in the journal and in checkpoints: decode must read the format of older
  // versions.
  void (*encode)(const AggregateInstance&, const void* state, std::string& out);
  // Decodes into a state fresh from init. Fails with CorruptRecord.
  Status (*decode)(const AggregateInstance&, void* state, std::string_view bytes);
};

// SQL type of the state in ksqlDB's changelog (KSQL_AGG_VARIABLE_0); some formats do not support
// it.
using AggregateType = SqlType (*)(const AggregateInstance&);

// Refuses literals of the right type with an invalid value ("earliestN must be 1 or greater").
using InitialCheck = Status (*)(const AggregateInstance&);

struct AggregateDef {
  std::string_view name;
  std::string_view signature;  // see signature.h; literals after `;`
  std::string_view doc;
  Accumulator accumulator;
  ReturnType returns = nullptr;            // of columns, then literals
  AggregateType aggregate_type = nullptr;  // null: the result type
  InitialCheck check = nullptr;

  bool has_undo() const { return accumulator.undo != nullptr; }
};

}  // namespace engine
