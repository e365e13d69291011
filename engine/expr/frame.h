// One run of a Block over some rows. Used only by the source files in this folder.
#pragma once
#include <memory>
#include <span>
#include <vector>

#include "engine/expr/block.h"
#include "engine/expr/program.h"
#include "engine/functions/kernel.h"

namespace engine {

// The value of a register.
//
// Invariant: a row with an error is null in the column.
struct Slot {
  ColumnPtr column;
  bool is_constant = false;  // the column has one row, which stands for all rows
  // null: no errors; slots with the same column share the object
  std::shared_ptr<const RowErrors> errors;
};

struct CasePart;

class Frame {
 public:
  Frame(const Block& block, size_t rows, const EvalContext& context)
      : block_(block), rows_(rows), context_(context), slots_(block.register_count) {}
  ~Frame() {
    if (context_.budget != nullptr) context_.budget->give_back(working_bytes_);
  }
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;

  // Set the initial values of registers. Call these functions before run().
  void take_columns(std::span<const ColumnPtr> columns);
  void take_captures(const Frame& outer, std::span<const uint32_t> rows);
  void take_parameters(std::span<const Argument> parameters);

  void run();

  const Slot& result(size_t index) const { return slots_[block_.results[index]]; }
  // Returns the slot's column with a value for each row, and its errors.
  Evaluated whole(const Slot& slot) const;
  // Returns the slot's errors; the error of a constant is repeated for each row.
  RowErrors whole_errors(const Slot& slot) const;

 private:
  void run(const Instruction& instruction);
  void run_call(const Instruction& instruction);
  void run_field(const Instruction& instruction);
  void run_logical(const Instruction& instruction);
  void run_lazy_logical(const Instruction& instruction);
  void run_lazy_coalesce(const Instruction& instruction);
  void run_case(const Instruction& instruction);

  // Reserves memory for columns that live as long as the frame. Returns false if the evaluation has
  // used up its budget.
  bool take_working_bytes(size_t bytes);
  // Returns a slot in which all rows have failed, because the evaluation is over its budget.
  Slot failed_slot(const SqlType& type) const;
  void refuse_nulls(const Instruction& instruction, std::span<const Argument> args, size_t rows,
                    RowErrors& errors);
  static void inherit(const Slot& from, size_t rows, bool absorbs, RowErrors& errors);
  void set(const Instruction& instruction, std::shared_ptr<Column> column, bool is_constant,
           RowErrors errors);
  std::shared_ptr<Column> assemble(const Instruction& instruction, std::span<const CasePart> parts,
                                   RowErrors& errors) const;

  const Block& block_;
  const size_t rows_;
  const EvalContext& context_;
  std::vector<Slot> slots_;
  size_t working_bytes_ = 0;
};

}  // namespace engine
