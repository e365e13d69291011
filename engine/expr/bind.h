// From an expression as parsed to a typed one.
//
// Errors have a position, a message for people, and where ksqlDB has words of its own these in
// `detail`.
#pragma once
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "engine/expr/bound.h"
#include "engine/functions/registry.h"
#include "engine/sql/ast_expression.h"
#include "engine/types/batch.h"
#include "engine/types/text_forms.h"

namespace engine {

// A parameter $n: its type once declared or inferred, and its value once bound.
struct ParameterSlot {
  SqlType type = {};  // Null while unknown
  std::optional<Value> value = {};
  size_t copied_bytes = 0;  // used in slot 0 only: bytes copied for all values
};

// The scope of an expression: the names that it may refer to, and how errors describe the place.
struct Scope {
  explicit Scope(const Layout& the_layout, std::string_view the_clause = "SELECT")
      : layout(the_layout), clause(the_clause) {}

  const Layout& layout;
  std::string_view clause;  // SELECT, WHERE, GROUP BY, PARTITION BY, HAVING, JOIN ON
  std::string source = {};  // "stream ORDERS", for messages
  // Names that may qualify columns although the layout has no column of these sources.
  std::vector<std::string> source_names = {};

  // Expressions that an earlier step has computed (aggregates, grouping expressions); each is
  // replaced by a column of the layout.
  struct Substitute {
    const Expression* expression;
    uint32_t column;
  };
  std::vector<Substitute> substitutes = {};

  const CustomTypes* custom_types = nullptr;
  // Double-quoted names in lower case also mean the upper-case name, as PostgreSQL clients expect.
  bool fold_quoted_names = false;
  // PostgreSQL's rules: a text literal takes the type of the value it is compared with (number = '42'), and a condition
  // with a null operand is unknown, where ksqlDB's is false or an error.
  bool texts_take_types = false;
  // The session's formats of times. Its time zone converts between timestamps with and without a time zone. Only with
  // PostgreSQL's rules.
  TextForms forms = {};
  // Null: parameters are refused. The vector grows to the largest $n; bind() fills in the types
  // that it can infer.
  std::vector<ParameterSlot>* parameters = nullptr;

  // Indexes in the layout of the columns with this name, ascending.
  std::span<const uint32_t> columns_named(std::string_view name) const;

 private:
  // Built at the first look-up. Without it, each of ten thousand names would be compared with as
  // many columns.
  using Index = std::unordered_map<std::string_view, std::vector<uint32_t>>;
  mutable std::optional<Index> index_;
};

// Fails with UndefinedColumn, AmbiguousColumn, UndefinedFunction, TypeMismatch, InvalidCast,
// InvalidParameter, NotSupported. The type of the result is Null for a bare NULL; parameters that
// are still of unknown type become STRING.
Result<BoundExpression> bind(const Expression& expression, const Scope& scope);

// Binds a condition; a result other than BOOLEAN is an error.
Result<BoundExpression> bind_predicate(const Expression& expression, const Scope& scope);

// The call for CURRENT_DATE and similar names, which are keywords in PostgreSQL. Null for every other name.
ExpressionPtr call_of_word(const ColumnRef& column, TextPosition position);

// Resolves the name of a column; fails as bind() does.
Result<uint32_t> resolve_column(const ColumnRef& column, TextPosition position, const Scope& scope);

// Binds a call of a table function; its type is the ARRAY of the values that one row produces.
Result<BoundExpression> bind_table_function(const FunctionCall& call, TextPosition position,
                                            const Scope& scope);

struct BoundAggregate {
  std::vector<BoundExpression> arguments;  // columns only; literals are in the instance
  AggregateInstance instance;
};
// Binds a call of an aggregate function, with its arguments in the scope.
Result<BoundAggregate> bind_aggregate(const FunctionCall& call, TextPosition position,
                                      const Scope& scope,
                                      std::map<std::string, std::string> properties = {});

// The expression as a value of `type`: implicit coercion (dialect, 9.1), and literals by 9.2. Fails
// with TypeMismatch.
Result<BoundExpression> coerce(BoundExpression expression, const SqlType& type);
// Converts as CAST does. Fails with InvalidCast, "Cast of X to Y is not supported".
Result<BoundExpression> cast(BoundExpression expression, const SqlType& type);

// A name as the user typed it, for messages: folded names in lower case.
std::string shown(const Name& name);

// UndefinedFunction, with the nearest name as a hint.
Error unknown_function(const std::string& name);

// The value of an expression without columns, as `type`: INSERT VALUES, keys of pull queries,
// values in WITH. A string literal also becomes a number, a boolean or a point in time. Fails like
// bind(), and with the error of its evaluation.
Result<Value> evaluate_constant(const Expression& expression, const SqlType& type,
                                const Scope& scope, const EvalContext& context);
// Evaluates a bound expression, without coercion.
Result<Value> evaluate_constant(const BoundExpression& expression, const EvalContext& context);

}  // namespace engine
