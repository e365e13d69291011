// What the body of a function sees: the columns of one batch, and where its results and its errors
// go.
#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/errors.h"
#include "base/random.h"
#include "engine/functions/budget.h"
#include "engine/types/column.h"

namespace engine {

// The rows of one batch in which something failed, and what it was in the first few of them.
// A message whose row has not failed tells of a failure that a function took as a null argument.
//
// Invariant: a failed row has at most one message, its first.
class RowErrors {
 public:
  struct Message {
    size_t row;
    std::string text;
    ErrorCode code = ErrorCode::InvalidText;
  };
  // Enough to see what is wrong with a batch; more would only flood the processing log.
  static constexpr size_t kMaxMessages = 16;

  explicit RowErrors(size_t rows) : rows_(rows) {}

  void add(size_t row, std::string_view text, ErrorCode code = ErrorCode::InvalidText);
  // With its code: a limit that was reached is of class 53 or 54 and no wrong input.
  void add(size_t row, const Error& error) { add(row, error.message, error.code); }
  bool any() const { return failed_.size() != 0; }
  bool has(size_t row) const { return any() && failed_.test(row); }
  size_t count() const { return failed_.count(); }
  // Empty while nothing failed, else one bit a row.
  const Bitmap& failed() const { return failed_; }
  const std::vector<Message>& messages() const { return messages_; }
  // Adds the errors of some of these rows: row i of `part` is row `rows[i]` here.
  void add_part(const RowErrors& part, std::span<const uint32_t> rows);
  void add_all(const RowErrors& other);
  // Tells of the failures, without making these rows fail.
  void note(size_t row, std::string_view text, ErrorCode code = ErrorCode::InvalidText);
  void note_all(const RowErrors& other);

 private:
  void mark(size_t row);

  size_t rows_;
  Bitmap failed_;
  std::vector<Message> messages_;
};

// What evaluation takes from the world around it.
struct EvalContext {
  const Clock& clock;
  Random& random;
  // The properties of the statement's session; null: all at their defaults.
  const std::map<std::string, std::string>* properties = nullptr;
  // What the evaluation may cost; null: as much as it needs, values of more than kMaxValueBytes
  // aside.
  EvalBudget* budget = nullptr;

  std::string_view property(const std::string& name, std::string_view otherwise) const;
  // Before a function makes a value whose size its arguments decide: false when it would be too
  // large, or when the budget does not have that many bytes. Nothing is taken yet.
  bool has_bytes(size_t bytes) const {
    if (bytes > kMaxValueBytes) return false;
    if (budget == nullptr) return true;
    return budget->allows_value(bytes) &&
           (bytes <= budget->bytes_left() || budget->take_bytes(bytes));
  }
  // The same, and the bytes are taken.
  bool take_bytes(size_t bytes) const {
    if (bytes > kMaxValueBytes) return false;
    return budget == nullptr || (budget->allows_value(bytes) && budget->take_bytes(bytes));
  }
  // For what is needed on the way to a value and is no value itself.
  bool take_working_bytes(size_t bytes) const {
    return budget == nullptr || budget->take_bytes(bytes);
  }
  // Likewise for what a row gets; when it was false the row has the error.
  bool take_bytes(size_t bytes, size_t row, RowErrors& errors) const {
    if (take_bytes(bytes)) return true;
    errors.add(row, too_large(bytes));
    return false;
  }
  // Why it was false: the error of the row.
  Error too_large(size_t bytes) const;
  bool is_over() const { return budget != nullptr && budget->is_over(); }
};

// About how much memory a value takes.
size_t size_of(const Value& value);

// One argument: a column with a value for each row, or a constant, whose single row stands for all.
struct Argument {
  const Column* column;
  bool is_constant = false;

  const SqlType& type() const { return column->type(); }
  size_t index(size_t row) const { return is_constant ? 0 : row; }
  bool is_null(size_t row) const { return column->is_null(index(row)); }
  template <class T>
  T get(size_t row) const {
    return column->data<T>()[index(row)];
  }
  Value value(size_t row) const { return column->value_at(index(row)); }
};

// A lambda that was passed to a function.
class LambdaBody {
 public:
  virtual ~LambdaBody() = default;
  // Its value for each element: `parameters` are as long as `rows`, and rows[i] is the row of the
  // call to which element i belongs (the body may use other columns of that row). Errors are added
  // to `errors` by row, not by element; the element's value is then null.
  virtual ColumnPtr run(std::span<const Argument> parameters, std::span<const uint32_t> rows,
                        RowErrors& errors) const = 0;
};

// One call of a function over a batch. Rows that do not need a value were taken out before: a
// kernel computes all of them.
struct KernelCall {
  std::span<const Argument> args;  // coerced to the parameters' types; lambdas are not among them
  size_t rows;
  // Comes empty and of the return type; the kernel leaves `rows` rows in it. Where it puts views of
  // an argument's strings it must call out.share_strings_of(argument).
  Column& out;
  RowErrors& errors;  // a row that is added here must be null in `out`
  const EvalContext& context;
  std::span<const LambdaBody* const> lambdas = {};
  // Of comparisons and conditions: a null operand makes the result unknown, which is null, as in PostgreSQL. Otherwise, as in
  // ksqlDB, a comparison is false and a condition an error.
  bool knows_unknown = false;
};

// Appends the row `at` of a column to the result, as that of `row`. What is appended from a constant,
// or from an element of an array, may be appended many times: there has to be room for each copy.
void append_copy(KernelCall& call, size_t row, const Column& from, size_t at);

// Called once a batch. Inside there is no allocation and no exception per row, except for what
// strings and lists need.
using Kernel = void (*)(KernelCall&);

}  // namespace engine
