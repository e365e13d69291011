// Compiles trees to blocks of instructions. An expression that occurs twice is computed once.
#include <algorithm>
#include <cassert>
#include <map>
#include <optional>
#include <ranges>
#include <unordered_map>

#include "engine/expr/block.h"
#include "engine/expr/kernels.h"
#include "engine/functions/registry.h"

namespace engine {

namespace {

size_t mix(size_t seed, size_t value) {
  return seed ^ (value + 0x9e3779b97f4a7c15 + (seed << 6) + (seed >> 2));
}

// The hash of a list or map depends only on its kind, because such values are rare, and the comparison distinguishes
// them.
size_t hash_of(const Value& value) {
  const auto hash_payload = []<class T>(const T& payload) -> size_t {
    if constexpr (std::is_same_v<T, Decimal>)
      return mix(static_cast<size_t>(payload.scale), static_cast<size_t>(payload.unscaled));
    else if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string>)
      return std::hash<T>()(payload);
    else
      return 0;
  };
  return mix(value.payload().index(), std::visit(hash_payload, value.payload()));
}

size_t hash_of(const BoundExpression& expression) {
  size_t hash = mix(static_cast<size_t>(expression.kind), expression.index);
  hash = mix(hash, std::hash<Kernel>()(expression.kernel));
  hash = mix(hash, hash_of(expression.literal));
  for (const BoundExpression& child : expression.children) hash = mix(hash, hash_of(child));
  return hash;
}

bool is_same(const BoundExpression& a, const BoundExpression& b) {
  return a.kind == b.kind && a.index == b.index && a.kernel == b.kernel &&
         a.function == b.function && a.knows_unknown == b.knows_unknown &&
         a.checks_range == b.checks_range && a.type.is_identical(b.type) &&
         a.literal == b.literal && a.lambda_parameters == b.lambda_parameters &&
         std::ranges::equal(a.children, b.children, is_same);
}

bool is_numbered(const BoundExpression& expression) {
  return expression.kind == BoundKind::Call && expression.index != 0;
}

bool is_repeatable(const BoundExpression& expression) {
  return (expression.is_deterministic || is_numbered(expression)) &&
         std::ranges::all_of(expression.children, is_repeatable);
}

// Returns whether the expression cannot fail and is cheap. Both sides of AND and OR are then
// computed for all rows, which is faster than selecting the rows that need the right side.
bool is_harmless(const BoundExpression& expression) {
  switch (expression.kind) {
    case BoundKind::Literal:
    case BoundKind::Column:
    case BoundKind::LambdaParameter:
      return true;
    case BoundKind::Field:
    case BoundKind::And:
    case BoundKind::Or:
      break;
    case BoundKind::Call:
      if (expression.can_fail || expression.refuses_null != 0) return false;
      break;
    default:
      return false;
  }
  return std::ranges::all_of(expression.children, is_harmless);
}

class BlockBuilder {
 public:
  explicit BlockBuilder(BlockBuilder* outer = nullptr) : outer_(outer) {}

  std::unique_ptr<const Block> finish(std::span<const BoundExpression> results) {
    for (const BoundExpression& result : results) block_->results.push_back(add(result));
    return std::move(block_);
  }

 private:
  // Returns the register that holds the expression's value; adds instructions if no register does yet.
  Register add(const BoundExpression& expression) {
    const size_t hash = hash_of(expression);
    if (const auto known = find(expression, hash)) return *known;
    const Register result = compute(expression);
    if (is_repeatable(expression)) known_.emplace(hash, Known{&expression, result});
    return result;
  }

  Register compute(const BoundExpression& expression) {
    switch (expression.kind) {
      case BoundKind::Literal: {
        const Register to = block_->register_count++;
        block_->constants.push_back({to, constant_column(expression.type, expression.literal, 1)});
        return to;
      }
      case BoundKind::Column: {
        if (outer_ != nullptr) return capture(outer_->add(expression));
        const Register to = block_->register_count++;
        block_->columns.push_back({to, expression.index});
        return to;
      }
      case BoundKind::LambdaParameter: {
        const auto mine = parameters_.find(expression.index);
        if (mine != parameters_.end()) return mine->second;
        assert(outer_ != nullptr);
        return capture(outer_->add(expression));
      }
      case BoundKind::And:
      case BoundKind::Or:
        return add_logical(expression);
      case BoundKind::Case:
        return add_case(expression);
      default:
        return add_call(expression);
    }
  }

  // Returns whether the call is a COALESCE with an argument that may fail or is costly. Such an argument is computed
  // only for the rows in which all arguments before it are null.
  static bool is_lazy_coalesce(const BoundExpression& expression) {
    return expression.kind == BoundKind::Call && expression.function != nullptr &&
           expression.function->function != nullptr &&
           expression.function->function->takes_first_given &&
           !std::ranges::all_of(expression.children | std::views::drop(1), is_harmless);
  }

  Register add_lazy_coalesce(const BoundExpression& expression) {
    Instruction instruction = start(expression, Step::LazyCoalesce);
    instruction.args.push_back(add(expression.children.front()));
    for (const BoundExpression& child : expression.children | std::views::drop(1))
      instruction.blocks.push_back(inner_block(child));
    return emit(std::move(instruction));
  }

