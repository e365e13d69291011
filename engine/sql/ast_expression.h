// Expressions as parsed: a tree of small structs, one for each form of expression. Names are not
// resolved, and expressions have no types.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "engine/sql/ast_name.h"

namespace engine {

struct Expression;
struct Query;
using ExpressionPtr =
    std::unique_ptr<Expression>;  // not null, unless a member is marked "may be null"
using ExpressionList = std::vector<ExpressionPtr>;

enum class TimeUnit : uint8_t { Milliseconds, Seconds, Minutes, Hours, Days, Weeks, Months, Years };

// Literals. A sign directly before a number belongs to the literal.
struct NullLiteral {};
struct BooleanLiteral {
  bool value;
};
struct IntegerLiteral {
  int32_t value;
};
struct BigintLiteral {
  int64_t value;
};  // a number that does not fit an INTEGER
struct DoubleLiteral {
  double value;
  std::string text;
};  // a number with an exponent
struct DecimalLiteral {
  std::string text;
};  // the digits exactly as written, for instance -1.50
struct StringLiteral {
  std::string value;
};

struct ColumnRef {
  std::optional<Name> source;
  Name name;
};
struct Parameter {
  int index;
};  // the number of $1 is 1

// A bare DAY, SECONDS, ... as an argument of a function. If the function does not take a unit at
// this place, the argument is a column with the name `word`.
struct IntervalUnit {
  TimeUnit unit;
  std::string word;
};

struct Dereference {
  ExpressionPtr base;
  Name field;
};  // the field `field` of the struct `base`
struct Subscript {
  ExpressionPtr base, index;
};  // the element `base[index]`
enum class NullsOrder : uint8_t { Default, First, Last };

struct OrderItem {
  ExpressionPtr expression;
  bool descending = false;
  NullsOrder nulls = NullsOrder::Default;
};

enum class FrameUnit : uint8_t { Range, Rows, Groups };
enum class FrameEdge : uint8_t {
  UnboundedPreceding,
  Preceding,
  CurrentRow,
  Following,
  UnboundedFollowing
};
enum class FrameExclusion : uint8_t { None, CurrentRow, Group, Ties };
struct FrameBound {
  FrameEdge edge;
  ExpressionPtr offset = nullptr;  // set for Preceding and Following, otherwise null
};
// The frame of a window. The default is RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW.
struct WindowFrame {
  FrameUnit unit = FrameUnit::Range;
  FrameBound start = {FrameEdge::UnboundedPreceding}, end = {FrameEdge::CurrentRow};
  FrameExclusion exclusion = FrameExclusion::None;
};
// The window of OVER (...). If it names a window of the WINDOW clause, it is replaced by that
// window's definition.
struct OverWindow {
  ExpressionList partition_by;
  std::vector<OrderItem> order_by;
  WindowFrame frame;
  bool has_frame = false;  // the statement contains a frame
};

struct FunctionCall {
  std::string name;  // in upper case
  ExpressionList arguments;
  bool star = false, distinct = false;  // COUNT(*): no arguments
  // the call was written as an operator, so the result has no name
  bool is_operator = false;
  // Only SELECTs over tables set the following members, which are PostgreSQL's.
  std::vector<OrderItem> order_by =
      {};  // f(x ORDER BY y); of `within_group` f(p) WITHIN GROUP (ORDER BY y)
  bool within_group = false;
  ExpressionPtr filter = nullptr;              // FILTER (WHERE ...); may be null
  std::unique_ptr<OverWindow> over = nullptr;  // may be null
};
struct Lambda {
  std::vector<std::string> parameters;
  ExpressionPtr body;
};

enum class ArithmeticOp : uint8_t { Add, Subtract, Multiply, Divide, Modulo, Concatenate };
enum class SignOp : uint8_t { Plus, Minus };
enum class ComparisonOp : uint8_t {
  Equal,
  NotEqual,
  Less,
  LessOrEqual,
  Greater,
  GreaterOrEqual,
  IsDistinctFrom,
  IsNotDistinctFrom
};
enum class LogicalOp : uint8_t { And, Or };

struct Arithmetic {
  ArithmeticOp op;
  ExpressionPtr left, right;
};
struct Signed {
  SignOp op;
  ExpressionPtr operand;
};
struct Comparison {
  ComparisonOp op;
  ExpressionPtr left, right;
};
struct Logical {
  LogicalOp op;
  ExpressionPtr left, right;
};
struct Not {
  ExpressionPtr operand;
};
struct Between {
  ExpressionPtr value, lower, upper;
  bool negated = false;
};
struct In {
  ExpressionPtr value;
  ExpressionList list;
  bool negated = false;
};  // list is not empty
struct Like {
  ExpressionPtr value, pattern;
  std::optional<std::string> escape;  // any text here; the analysis checks that it is one character
  bool negated = false;
};
struct IsNull {
  ExpressionPtr operand;
  bool negated = false;
};

struct CaseBranch {
  ExpressionPtr when, then;
};
struct Case {
  ExpressionPtr operand;  // may be null: CASE WHEN condition ...
  std::vector<CaseBranch> branches;
  ExpressionPtr otherwise;  // may be null
};

struct Cast {
  ExpressionPtr operand;
  TypeName type;
};  // CAST(x AS type) and x::type
struct AtTimeZone {
  ExpressionPtr value, zone;
};
struct ArrayConstructor {
  ExpressionList elements;
};
struct MapEntry {
  ExpressionPtr key, value;
};
struct MapConstructor {
  std::vector<MapEntry> entries;
};
struct StructField {
  Name name;
  ExpressionPtr value;
};
struct StructConstructor {
  std::vector<StructField> fields;
};

enum class SubqueryKind : uint8_t { Scalar, Exists, In };
// A sub-query: (SELECT ...), EXISTS (SELECT ...), or value [NOT] IN (SELECT ...). Copies share the query.
struct Subquery {
  SubqueryKind kind;
  ExpressionPtr value;  // set for In, otherwise null
  std::shared_ptr<const Query> query;
  bool negated = false;                   // set for NOT IN
  ComparisonOp op = ComparisonOp::Equal;  // for In: value op ANY (SELECT ...)
};

struct Expression {
  using Node =
      std::variant<NullLiteral, BooleanLiteral, IntegerLiteral, BigintLiteral, DoubleLiteral,
                   DecimalLiteral, StringLiteral, ColumnRef, Parameter, IntervalUnit, Dereference,
                   Subscript, FunctionCall, Lambda, Arithmetic, Signed, Comparison, Logical, Not,
                   Between, In, Like, IsNull, Case, Cast, AtTimeZone, ArrayConstructor,
                   MapConstructor, StructConstructor, Subquery>;
  Node node;
  // The start of the expression; for a binary operator (and IS, IN, LIKE, BETWEEN, ::) the position
  // of the operator, where a type error is shown.
  TextPosition position;

