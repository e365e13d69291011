// All functions by name, and which overload a call means.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/functions/aggregate.h"
#include "engine/functions/function.h"
#include "engine/functions/signature.h"

namespace engine {

// What is known of an argument before the overload is chosen.
struct ArgumentType {
  SqlType type = {};           // Null for a NULL literal, and for a parameter $n of unknown type
  int lambda_parameters = -1;  // of a lambda: how many
  bool is_unit = false;        // DAYS, HOURS, ...
  bool is_literal = false;

  // As messages show it: "INTEGER", "null", "LAMBDA".
  std::string to_string() const;
};

// A function as the registry keeps it: its row, read.
struct Overload {
  const FunctionDef* function = nullptr;  // exactly one of these two is set
  const AggregateDef* aggregate = nullptr;
  const FunctionFamily* family = nullptr;
  Signature signature;

  std::string_view name() const { return function ? function->name : aggregate->name; }
};

enum class CallKind : uint8_t { Scalar, Table, Aggregate };

struct Resolution {
  const Overload* overload;
  // The type to which each argument is to be coerced; Null for lambdas, and where any type does and
  // nothing says which.
  std::vector<SqlType> argument_types;
  // Letters that only a lambda's result can tell are still free.
  Bindings bindings;
};

class Registry {
 public:
  // All families of this program. Threads: any, it never changes.
  static const Registry& instance();
  explicit Registry(std::span<const FunctionFamily* const> families);

  // Names in any case. An empty span when there is no such function.
  std::span<const Overload> find(std::string_view name) const;
  bool is_aggregate(std::string_view name) const;
  bool is_table_function(std::string_view name) const;
  // Upper-case names with all overloads, in order of the name: for SHOW FUNCTIONS.
  struct Entry {
    std::string name;
    CallKind kind;
    std::vector<Overload> overloads;
  };
  std::span<const Entry> entries() const { return entries_; }

  // The overload for these arguments, by ksqlDB's rules: exact types first, then with implicit
  // coercion. Fails with UndefinedFunction, worded as in ksqlDB: "Can't find any functions with the
  // name 'X'", "Function 'X' does not accept parameters (...).\nValid alternatives are:\n...",
  // "Function 'X' cannot be resolved due to ambiguous method parameters (...)."
  Result<Resolution> resolve(std::string_view name, std::span<const ArgumentType> arguments) const;

 private:
  const Entry* entry(std::string_view name) const;
  std::vector<Entry> entries_;  // in order of the name
};

// The return type once all letters are bound; fails where the arguments give none.
Result<SqlType> return_type(const Resolution& resolution);

// Leaves of an instance's properties those that aggregates look at.
void keep_aggregate_properties(AggregateInstance& instance);

// An instance for a resolved aggregate call, ready for its states. `initial_arguments` are the
// values of the trailing literals. Fails as its row's check says.
Result<AggregateInstance> make_aggregate(const Resolution& resolution, ValueList initial_arguments,
                                         std::map<std::string, std::string> properties = {});

}  // namespace engine
