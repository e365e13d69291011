// The interface between the evaluator and the body of a function (its kernel). A call has the
// columns of one batch, the result and the errors.
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

// The rows of one batch for which a function failed, with the messages of the first failures. Some
// messages may belong to rows that have not failed, because an enclosing function has treated the
// failure of its argument as a null.
class RowErrors {
 public:
  struct Message {
    size_t row;
    std::string text;
    ErrorCode code = ErrorCode::InvalidText;
  };
  // This number of messages is enough to show the problem of a batch. More would only flood the
  // processing log.
  static constexpr size_t kMaxMessages = 16;

  explicit RowErrors(size_t rows) : rows_(rows) {}

  void add(size_t row, std::string_view text, ErrorCode code = ErrorCode::InvalidText);
  // Adds an error with its code. The code is needed because an error of class 53 or 54 means that a
  // limit was reached, and not that the input is wrong.
  void add(size_t row, const Error& error) { add(row, error.message, error.code); }
  bool any() const { return failed_.size() != 0; }
  bool has(size_t row) const { return any() && failed_.test(row); }
  size_t count() const { return failed_.count(); }
  // Returns one bit for each row; an empty bitmap if no row failed.
  const Bitmap& failed() const { return failed_; }
  const std::vector<Message>& messages() const { return messages_; }
  // Returns the number of note() calls whose messages are not in messages(), because it was full.
  // (Messages of add() that were left out are not counted: their rows are in failed().)
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
  // Call it before a function makes a value whose size depends on the arguments of the function.
  // Returns false if the value would be too large, or if the budget has fewer bytes left. Takes no
  // bytes: if too few are left, budget->take_bytes() always fails, and only records that the limit
  // was reached.
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
  // Evaluates the lambda for each element. `parameters` are as long as `rows`. rows[i] is the row
  // of the call to which element i belongs; the body may use the other columns of this row. If an
  // element fails, its value is null, and the error is added to `errors` for its row.
  virtual ColumnPtr run(std::span<const Argument> parameters, std::span<const uint32_t> rows,
                        RowErrors& errors) const = 0;
};

// One call of a function for a batch. The kernel computes all rows; rows for which no value is
// needed have been removed before.
struct KernelCall {
  std::span<const Argument> args;  // coerced to the parameters' types; without lambdas
  size_t rows;
  // The result: a column of the return type, empty at first. The kernel must append or set `rows`
  // rows. If it stores views of an argument's strings, it must call out.share_strings_of(argument).
  Column& out;
  RowErrors& errors;  // a row that is added here must be null in `out`
  const EvalContext& context;
  std::span<const LambdaBody* const> lambdas = {};
  // Whether PostgreSQL's rules apply. With them, a null operand of a comparison or condition makes
  // the result unknown, which is null. Without them, as in ksqlDB, a comparison with null is false,
  // and a condition that is null is an error.
  bool knows_unknown = false;
  // Whether a whole number out of range is an error of the row. Otherwise, as in Java, the number
  // wraps around or becomes the nearest number that fits. PostgreSQL's rules include this check.
  bool checks_range = false;

  bool fails_out_of_range() const { return knows_unknown || checks_range; }
};

// Appends the value in row `at` of a column to the result, as the value of `row`. A constant, or an
// element of an array, may be appended many times, so the bytes of each copy are charged to the
// budget.
void append_copy(KernelCall& call, size_t row, const Column& from, size_t at);

// Computes a batch. A kernel must not allocate memory for each row, except for strings and lists, and must not throw.
using Kernel = void (*)(KernelCall&);

}  // namespace engine
