// Binds one expression by walking its tree. Used only by the source files in this folder.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/expr/bind.h"
#include "engine/types/declared_lengths.h"

namespace engine {

// Returns the name of a type in ksqlDB's errors.
inline std::string in_ksqldb(const SqlType& type) {
  return type.is_null() ? "null" : type.to_string();
}

// Returns an error with ksqlDB's message in addition to `message`.
inline Error with_ksqldb(ErrorCode code, std::string message, std::string ksqldb,
                         std::string hint = {}) {
  Error error{code, std::move(message)};
  error.ksqldb = std::move(ksqldb);
  error.hint = std::move(hint);
  return error;
}

// An argument or an item of a list, as parsed (for messages) and as bound.
struct BoundItem {
  const Expression* source;
  BoundExpression bound;
};

// Returns the expression, changed so that it handles nulls as the scope requires. With PostgreSQL's
// rules, conditions with nulls are unknown, and numbers out of range are errors.
BoundExpression with_nulls_of(const Scope& scope, BoundExpression bound);

class Binder {
 public:
  // `keeps_times_exact` is set for bind_shown().
  explicit Binder(const Scope& scope, bool keeps_times_exact = false)
      : scope_(scope), keeps_times_exact_(keeps_times_exact && scope.texts_take_types) {}

  Result<BoundExpression> bind(const Expression& expression);
  // Binds like bind(), except that a parameter keeps an unknown type if nothing determines its
  // type.
  Result<BoundExpression> bind_open(const Expression& expression);
  // Binds like bind(), but a numeric that is kept as a text is not converted to a DECIMAL. The
  // operand of a cast is bound in this way.
  Result<BoundExpression> bind_kept(const Expression& expression);
  Result<BoundAggregate> bind_aggregate(const FunctionCall& call, TextPosition position,
                                        std::map<std::string, std::string> properties);
  Result<BoundExpression> bind_call(const FunctionCall& call, TextPosition position,
                                    CallKind expected);
  Result<uint32_t> resolve(const ColumnRef& column, TextPosition position) const;

  // Converts all items to their common type and returns this type; Null if all items are NULL.
  Result<SqlType> unify(std::vector<BoundItem>& items);
  // Converts to the type like coerce(). A parameter of unknown type gets the type.
  Result<BoundExpression> coerce_to(BoundExpression bound, const SqlType& type);
  // Gives a parameter of unknown type the type that its client has declared, or STRING.
  Result<BoundExpression> close(BoundExpression bound);
  // Converts like coerce(), in the session's zone.
  Result<BoundExpression> coerce_in_zone(BoundExpression bound, const SqlType& type) const;

 private:
  struct LambdaName {
    std::string name;
    uint32_t number;
    SqlType type;
  };
  struct Arguments {
    std::vector<BoundItem> items;  // `bound` of a lambda is empty
    std::vector<ArgumentType> types;
    SqlType first = {};  // type of the first argument, with its label
    // Whether an argument was converted from a point in time to local time. The result of the
    // function is then converted back.
    bool is_by_clocks = false;
  };

  // The following functions are in bind.cc, and those for casts, CASE and constructors in binding/: literals, names and
  // the forms that are not operators.
  Result<BoundExpression> bind_node(const Expression& expression);
  Result<BoundExpression> bind_column(const ColumnRef& column, TextPosition position);
  Result<BoundExpression> bind_parameter(const Parameter& parameter, TextPosition position);
  Result<BoundExpression> bind_value(size_t index, TextPosition position);
  // Gives a parameter of unknown type the type of the value next to it. If this is a DECIMAL, the
  // parameter does not get its number of digits, because it keeps all digits of its own value.
  Result<BoundExpression> take_type_beside(BoundExpression bound, const SqlType& type);
  // Calls take_type_beside() if the type is a DECIMAL, or if it is a whole number and the client
  // has declared the parameter as NUMERIC. Otherwise the type of the parameter stays unknown.
  Status keep_digits_beside(BoundItem& item, const SqlType& type);
  Result<BoundExpression> bind_decimal(const DecimalLiteral& literal, TextPosition position) const;
  Result<BoundExpression> bind_cast(const Cast& cast, TextPosition position);
  // Binds CAST, or the implicit cast of an assignment, to a type that may have a length, such as
  // VARCHAR(20) or TIMESTAMP(0).
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

