// The registry of all functions by name, with overload resolution.
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

// Properties of an argument before the overload is chosen.
struct ArgumentType {
  SqlType type = {};           // Null for a NULL literal, and for a parameter $n of unknown type
  int lambda_parameters = -1;  // number of parameters, if it is a lambda
  bool is_unit = false;        // the argument is a unit such as DAYS or HOURS
  bool is_literal = false;

  // Returns a text for messages: "INTEGER", "null", "LAMBDA".
  std::string to_string() const;
};

// A function in the registry: its table row with the parsed signature.
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
  // The type to which each argument is coerced. Null for lambdas. Also Null for a parameter that
  // accepts any type if no other argument determines the type.
  std::vector<SqlType> argument_types;
  // The types of the letters in the signature (such as T). A letter that depends on the result of a
  // lambda has no type yet.
  Bindings bindings;
};

class Registry {
 public:
  // Returns the registry of all families of the program. Threads: any; the registry never changes.
  static const Registry& instance();
  explicit Registry(std::span<const FunctionFamily* const> families);

  // Returns the overloads of a function, whose name may be in any letter case; an empty span if no
  // such function exists.
  std::span<const Overload> find(std::string_view name) const;
  bool is_aggregate(std::string_view name) const;
  bool is_table_function(std::string_view name) const;
  // A name in upper case with all of its overloads, for SHOW FUNCTIONS.
  struct Entry {
    std::string name;
    CallKind kind;
    std::vector<Overload> overloads;
  };
  std::span<const Entry> entries() const { return entries_; }

  // Returns the overload for these arguments, by ksqlDB's rules: exact types first, then with
  // implicit coercion. Fails with UndefinedFunction, worded as in ksqlDB: "Can't find any functions
  // with the name 'X'", "Function 'X' does not accept parameters (...).\nValid alternatives
  // are:\n...", "Function 'X' cannot be resolved due to ambiguous method parameters (...)."
  Result<Resolution> resolve(std::string_view name, std::span<const ArgumentType> arguments) const;

 private:
  const Entry* entry(std::string_view name) const;
  std::vector<Entry> entries_;  // ordered by name
};

// Returns the return type, after all letters have been bound. Fails if the arguments do not
// determine it.
Result<SqlType> return_type(const Resolution& resolution);

// Removes from the instance all properties that no aggregate reads.
void keep_aggregate_properties(AggregateInstance& instance);

// Makes an instance for a resolved aggregate call. `initial_arguments` are the values of the
// literals at the end of the arguments. Fails if AggregateDef::check fails.
Result<AggregateInstance> make_aggregate(const Resolution& resolution, ValueList initial_arguments,
                                         std::map<std::string, std::string> properties = {});

}  // namespace engine
