// The interface between the evaluator and the body of a function, with the columns of one batch, its result and its
// errors.
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

// The rows of one batch for which a function failed, with the messages of the first few failures. A message may also
// belong to a row that has not failed: a failure that an enclosing function treated as a null argument.
class RowErrors {
 public:
  struct Message {
    size_t row;
    std::string text;
    ErrorCode code = ErrorCode::InvalidText;
  };
  // This number is enough to show the problem of a batch; more messages would only flood the processing log.
  static constexpr size_t kMaxMessages = 16;

  explicit RowErrors(size_t rows) : rows_(rows) {}

  void add(size_t row, std::string_view text, ErrorCode code = ErrorCode::InvalidText);
  // Adds an error and keeps its code, because an error of class 53 or 54 is a limit that was reached, and not wrong
  // input.
  void add(size_t row, const Error& error) { add(row, error.message, error.code); }
  bool any() const { return failed_.size() != 0; }
  bool has(size_t row) const { return any() && failed_.test(row); }
  size_t count() const { return failed_.count(); }
  // Returns one bit for each row; an empty bitmap if no row failed.
  const Bitmap& failed() const { return failed_; }
  const std::vector<Message>& messages() const { return messages_; }
  // Returns the number of notes that were left out of messages(). Failures that were left out are in failed().
  size_t more_noted() const { return more_noted_; }
  // Adds the errors of a subset of the rows: row i of `part` is row `rows[i]` here.
  void add_part(const RowErrors& part, std::span<const uint32_t> rows);
  void add_all(const RowErrors& other);
  // Records a message without failing the row.
  void note(size_t row, std::string_view text, ErrorCode code = ErrorCode::InvalidText);
  void note_all(const RowErrors& other);

 private:
  void mark(size_t row);

  size_t rows_;
  Bitmap failed_;
  std::vector<Message> messages_;
  size_t more_noted_ = 0;
};

// The environment in which an expression is evaluated.
struct EvalContext {
  const Clock& clock;
  Random& random;
  // Properties of the statement's session; null: all have their defaults.
  const std::map<std::string, std::string>* properties = nullptr;
  // Limits of the evaluation; null: no limits, except kMaxValueBytes for each value.
  EvalBudget* budget = nullptr;

  std::string_view property(const std::string& name, std::string_view otherwise) const;
  // Call before a function makes a value whose size depends on its arguments. Returns false if the value would be too
  // large, or if the budget does not have that many bytes. Does not take bytes from the budget.
  bool has_bytes(size_t bytes) const {
    if (bytes > kMaxValueBytes) return false;
    if (budget == nullptr) return true;
    return budget->allows_value(bytes) &&
           (bytes <= budget->bytes_left() || budget->take_bytes(bytes));
  }
  // Checks as has_bytes() does, and takes the bytes from the budget.
  bool take_bytes(size_t bytes) const {
    if (bytes > kMaxValueBytes) return false;
    return budget == nullptr || (budget->allows_value(bytes) && budget->take_bytes(bytes));
  }
  // Takes bytes for intermediate memory that is not part of a value.
  bool take_working_bytes(size_t bytes) const {
    return budget == nullptr || budget->take_bytes(bytes);
  }
  // Takes the bytes for a value of the row. If the function returns false, it has added the error to the row.
  bool take_bytes(size_t bytes, size_t row, RowErrors& errors) const {
    if (take_bytes(bytes)) return true;
    errors.add(row, too_large(bytes));
    return false;
  }
  // Returns the error for a value of this size that could not be made.
  Error too_large(size_t bytes) const;
  bool is_over() const { return budget != nullptr && budget->is_over(); }
};

// Returns the approximate memory of a value.
size_t size_of(const Value& value);

// One argument: a column with one value for each row, or a constant, whose single row applies to all rows.
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

// A lambda argument of a function.
class LambdaBody {
 public:
  virtual ~LambdaBody() = default;
  // Evaluates the lambda for each element. `parameters` are as long as `rows`; rows[i] is the row of the call to which
  // element i belongs, whose other columns the body may use. Errors are added to `errors` by row, not by element; the
  // element's value is then null.
  virtual ColumnPtr run(std::span<const Argument> parameters, std::span<const uint32_t> rows,
                        RowErrors& errors) const = 0;
};

// One call of a function over a batch. A kernel computes all rows, because rows that need no value have been removed.
struct KernelCall {
  std::span<const Argument> args;  // coerced to the parameters' types; without lambdas
  size_t rows;
  // Initially empty, with the return type; the kernel must append or set `rows` rows. If it stores views of an
  // argument's strings it must call out.share_strings_of(argument).
  Column& out;
  RowErrors& errors;  // a row that is added here must be null in `out`
  const EvalContext& context;
  std::span<const LambdaBody* const> lambdas = {};
  // Whether PostgreSQL's rules apply. A null operand of a comparison or a condition then makes the result unknown,
  // which is null. Otherwise, as in ksqlDB, the comparison is false and the condition an error.
  bool knows_unknown = false;
  // Whether a whole number out of range is an error of the row, and not a number that wraps around or the nearest one
  // that fits, as in Java. PostgreSQL's rules include the check.
  bool checks_range = false;

  bool fails_out_of_range() const { return knows_unknown || checks_range; }
};

// Appends row `at` of a column to the result, as the value of `row`. A constant, or an element of an array, may be
// appended many times, so each copy is charged to the budget.
void append_copy(KernelCall& call, size_t row, const Column& from, size_t at);

// Computes a batch. A kernel must not allocate memory for each row, except for strings and lists, and must not throw.
using Kernel = void (*)(KernelCall&);

}  // namespace engine