  // The following functions are in bind_operators.cc, and those for arithmetic in binding/arithmetic.cc.
  Result<BoundExpression> bind_arithmetic(const Arithmetic& node, const Expression& expression);
  Result<BoundExpression> bind_sign(const Signed& node, TextPosition position);
  Result<BoundExpression> bind_comparison(const Comparison& node, TextPosition position);
  Result<BoundExpression> compare(ComparisonOp op, BoundItem left, BoundItem right,
                                  TextPosition position);
  // Converts both sides of a comparison so that they compare as in PostgreSQL. Fails if they cannot
  // be compared.
  Status match_labels(ComparisonOp op, BoundItem& left, BoundItem& right, TextPosition position);
  // Converts a text literal to a value of the type; any other item stays unchanged. Fails with
  // InvalidText.
  Status read_text_as(BoundItem& item, const SqlType& type) const;
  // Converts a text literal that is used next to a time to a time, with the rules of continuous
  // queries (Scope::checks_values). Fails with InvalidDatetime.
  Status read_time_as(BoundItem& item, const SqlType& type) const;
  // Fails if an item of a list of texts is a value of another type.
  Status check_beside_text(const BoundItem& item, const SqlType& text) const;
  Status read_number_as(const Expression& source, BoundExpression& side, const SqlType& type) const;
  Result<BoundExpression> bind_logical(const Logical& node, TextPosition position);
  Result<BoundExpression> bind_not(const Not& node, TextPosition position);
  Result<BoundExpression> bind_between(const Between& node, TextPosition position);
  Result<BoundExpression> bind_in(const In& node, TextPosition position);
  Result<BoundExpression> bind_like(const Like& node, TextPosition position);
  Result<BoundExpression> bind_is_null(const IsNull& node, TextPosition position);
  Result<BoundExpression> bind_condition(const Expression& expression, std::string_view what);

  // The following functions are in bind_functions.cc.
  Result<Arguments> bind_arguments(const FunctionCall& call);
  Status read_texts_as_others(const FunctionCall& call, Arguments& arguments);
  Status read_texts_as_parameters(const FunctionCall& call, Arguments& arguments);
  // In bind_postgres.cc: converts the arguments to the parameter types that PostgreSQL's function
  // of this name has.
  Status match_arguments(const FunctionCall& call, Arguments& arguments) const;
  // Returns the name of the function to which a call refers, which depends on the types of the arguments.
  static std::string by_types(std::string name, const Arguments& arguments);
  static void take_label(std::string_view function, const Arguments& arguments, SqlType& type);
  static bool is_clock_result(std::string_view function, const Arguments& arguments);
  // Returns a cast that exists only in PostgreSQL: between BOOLEAN and INTEGER, or from BYTES to a
  // text. Returns nothing for other casts.
  static std::optional<BoundExpression> postgres_cast(BoundExpression& operand, const SqlType& type,
                                                      TextPosition position);
  // Converts points in time to local times of the session's zone. Used for functions that compute
  // with local times.
  void take_clocks(const FunctionCall& call, Arguments& arguments) const;
  Status bind_lambdas(Resolution& resolution, Arguments& arguments);
  Result<BoundExpression> bind_lambda(const Lambda& lambda, TextPosition position,
                                      const std::vector<SqlType>& parameter_types);
  // Returns the name under which a called function is registered. If PostgreSQL's rules apply and
  // PostgreSQL gives the name another meaning than the dialect, this name begins with PostgreSQL's
  // schema.
  std::string meant(const std::string& function) const;
  Error misplaced_function(const std::string& name, CallKind kind) const;
  Status coerce_arguments(Resolution& resolution, Arguments& arguments);

