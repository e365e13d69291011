// Binds one expression by walking its tree. Private to this folder.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/expr/bind.h"
#include "engine/types/declared_lengths.h"

namespace engine {

// The name of a type in ksqlDB's errors.
inline std::string in_ksqldb(const SqlType& type) {
  return type.is_null() ? "null" : type.to_string();
}

// An error with ksqlDB's message in addition to ours.
inline Error with_ksqldb(ErrorCode code, std::string message, std::string ksqldb,
                         std::string hint = {}) {
  Error error{code, std::move(message)};
  error.ksqldb = std::move(ksqldb);
  error.hint = std::move(hint);
  return error;
}

// An argument or a list's item with its text, for messages.
struct BoundItem {
  const Expression* source;
  BoundExpression bound;
};

// With PostgreSQL's rules, the expression treats conditions with nulls as unknown, and numbers out of range as errors.
BoundExpression with_nulls_of(const Scope& scope, BoundExpression bound);

class Binder {
 public:
  // `keeps_times_exact`: bind_shown().
  explicit Binder(const Scope& scope, bool keeps_times_exact = false)
      : scope_(scope), keeps_times_exact_(keeps_times_exact && scope.texts_take_types) {}

  Result<BoundExpression> bind(const Expression& expression);
  // Binds like bind(), but a parameter whose type nothing determines keeps an unknown type.
  Result<BoundExpression> bind_open(const Expression& expression);
  // bind_open() for a cast's operand: a numeric that is kept as text stays one.
  Result<BoundExpression> bind_kept(const Expression& expression);
  Result<BoundAggregate> bind_aggregate(const FunctionCall& call, TextPosition position,
                                        std::map<std::string, std::string> properties);
  Result<BoundExpression> bind_call(const FunctionCall& call, TextPosition position,
                                    CallKind expected);
  Result<uint32_t> resolve(const ColumnRef& column, TextPosition position) const;

  // The type that all items share by 9.2, after which each is of that type; Null if all are NULL.
  Result<SqlType> unify(std::vector<BoundItem>& items);
  // Like coerce(); a parameter of unknown type takes the type.
  Result<BoundExpression> coerce_to(BoundExpression bound, const SqlType& type);
  // A parameter of unknown type takes the type that its client has declared, or STRING.
  Result<BoundExpression> close(BoundExpression bound);
  // coerce() in the session's zone.
  Result<BoundExpression> coerce_in_zone(BoundExpression bound, const SqlType& type) const;

 private:
  struct LambdaName {
    std::string name;
    uint32_t number;
    SqlType type;
  };
  struct Arguments {
    std::vector<BoundItem> items;  // `bound` is empty for lambdas
    std::vector<ArgumentType> types;
    SqlType first = {};  // type of the first argument, with its label
    // An argument was converted from a point in time to the local timestamp, and so is the
    // function's result.
    bool is_by_clocks = false;
  };

  // bind.cc: literals, names and the forms that are not operators
  Result<BoundExpression> bind_node(const Expression& expression);
  Result<BoundExpression> bind_column(const ColumnRef& column, TextPosition position);
  Result<BoundExpression> bind_parameter(const Parameter& parameter, TextPosition position);
  Result<BoundExpression> bind_value(size_t index, TextPosition position);
  // A parameter of unknown type takes the type of the value next to it, except for the number of digits of a DECIMAL:
  // the parameter keeps its own.
  Result<BoundExpression> take_type_beside(BoundExpression bound, const SqlType& type);
  // Like take_type_beside(), only if the type is a DECIMAL, or a whole number next to a parameter declared as NUMERIC.
  // With other types the parameter's type stays open.
  Status keep_digits_beside(BoundItem& item, const SqlType& type);
  Result<BoundExpression> bind_decimal(const DecimalLiteral& literal, TextPosition position) const;
  Result<BoundExpression> bind_cast(const Cast& cast, TextPosition position);
  // CAST, or the cast of an assignment, to a type with a length, such as VARCHAR(20) or
  // TIMESTAMP(0).
  Result<BoundExpression> bind_with_length(const Cast& cast, LengthRule rule,
                                           TextPosition position);
  Result<BoundExpression> bind_cast_to(const Cast& cast, SqlType type, TextPosition position);
  Result<BoundExpression> bind_at_time_zone(const AtTimeZone& node, TextPosition position);
  Result<BoundExpression> bind_dereference(const Dereference& node, TextPosition position);
  Result<BoundExpression> bind_subscript(const Subscript& node, const Expression& expression);
  Result<BoundExpression> bind_case(const Case& node, TextPosition position);
  Result<BoundExpression> bind_array(const ArrayConstructor& node, TextPosition position);
  Result<BoundExpression> bind_map(const MapConstructor& node, TextPosition position);
  Result<BoundExpression> bind_struct(const StructConstructor& node, TextPosition position);

  // bind_operators.cc
  Result<BoundExpression> bind_arithmetic(const Arithmetic& node, const Expression& expression);
  Result<BoundExpression> bind_sign(const Signed& node, TextPosition position);
  Result<BoundExpression> bind_comparison(const Comparison& node, TextPosition position);
  Result<BoundExpression> compare(ComparisonOp op, BoundItem left, BoundItem right,
                                  TextPosition position);
  // Converts both sides of a comparison so that they compare as in PostgreSQL; fails if they are
  // not comparable.
  Status match_labels(ComparisonOp op, BoundItem& left, BoundItem& right, TextPosition position);
  // Converts a text literal to a value of the type; any other item stays unchanged. Fails with
  // InvalidText.
  Status read_text_as(BoundItem& item, const SqlType& type) const;
  Status read_number_as(const Expression& source, BoundExpression& side, const SqlType& type) const;
  Result<BoundExpression> bind_logical(const Logical& node, TextPosition position);
  Result<BoundExpression> bind_not(const Not& node, TextPosition position);
  Result<BoundExpression> bind_between(const Between& node, TextPosition position);
  Result<BoundExpression> bind_in(const In& node, TextPosition position);
  Result<BoundExpression> bind_like(const Like& node, TextPosition position);
  Result<BoundExpression> bind_is_null(const IsNull& node, TextPosition position);
  Result<BoundExpression> bind_condition(const Expression& expression, std::string_view what);

