// Describes an aggregate function by an AggregateDef, which is a row of a constant table. The
// function works on a state, which is a piece of raw memory.
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

// The data that all states of one aggregate call in one query share. It never changes, except
// next_sequence.
struct AggregateInstance {
  const AggregateDef* def = nullptr;
  std::vector<SqlType> argument_types;  // types of the column arguments, after coercion
  ValueList initial_arguments;          // values of the literal arguments, which follow the columns
  SqlType result_type;
  std::map<std::string, std::string> properties;  // properties of the query, for limits
  // The number of the task's next update. Aggregates that depend on the order of values store it in
  // their states. decode() raises it above the numbers in a restored state.
  mutable int64_t next_sequence = 0;

  // Returns the property as a number; `otherwise` if it is not set or not a number.
  int64_t number_property(const std::string& name, int64_t otherwise) const;
};

// Name and value of a property for sums of integers that exceed their type. With the value "wrap",
// the sum wraps around, as in ksqlDB; otherwise the sum is null. The planner sets the property when
// a query is created, so that the query keeps its behaviour.
inline constexpr std::string_view kSumOverflow = "sum.overflow", kSumWraps = "wrap";

using AggregateColumns = std::span<const Column* const>;

// The functions of an aggregate. A state has `state_size` bytes, aligned to `state_align` (at most
// 16); its address does not change between init and destroy. Calls for one state never overlap.
//
// An error of update, undo or merge ends the task, as in ksqlDB (for instance an overflow of a
// DECIMAL sum); the state may then only be destroyed.
struct Accumulator {
  uint32_t state_size, state_align;
  void (*init)(const AggregateInstance&, void* state);
  void (*destroy)(const AggregateInstance&, void* state);  // null: no destructor
  Status (*update)(const AggregateInstance&, void* state, AggregateColumns args, size_t row);
  // Reverts an earlier update with the same values. Null: the aggregate cannot be used on tables,
  // whose rows can change.
  Status (*undo)(const AggregateInstance&, void* state, AggregateColumns args, size_t row);
  // Merges the state `other` into `state`. Sessions are merged in the order of their start.
  Status (*merge)(const AggregateInstance&, void* state, const void* other);
  // Appends the result as one row.
  void (*result)(const AggregateInstance&, const void* state, Column& out);
  // Encodes the state. The bytes are stored in the journal and in checkpoints, so decode must also
  // read the formats of older versions.
  void (*encode)(const AggregateInstance&, const void* state, std::string& out);
  // Decodes into a state on which only init was called. Fails with CorruptRecord.
  Status (*decode)(const AggregateInstance&, void* state, std::string_view bytes);
};

// Returns the SQL type of the state in ksqlDB's changelog (KSQL_AGG_VARIABLE_0), which some formats
// do not support.
using AggregateType = SqlType (*)(const AggregateInstance&);

// Refuses literals that have the right type and an invalid value ("earliestN must be 1 or
// greater").
using InitialCheck = Status (*)(const AggregateInstance&);

struct AggregateDef {
  std::string_view name;
  std::string_view signature;  // syntax: signature.h; literal parameters follow `;`
  std::string_view doc;
  Accumulator accumulator;
  ReturnType returns = nullptr;            // takes the types of the columns, then of the literals
  AggregateType aggregate_type = nullptr;  // null: the type of the result
  InitialCheck check = nullptr;

  bool has_undo() const { return accumulator.undo != nullptr; }
};

}  // namespace engine