  // The following functions are in bind_postgres.cc.
  Result<std::optional<BoundExpression>> bind_postgres_call(const FunctionCall& call,
                                                            TextPosition position);
  Result<BoundExpression> bind_row(const FunctionCall& call);
  Result<ExpressionPtr> moved_interval(const FunctionCall& call, TextPosition position);
  static Result<FunctionCall> with_interval_parts(const FunctionCall& call, TextPosition position);
  static Result<BoundExpression> row_as(BoundExpression row, const SqlType& type,
                                        TextPosition position);
  ExpressionPtr moved_date(const Arithmetic& node, const SqlType& left, const SqlType& right,
                           TextPosition position) const;

  // Binds an expression. Dates and times that are literals are kept as texts, with all their
  // digits.
  Result<BoundExpression> bind_exact(const Expression& expression);
  // Converts a value to a form in which it can be computed: a numeric without a precision becomes a
  // DECIMAL, and exact times become milliseconds.
  Result<BoundExpression> computed(BoundExpression bound);
  Result<BoundExpression> as_exact(BoundExpression bound, const SqlType& exact);
  // Converts both sides of a comparison, which were bound by bind_exact(), to a common type.
  Status match_times(BoundItem& left, BoundItem& right);
  // Binds arithmetic of dates, times or intervals. Returns nothing, and leaves both sides
  // unchanged, for other arithmetic.
  Result<std::optional<BoundExpression>> bind_time_arithmetic(ArithmeticOp op,
                                                              BoundExpression& left,
                                                              BoundExpression& right,
                                                              TextPosition position);

  // The following functions are in bind_lists.cc.
  Result<SqlType> widen(const SqlType& common, const BoundItem& item);

  // Returns the error code for operands that an operator does not accept. PostgreSQL reports in
  // this case that no operator of this name exists for these operands.
  ErrorCode no_operator() const {
    return scope_.texts_take_types ? ErrorCode::UndefinedFunction : ErrorCode::TypeMismatch;
  }
  bool is_known_column(const std::string& name) const;
  // Returns the expression as ksqlDB's messages show it. In a join, a column A.B is A_B.
  std::string text_of(const Expression& expression) const;
  // Returns ksqlDB's message for a type error in the current clause.
  std::string type_error_detail(std::string_view text) const;
  std::string invalid_detail(std::string_view text) const;

  const Scope& scope_;
  const bool keeps_times_exact_;
  std::vector<LambdaName> lambda_names_;
  uint32_t next_lambda_number_ = 0;
  // whether the cast that is being bound is itself the operand of a cast
  bool is_operand_ = false;
  // The mark around the cast that is bound next (marked_cast()); null: the cast is not marked.
  const FunctionCall* mark_ = nullptr;
  // whether the expression that is being bound is an operand of a comparison or of arithmetic with exact times
  bool keeps_times_ = false;
  int depth_ = 0;        // depth of the expression that is being bound
  size_t bindings_ = 0;  // number of bound parts of the whole expression
};

// Returns the type's name for messages. STRING is shown as VARCHAR.
std::string shown(const SqlType& type);

// Returns a DECIMAL type that has all digits of a numeric without a precision, so that it can be
// computed with. Returns nothing if the number of digits depends on the values.
std::optional<SqlType> exact_numeric(const BoundExpression& bound);

BoundExpression call_expression(Kernel kernel, SqlType type, std::vector<BoundExpression> children,
                                TextPosition position);
// Casts an expression. If it is a literal, the cast is computed now, unless it fails.
BoundExpression cast_or_fold(BoundExpression expression, const SqlType& type);

// Returns the type for a parameter that is combined with an operand of this type. For a DECIMAL it
// is a DECIMAL with 38 digits: of the digits that `type` lacks, half are added after the point.
// Otherwise a parameter 1.49 next to a DECIMAL(10, 1) would be rounded to 1.5 before the
// comparison. Returns other types unchanged.
SqlType with_spare_digits(SqlType type);
// Returns whether the expression is a parameter that has no type yet, but is declared as NUMERIC by its client.
bool is_declared_number(const BoundExpression& bound);

}  // namespace engine
