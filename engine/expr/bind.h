// Binds expressions: converts a parsed expression to a typed one.
//
// Errors have a position, a message, and ksqlDB's message if it is different.
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

// A parameter $n. Its type is set when it is declared or inferred, and its value when the client has bound it.
struct ParameterSlot {
  SqlType type = {};  // Null while the type is unknown
  std::optional<Value> value = {};
  size_t copied_bytes = 0;  // used only in slot 0: number of bytes that were copied for all values
};

// The scope of an expression: the names to which the expression may refer, and facts about its
// place that error messages need.
struct Scope {
  explicit Scope(const Layout& the_layout, std::string_view the_clause = "SELECT")
      : layout(the_layout), clause(the_clause) {}

  const Layout& layout;
  std::string_view clause;  // SELECT, WHERE, GROUP BY, PARTITION BY, HAVING, JOIN ON
  std::string source = {};  // the source as messages show it, such as "stream ORDERS"
  // Names of all visible sources, also of those without a column in the layout. If a name such as `s.x` begins with one
  // of them, the error for a missing column is "unknown column" and not "unknown source".
  std::vector<std::string> source_names = {};

  // Expressions that an earlier step has already computed (aggregates and grouping expressions).
  // Each is replaced by a column of the layout.
  struct Substitute {
    const Expression* expression;
    uint32_t column;
  };
  std::vector<Substitute> substitutes = {};

  const CustomTypes* custom_types = nullptr;
  // If set, a double-quoted name in lower case also matches the same name in upper case, as clients
  // of PostgreSQL expect.
  bool fold_quoted_names = false;
  // Whether PostgreSQL's rules apply. With them, a text literal takes the type of the value with
  // which it is compared (number = '42'), and a condition with a null operand is unknown. In ksqlDB
  // such a condition is false or an error.
  bool texts_take_types = false;
  // Whether a value that does not fit is an error: an integer that wraps around, a number that does
  // not fit a cast, a constant that is compared with a time and cannot be read, a number in a list
  // of texts. Not set with --compat ksqldb, because ksqlDB silently replaces such values.
  // PostgreSQL's rules include these checks.
  bool checks_values = false;
  bool has_checks() const { return checks_values || texts_take_types; }
  // The session's formats of times and its time zone. The time zone is used to convert between
  // timestamps with and without a time zone. Used only with PostgreSQL's rules.
  TextForms forms = {};
  // Null: parameters are refused. The vector grows to the largest $n; bind() fills in the types
  // that it can infer.
  std::vector<ParameterSlot>* parameters = nullptr;

  // Returns the indexes in the layout of the columns with this name, ascending.
  std::span<const uint32_t> columns_named(std::string_view name) const;

 private:
  // The columns by name, built at the first look-up. Without this index, each of ten thousand names
  // in a statement would be compared with ten thousand columns.
  using Index = std::unordered_map<std::string_view, std::vector<uint32_t>>;
  mutable std::optional<Index> index_;
};

// Binds an expression. A bare NULL has the type Null. Parameters whose type is still unknown become
// STRING. Fails with UndefinedColumn, AmbiguousColumn, UndefinedFunction, TypeMismatch,
// InvalidCast, InvalidParameter, NotSupported.
Result<BoundExpression> bind(const Expression& expression, const Scope& scope);

// Binds a condition; a result other than BOOLEAN is an error.
Result<BoundExpression> bind_predicate(const Expression& expression, const Scope& scope);

// Returns the function call for a name such as CURRENT_DATE, which is a keyword in PostgreSQL.
// Returns null for all other names.
ExpressionPtr call_of_word(const ColumnRef& column, TextPosition position);

// Resolves the name of a column; fails as bind() does.
Result<uint32_t> resolve_column(const ColumnRef& column, TextPosition position, const Scope& scope);

// Binds a call of a table function. The type is an ARRAY, which has all values that the function
// produces for one row.
Result<BoundExpression> bind_table_function(const FunctionCall& call, TextPosition position,
                                            const Scope& scope);

struct BoundAggregate {
  std::vector<BoundExpression> arguments;  // columns only; literals are in the instance
  AggregateInstance instance;
};
// Binds a call of an aggregate function. Its arguments may refer to the names of the scope.
Result<BoundAggregate> bind_aggregate(const FunctionCall& call, TextPosition position,
                                      const Scope& scope,
                                      std::map<std::string, std::string> properties = {});

// Converts the expression to `type` as is_implicitly_castable() allows (engine/types/coercion.h). A
// literal may also become a string, and a string literal may become any type that CAST can make of
// it. Fails with TypeMismatch.
Result<BoundExpression> coerce(BoundExpression expression, const SqlType& type);
// Converts as CAST does. Fails with InvalidCast, "Cast of X to Y is not supported".
Result<BoundExpression> cast(BoundExpression expression, const SqlType& type);

// Returns a name for messages, in lower case if it was folded.
std::string shown(const Name& name);

// Returns UndefinedFunction with the nearest name as a hint.
Error unknown_function(const std::string& name);

// Evaluates an expression without columns (in INSERT VALUES, keys of pull queries, WITH) and
// converts the value to `type`. A string literal also becomes a number, a boolean or a point in
// time. Fails like bind(), and with the error of the evaluation.
Result<Value> evaluate_constant(const Expression& expression, const SqlType& type,
                                const Scope& scope, const EvalContext& context);
// Evaluates a bound expression, without coercion.
Result<Value> evaluate_constant(const BoundExpression& expression, const EvalContext& context);

}  // namespace engine
