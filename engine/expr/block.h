// The instructions of a compiled program. Used only by the source files in this folder.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/expr/bound.h"
#include "engine/functions/kernel.h"
#include "engine/types/column.h"

namespace engine {

using Register = uint32_t;

enum class Step : uint8_t {
  Call,   // calls the kernel with args
  Field,  // takes the field with number `index` of args[0]
  And,    // args[0] and args[1], both computed for all rows
  Or,
  LazyAnd,  // computes args[0] first, and blocks[0] for the rows where args[0] is true
  LazyOr,   // computes args[0] first, and blocks[0] for the rows where args[0] is false
  // computes args[0], then blocks[0] for the rows where it is null, then blocks[1], ...
  LazyCoalesce,
  Case,  // blocks: condition, result, ..., and last the default
};

struct Block;

struct Instruction {
  Step step = Step::Call;
  SqlType type;
  Register out = 0;
  std::vector<Register> args;
  Kernel kernel = nullptr;
  const Overload* function = nullptr;
  uint32_t index = 0;
  uint64_t refuses_null = 0;
  bool is_deterministic = true;
  bool absorbs_errors = false;
  bool knows_unknown = false;
  bool checks_range = false;
  std::vector<std::unique_ptr<const Block>> blocks;  // for a Call: its lambdas
};

// A list of instructions with its own registers. The outermost block reads columns of the batch. An
// inner block (a branch, or the body of a lambda) reads rows from registers of the block around it.
struct Block {
  struct Constant {
    Register to;
    ColumnPtr column;  // has one row
  };
  struct Input {
    Register to;
    uint32_t from;  // a column of the batch, or a register of the enclosing block
  };
  std::vector<Constant> constants;
  std::vector<Input> columns;        // used by the outermost block only
  std::vector<Input> captures;       // used by inner blocks only
  std::vector<Register> parameters;  // registers of a lambda's parameters, in its body
  std::vector<Instruction> instructions;
  std::vector<Register> results;
  Register register_count = 0;
};

std::unique_ptr<const Block> compile_block(std::span<const BoundExpression> expressions);

}  // namespace engine