  // These functions are not inline. Otherwise each source file that needs them would compile a
  // function for every pair of forms of expressions.
  Expression(Node node, TextPosition position);
  Expression(Expression&& other) noexcept;
  Expression& operator=(Expression&& other) noexcept;
  ~Expression();

  template <class T>
  const T* as() const {
    return std::get_if<T>(&node);
  }
  template <class T>
  bool is() const {
    return std::holds_alternative<T>(node);
  }
};

template <class T>
ExpressionPtr make_expression(T node, TextPosition position = {}) {
  return std::make_unique<Expression>(Expression{std::move(node), position});
}

ExpressionPtr clone(const Expression& expression);
ExpressionList clone(const ExpressionList& list);

// Returns whether the expressions, and their sub-queries, have the same structure and the same names. Positions and
// spellings (quotes, letter case of keywords) are ignored.
bool equals(const Expression& left, const Expression& right);

// Returns the text as in ksqlDB's messages: `(A + B)`, `SUM(X->Y)`, `'it''s'`. Names that need
// quotes are in back quotes.
std::string to_sql(const Expression& expression);

// Returns the children in the order of the text, for walks that treat all forms alike.
std::vector<const Expression*> children(const Expression& expression);
std::vector<ExpressionPtr*> children(Expression& expression);  // the result can be changed in place

std::string_view to_string(ArithmeticOp op);  // for example "+"
std::string_view to_string(ComparisonOp op);  // for example "<>" or "IS DISTINCT FROM"
std::string_view to_string(LogicalOp op);
std::string_view to_string(TimeUnit unit);  // for example "SECONDS"

// The parser returns no deeper expressions, so recursion over an expression is safe.
inline constexpr int kMaxExpressionDepth = 800;

}  // namespace engine