  // bind_functions.cc
  Result<Arguments> bind_arguments(const FunctionCall& call);
  Status read_texts_as_others(const FunctionCall& call, Arguments& arguments);
  Status read_texts_as_parameters(const FunctionCall& call, Arguments& arguments);
  // bind_postgres.cc: converts the arguments to the types that PostgreSQL's function of that name
  // takes.
  Status match_arguments(const FunctionCall& call, Arguments& arguments) const;
  // The name of the function that a call refers to, depending on the types of its arguments.
  static std::string by_types(std::string name, const Arguments& arguments);
  static void take_label(std::string_view function, const Arguments& arguments, SqlType& type);
  static bool is_clock_result(std::string_view function, const Arguments& arguments);
  // A cast that only PostgreSQL has: between BOOLEAN and INTEGER, or from BYTES to a text. Nothing for other casts.
  static std::optional<BoundExpression> postgres_cast(BoundExpression& operand, const SqlType& type,
                                                      TextPosition position);
  // Converts points in time to local timestamps of the session's zone, for functions that compute with these.
  void take_clocks(const FunctionCall& call, Arguments& arguments) const;
  Status bind_lambdas(Resolution& resolution, Arguments& arguments);
  Result<BoundExpression> bind_lambda(const Lambda& lambda, TextPosition position,
                                      const std::vector<SqlType>& parameter_types);
  // The name under which a call is looked up. If PostgreSQL's rules apply and PostgreSQL gives the name another
  // meaning, the registered name has its schema as a prefix.
  std::string meant(const std::string& function) const;
  Error misplaced_function(const std::string& name, CallKind kind) const;
  Status coerce_arguments(Resolution& resolution, Arguments& arguments);

  // bind_postgres.cc
  Result<std::optional<BoundExpression>> bind_postgres_call(const FunctionCall& call,
                                                            TextPosition position);
  Result<BoundExpression> bind_row(const FunctionCall& call);
  Result<ExpressionPtr> moved_interval(const FunctionCall& call, TextPosition position);
  static Result<FunctionCall> with_interval_parts(const FunctionCall& call, TextPosition position);
  static Result<BoundExpression> row_as(BoundExpression row, const SqlType& type,
                                        TextPosition position);
  ExpressionPtr moved_date(const Arithmetic& node, const SqlType& left, const SqlType& right,
                           TextPosition position) const;

  // Like bind_kept(), but literal dates and times stay exact.
  Result<BoundExpression> bind_exact(const Expression& expression);
  // The form of a value for computation: a DECIMAL for a numeric without a precision, milliseconds for exact times.
  Result<BoundExpression> computed(BoundExpression bound);
  Result<BoundExpression> as_exact(BoundExpression bound, const SqlType& exact);
  // Converts both sides of a comparison; they were bound by bind_exact().
  Status match_times(BoundItem& left, BoundItem& right);
  // Returns nothing, and leaves both sides unchanged, if it is not arithmetic of dates, times or
  // intervals.
  Result<std::optional<BoundExpression>> bind_time_arithmetic(ArithmeticOp op,
                                                              BoundExpression& left,
                                                              BoundExpression& right,
                                                              TextPosition position);

  // bind_lists.cc
  Result<SqlType> widen(const SqlType& common, const BoundItem& item);

  // The error code for operands that an operator does not accept: in PostgreSQL no operator of that
  // name exists for them.
  ErrorCode no_operator() const {
    return scope_.texts_take_types ? ErrorCode::UndefinedFunction : ErrorCode::TypeMismatch;
  }
  bool is_known_column(const std::string& name) const;
  // The expression as ksqlDB's messages show it: in a join, a column A.B is A_B.
  std::string text_of(const Expression& expression) const;
  // ksqlDB's message for a type error in the current clause.
  std::string type_error_detail(std::string_view text) const;
  std::string invalid_detail(std::string_view text) const;

  const Scope& scope_;
  const bool keeps_times_exact_;
  std::vector<LambdaName> lambda_names_;
  uint32_t next_lambda_number_ = 0;
  bool is_operand_ = false;   // of a cast
  bool keeps_times_ = false;  // within a comparison or arithmetic on exact times
  int depth_ = 0;             // depth of the expression that is being bound
  size_t bindings_ = 0;       // of all its parts
};

// The type with PostgreSQL's name: STRING is VARCHAR.
std::string shown(const SqlType& type);

// The DECIMAL type that holds all digits of a numeric without a precision, for computation; nothing if the number of
// digits depends on the values.
std::optional<SqlType> exact_numeric(const BoundExpression& bound);

BoundExpression call_expression(Kernel kernel, SqlType type, std::vector<BoundExpression> children,
                                TextPosition position);
// Converts a literal at once; if that fails, or for other expressions, adds a cast.
BoundExpression cast_or_fold(BoundExpression expression, const SqlType& type);

// 1.49 must not be compared as 1.5 if it is a parameter next to a DECIMAL(10, 1): half of the unused digits are added
// after the point. Other types are returned unchanged.
SqlType with_spare_digits(SqlType type);
// Whether it is a parameter without a type yet that its client declares as NUMERIC.
bool is_declared_number(const BoundExpression& bound);

}  // namespace engine