  Register add_call(const BoundExpression& expression) {
    if (is_lazy_coalesce(expression)) return add_lazy_coalesce(expression);
    Instruction instruction = start(expression, Step::Call);
    instruction.kernel = kernel_of(expression);
    if (expression.kind == BoundKind::Field) instruction.step = Step::Field;
    for (const BoundExpression& child : expression.children) {
      if (child.kind == BoundKind::Lambda)
        instruction.blocks.push_back(lambda_block(child));
      else
        instruction.args.push_back(add(child));
    }
    return emit(std::move(instruction));
  }

  static Kernel kernel_of(const BoundExpression& expression) {
    switch (expression.kind) {
      case BoundKind::Array:
        return array_kernel;
      case BoundKind::Map:
        return map_kernel;
      case BoundKind::Struct:
        return struct_kernel;
      default:
        return expression.kernel;
    }
  }

  Register add_logical(const BoundExpression& expression) {
    const bool is_and = expression.kind == BoundKind::And;
    const BoundExpression& right = expression.children[1];
    Instruction instruction = start(expression, is_and ? Step::And : Step::Or);
    instruction.args.push_back(add(expression.children[0]));
    if (is_harmless(right)) {
      instruction.args.push_back(add(right));
    } else {
      instruction.step = is_and ? Step::LazyAnd : Step::LazyOr;
      instruction.blocks.push_back(inner_block(right));
    }
    return emit(std::move(instruction));
  }

  Register add_case(const BoundExpression& expression) {
    Instruction instruction = start(expression, Step::Case);
    add_numbered(expression.children.front());
    for (const BoundExpression& child : expression.children)
      instruction.blocks.push_back(inner_block(child));
    return emit(std::move(instruction));
  }

  // Computes the volatile calls in the operand of CASE x WHEN ... once, in this block, so that all branches use the same
  // values. Such calls have a number (BoundExpression::index). `condition`: the first comparison of the operand, or a
  // part of it.
  void add_numbered(const BoundExpression& condition) {
    using enum BoundKind;
    if (is_numbered(condition)) add(condition);
    if (condition.kind == Case || condition.kind == And || condition.kind == Or ||
        condition.kind == Lambda)
      return;
    for (const BoundExpression& child : condition.children) add_numbered(child);
  }

  static Instruction start(const BoundExpression& expression, Step step) {
    Instruction instruction;
    instruction.step = step;
    instruction.type = expression.type;
    instruction.function = expression.function;
    instruction.index = expression.index;
    instruction.refuses_null = expression.refuses_null;
    instruction.is_deterministic = expression.is_deterministic;
    instruction.absorbs_errors = expression.absorbs_errors;
    instruction.knows_unknown = expression.knows_unknown;
    instruction.checks_range = expression.checks_range;
    return instruction;
  }

  Register emit(Instruction instruction) {
    instruction.out = block_->register_count++;
    block_->instructions.push_back(std::move(instruction));
    return block_->instructions.back().out;
  }

  std::unique_ptr<const Block> inner_block(const BoundExpression& expression) {
    return BlockBuilder(this).finish(std::span(&expression, 1));
  }

  std::unique_ptr<const Block> lambda_block(const BoundExpression& lambda) {
    BlockBuilder body(this);
    for (const uint32_t parameter : lambda.lambda_parameters) {
      const Register to = body.block_->register_count++;
      body.block_->parameters.push_back(to);
      body.parameters_.emplace(parameter, to);
    }
    return body.finish(lambda.children);
  }

  // Returns a register of this block for a register of the enclosing block.
  Register capture(Register outer) {
    for (const Block::Input& known : block_->captures)
      if (known.from == outer) return known.to;
    const Register to = block_->register_count++;
    block_->captures.push_back({to, outer});
    return to;
  }

  // Returns the register of this block that already holds the value. A value in a register of an enclosing block is
  // captured.
  std::optional<Register> find(const BoundExpression& expression, size_t hash) {
    const auto [begin, end] = known_.equal_range(hash);
    for (auto at = begin; at != end; ++at)
      if (is_same(*at->second.expression, expression)) return at->second.result;
    // Constants are not captured. Each block has its own, because they are cheap to create.
    if (outer_ == nullptr || expression.kind == BoundKind::Literal) return std::nullopt;
    const auto further_out = outer_->find(expression, hash);
    if (!further_out) return std::nullopt;
    return capture(*further_out);
  }

  struct Known {
    const BoundExpression* expression;
    Register result;
  };
  BlockBuilder* outer_;
  std::unique_ptr<Block> block_ = std::make_unique<Block>();
  std::unordered_multimap<size_t, Known> known_;
  std::map<uint32_t, Register> parameters_;  // by the number of the LambdaParameter
};

}  // namespace

std::unique_ptr<const Block> compile_block(std::span<const BoundExpression> expressions) {
  return BlockBuilder().finish(expressions);
}

}  // namespace engine
