#include "engine/expr/program.h"

#include "engine/expr/block.h"
#include "engine/expr/dropped_failures.h"
#include "engine/expr/frame.h"

namespace engine {

namespace {

// Whether these errors are left out, because the values of failed rows are null without an error (kFailuresProperty).
bool are_dropped(const RowErrors& errors, const EvalContext& context) {
  if (!errors.any() && errors.messages().empty()) return false;
  static const std::string name(kFailuresProperty);
  return context.properties && context.property(name, "") == kFailuresAreNull;
}

}  // namespace

Program::Program(std::span<const BoundExpression> expressions)
    : block_(compile_block(expressions)) {}
Program::Program(const BoundExpression& expression) : Program(std::span(&expression, 1)) {}
Program::Program(Program&&) noexcept = default;
Program& Program::operator=(Program&&) noexcept = default;
Program::~Program() = default;

std::vector<Evaluated> Program::run(std::span<const ColumnPtr> columns, size_t rows,
                                    const EvalContext& context) const {
  Frame frame(*block_, rows, context);
  frame.take_columns(columns);
  frame.run();
  std::vector<Evaluated> results;
  results.reserve(block_->results.size());
  for (size_t i = 0; i < block_->results.size(); ++i) {
    results.push_back(frame.whole(frame.result(i)));
    RowErrors& errors = results.back().errors;
    if (are_dropped(errors, context)) errors = RowErrors(rows);
  }
  return results;
}

std::vector<uint32_t> Program::select(std::span<const ColumnPtr> columns, size_t rows,
                                      const EvalContext& context, RowErrors& errors) const {
  Frame frame(*block_, rows, context);
  frame.take_columns(columns);
  frame.run();
  const Slot& condition = frame.result(0);
  assert(condition.column->type().kind() == TypeKind::Boolean);
  const RowErrors failed = frame.whole_errors(condition);
  if (!are_dropped(failed, context)) errors.add_all(failed);
  // In rows that are null the value is zero, so checking the values is enough.
  const auto holds = condition.column->data<uint8_t>();
  const size_t step = condition.is_constant ? 0 : 1;
  std::vector<uint32_t> selected;
  for (size_t row = 0; row < rows; ++row)
    if (holds[row * step]) selected.push_back(static_cast<uint32_t>(row));
  return selected;
}

size_t Program::instruction_count() const { return block_->instructions.size(); }

}  // namespace engine
