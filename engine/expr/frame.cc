#include "engine/expr/frame.h"

#include <algorithm>
#include <numeric>

#include "engine/expr/null_failures.h"
#include "engine/expr/validity.h"
#include "engine/functions/registry.h"
#include "engine/types/row_size.h"

namespace engine {

namespace {

// Runs a lambda of a call in a frame.
class FrameLambda final : public LambdaBody {
 public:
  FrameLambda(const Frame& frame, const Block& block, const EvalContext& context)
      : frame_(frame), block_(block), context_(context) {}

  ColumnPtr run(std::span<const Argument> parameters, std::span<const uint32_t> rows,
                RowErrors& errors) const override {
    Frame body(block_, rows.size(), context_);
    body.take_captures(frame_, rows);
    body.take_parameters(parameters);
    body.run();
    Evaluated result = body.whole(body.result(0));
    errors.add_part(result.errors, rows);
    return std::move(result.column);
  }

 private:
  const Frame& frame_;
  const Block& block_;
  const EvalContext& context_;
};

std::shared_ptr<const RowErrors> pick_errors(const RowErrors& errors,
                                             std::span<const uint32_t> rows) {
  auto picked = std::make_shared<RowErrors>(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    if (!errors.has(rows[i])) continue;
    const auto message = std::ranges::find(errors.messages(), rows[i], &RowErrors::Message::row);
    if (message == errors.messages().end())
      picked->add(i, "");
    else
      picked->add(i, message->text, message->code);
  }
  return picked;
}

std::vector<uint32_t> all_rows(size_t rows) {
  std::vector<uint32_t> all(rows);
  std::iota(all.begin(), all.end(), 0u);
  return all;
}

// Returns the memory that gather() allocates, which shares strings and copies nested values.
size_t gathered_bytes(const Column& column, std::span<const uint32_t> rows) {
  if (!column.type().is_nested()) return rows.size() * element_size(column.type().kind());
  size_t bytes = 0, of_row = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (i == 0 || rows[i] != rows[i - 1]) of_row = copied_bytes(column, rows[i]);
    bytes += of_row;
  }
  return bytes;
}

Argument argument_of(const Slot& slot) { return {slot.column.get(), slot.is_constant}; }

}  // namespace

// The rows for which one branch of a CASE was chosen, and the values of the branch for them.
struct CasePart {
  std::vector<uint32_t> rows;
  Slot values;
};

void Frame::take_columns(std::span<const ColumnPtr> columns) {
  for (const Block::Input& input : block_.columns) {
    assert(input.from < columns.size() && columns[input.from] != nullptr);
    assert(columns[input.from]->size() == rows_);
    slots_[input.to].column = columns[input.from];
  }
}

void Frame::take_captures(const Frame& outer, std::span<const uint32_t> rows) {
  // The rows of a branch are ascending, so if there are as many as in the outer frame, they are all
  // rows in order. The rows of a lambda's elements may repeat, so the rows are compared, too.
  const bool takes_all = rows.size() == outer.rows_ && std::ranges::equal(rows, all_rows(rows_));
  for (const Block::Input& input : block_.captures) {
    const Slot& from = outer.slots_[input.from];
    Slot& to = slots_[input.to];
    if (from.is_constant || takes_all) {
      to = from;
      continue;
    }
    if (!take_working_bytes(gathered_bytes(*from.column, rows))) {
      to = failed_slot(from.column->type());
      continue;
    }
    to.column = std::make_shared<Column>(from.column->gather(rows));
    if (from.errors != nullptr) to.errors = pick_errors(*from.errors, rows);
  }
}

void Frame::take_parameters(std::span<const Argument> parameters) {
  for (size_t i = 0; i < block_.parameters.size(); ++i) {
    Slot& slot = slots_[block_.parameters[i]];
    // The slot does not own the column, because the caller keeps it alive while the lambda runs.
    slot.column = ColumnPtr(ColumnPtr(), parameters[i].column);
    slot.is_constant = parameters[i].is_constant;
  }
}

void Frame::run() {
  for (const Block::Constant& constant : block_.constants)
    slots_[constant.to] = {constant.column, true, nullptr};
  for (const Instruction& instruction : block_.instructions) run(instruction);
}

Evaluated Frame::whole(const Slot& slot) const {
  if (!slot.is_constant || rows_ == 1) return {slot.column, whole_errors(slot)};
  const std::vector<uint32_t> rows(rows_, 0);
  if (!context_.take_working_bytes(gathered_bytes(*slot.column, rows))) {
    const Slot failed = failed_slot(slot.column->type());
    return {failed.column, *failed.errors};
  }
  return {std::make_shared<Column>(slot.column->gather(rows)), whole_errors(slot)};
}

RowErrors Frame::whole_errors(const Slot& slot) const {
  RowErrors errors(rows_);
  inherit(slot, rows_, false, errors);
  return errors;
}

void Frame::run(const Instruction& instruction) {
  switch (instruction.step) {
    case Step::Call:
      return run_call(instruction);
    case Step::Field:
      return run_field(instruction);
    case Step::And:
    case Step::Or:
      return run_logical(instruction);
    case Step::LazyAnd:
    case Step::LazyOr:
      return run_lazy_logical(instruction);
    case Step::LazyCoalesce:
      return run_lazy_coalesce(instruction);
    case Step::Case:
      return run_case(instruction);
  }
}

// Adds the errors of an argument to `errors`, which are the errors of an instruction with `rows`
// rows. The error of a constant, which has one row, is added for all rows.
void Frame::inherit(const Slot& from, size_t rows, bool absorbs, RowErrors& errors) {
  if (from.errors == nullptr || rows == 0) return;
  if (!from.is_constant || rows == 1) {
    absorbs ? errors.note_all(*from.errors) : errors.add_all(*from.errors);
    return;
  }
  if (from.errors->messages().empty()) return;
  const RowErrors::Message& message = from.errors->messages().front();
  if (absorbs || !from.errors->any()) return errors.note(0, message.text, message.code);
  for (size_t row = 0; row < rows; ++row) errors.add(row, message.text, message.code);
}

void Frame::refuse_nulls(const Instruction& instruction, std::span<const Argument> args,
                         size_t rows, RowErrors& errors) {
  for (size_t i = 0; i < args.size() && i < 64; ++i) {
    if (((instruction.refuses_null >> i) & 1) == 0) continue;
    if (!args[i].column->has_nulls()) continue;
    const bool was_cut_short =
        context_.budget != nullptr && context_.budget->spent() != EvalBudget::Spent::Nothing;
    const Error why = was_cut_short
                          ? context_.budget->status().error()
                          : Error{ErrorCode::InvalidText,
                                  instruction.function == nullptr
                                      ? "arithmetic with a null in a lambda"
                                      : null_argument(i + 1, instruction.function->name())};
    for (size_t row = 0; row < rows; ++row)
      if (args[i].is_null(row)) errors.add(row, why);
  }
}

bool Frame::take_working_bytes(size_t bytes) {
  if (!context_.take_working_bytes(bytes)) return false;
  working_bytes_ += bytes;
  return true;
}

Slot Frame::failed_slot(const SqlType& type) const {
  const Error why = context_.budget->status().error();
  auto column = std::make_shared<Column>(type);
  column->resize(rows_);
  auto errors = std::make_shared<RowErrors>(rows_);
  for (size_t row = 0; row < rows_; ++row) errors->add(row, why);
  return {std::move(column), false, std::move(errors)};
}

void Frame::set(const Instruction& instruction, std::shared_ptr<Column> column, bool is_constant,
                RowErrors errors) {
  Slot& slot = slots_[instruction.out];
  if (errors.any()) clear_rows(*column, errors.failed());
  slot.column = std::move(column);
  slot.is_constant = is_constant;
  if (errors.any() || !errors.messages().empty())
    slot.errors = std::make_shared<const RowErrors>(std::move(errors));
}

void Frame::run_call(const Instruction& instruction) {
  std::vector<Argument> args;
  bool is_constant = instruction.is_deterministic && instruction.blocks.empty();
  for (const Register arg : instruction.args) {
    args.push_back(argument_of(slots_[arg]));
    is_constant &= slots_[arg].is_constant;
  }
  const size_t rows = is_constant ? 1 : rows_;
  RowErrors errors(rows);
  if (instruction.refuses_null != 0) refuse_nulls(instruction, args, rows, errors);

  std::vector<FrameLambda> lambdas;
  std::vector<const LambdaBody*> bodies;
  lambdas.reserve(instruction.blocks.size());
  for (const auto& block : instruction.blocks)
    bodies.push_back(&lambdas.emplace_back(*this, *block, context_));

  auto column = std::make_shared<Column>(instruction.type);
  if (context_.is_over() || !take_working_bytes(rows * element_size(instruction.type.kind()))) {
    // The evaluation is over its budget, so all rows fail, and the function is not called.
    column->resize(rows);
    const Error why = context_.budget->status().error();
    for (size_t row = 0; row < rows; ++row) errors.add(row, why);
  } else {
    KernelCall call{args,
                    rows,
                    *column,
                    errors,
                    context_,
                    bodies,
                    instruction.knows_unknown,
                    instruction.checks_range};
    instruction.kernel(call);
  }
  assert(column->size() == rows);
  for (const Register arg : instruction.args)
    inherit(slots_[arg], rows, instruction.absorbs_errors, errors);
  set(instruction, std::move(column), is_constant, std::move(errors));
}

// Returns the field's own column without a copy. The field is null where the STRUCT is null.
void Frame::run_field(const Instruction& instruction) {
  const Slot& from = slots_[instruction.args[0]];
  Slot& to = slots_[instruction.out];
  to = from;
  to.column = ColumnPtr(from.column, &from.column->child(instruction.index));
}

namespace {

// Computes AND or OR for a row with PostgreSQL's rules. `decides` is the value that determines the result by itself
// (false for AND, true for OR). If neither operand has this value and one of them is null, the result is unknown.
void put_logical(Column& column, size_t row, uint8_t decides, const Argument& left, size_t left_row,
                 const Argument& right, size_t right_row) {
  const auto is_decided = [&](const Argument& side, size_t at) {
    return !side.is_null(at) && side.get<uint8_t>(at) == decides;
  };
  const bool decided = is_decided(left, left_row) || is_decided(right, right_row);
  const bool is_known = decided || (!left.is_null(left_row) && !right.is_null(right_row));
  column.data<uint8_t>()[row] = decided ? decides : is_known && decides == 0;
  if (!is_known) column.validity().clear(row);
}

}  // namespace

void Frame::run_logical(const Instruction& instruction) {
  const Slot &left = slots_[instruction.args[0]], &right = slots_[instruction.args[1]];
  const Argument l = argument_of(left), r = argument_of(right);
  const bool is_constant = l.is_constant && r.is_constant;
  const size_t rows = is_constant ? 1 : rows_;
  const uint8_t decides = instruction.step == Step::And ? 0 : 1;
  auto column = std::make_shared<Column>(instruction.type);
  column->resize(rows);
  column->validity() = Bitmap(rows, true);
  const auto out = column->data<uint8_t>();
  RowErrors errors(rows);
  inherit(left, rows, false, errors);
  const bool may_be_null = l.column->has_nulls() || r.column->has_nulls();
  for (size_t row = 0; row < rows; ++row) {
    const uint8_t a = l.get<uint8_t>(row);
    out[row] = a == decides ? a : r.get<uint8_t>(row);
    if (may_be_null && !instruction.knows_unknown &&
        (l.is_null(row) || (a != decides && r.is_null(row))))
      errors.add(row, kNullCondition);
  }
  if (may_be_null && instruction.knows_unknown)
    for (size_t row = 0; row < rows; ++row) put_logical(*column, row, decides, l, row, r, row);
  set(instruction, std::move(column), is_constant, std::move(errors));
}

void Frame::run_lazy_logical(const Instruction& instruction) {
  const Slot& left = slots_[instruction.args[0]];
  const Argument l = argument_of(left);
  const uint8_t decides = instruction.step == Step::LazyAnd ? 0 : 1;
  auto column = std::make_shared<Column>(instruction.type);
  column->resize(rows_);
  column->validity() = Bitmap(rows_, true);
  const auto out = column->data<uint8_t>();
  RowErrors errors(rows_);
  inherit(left, rows_, false, errors);
  std::vector<uint32_t> undecided;
  for (size_t row = 0; row < rows_; ++row) {
    out[row] = decides;
    if (l.is_null(row) && !instruction.knows_unknown)
      errors.add(row, kNullCondition);
    else if (l.is_null(row) ? !errors.has(row) : l.get<uint8_t>(row) != decides)
      undecided.push_back(static_cast<uint32_t>(row));
  }
  if (!undecided.empty()) {
    Frame right(*instruction.blocks[0], undecided.size(), context_);
    right.take_captures(*this, undecided);
    right.run();
    const Slot& result = right.result(0);
    errors.add_part(right.whole_errors(result), undecided);
    const Argument r = argument_of(result);
    for (size_t i = 0; i < undecided.size(); ++i) {
      const uint32_t row = undecided[i];
      if (instruction.knows_unknown) {
        put_logical(*column, row, decides, l, row, r, i);
        continue;
      }
      out[row] = r.get<uint8_t>(i);
      if (r.is_null(i)) errors.add(row, kNullCondition);
    }
  }
  set(instruction, std::move(column), false, std::move(errors));
}

void Frame::run_lazy_coalesce(const Instruction& instruction) {
  const Slot& first = slots_[instruction.args[0]];
  RowErrors errors(rows_);
  inherit(first, rows_, instruction.absorbs_errors, errors);
  std::vector<CasePart> parts{{all_rows(rows_), first}};
  std::vector<uint32_t> remaining = all_rows(rows_);
  const auto keep_nulls = [&] {
    const Argument values = argument_of(parts.back().values);
    std::vector<uint32_t> nulls;
    for (size_t at = 0; at < remaining.size(); ++at)
      if (values.is_null(at) && !errors.has(remaining[at])) nulls.push_back(remaining[at]);
    remaining = std::move(nulls);
  };
  keep_nulls();
  for (const auto& block : instruction.blocks) {
    if (remaining.empty()) break;
    Frame next(*block, remaining.size(), context_);
    next.take_captures(*this, remaining);
    next.run();
    const Slot& result = next.result(0);
    RowErrors failed(rows_);
    failed.add_part(next.whole_errors(result), remaining);
    instruction.absorbs_errors ? errors.note_all(failed) : errors.add_all(failed);
    parts.push_back({remaining, result});
    keep_nulls();
  }
  std::shared_ptr<Column> column = assemble(instruction, parts, errors);
  set(instruction, std::move(column), false, std::move(errors));
}

void Frame::run_case(const Instruction& instruction) {
  RowErrors errors(rows_);
  std::vector<CasePart> parts;
  std::vector<uint32_t> remaining = all_rows(rows_);
  const auto take = [&](const Block& block, std::vector<uint32_t> rows) {
    Frame branch(block, rows.size(), context_);
    branch.take_captures(*this, rows);
    branch.run();
    const Slot& result = branch.result(0);
    errors.add_part(branch.whole_errors(result), rows);
    parts.push_back({std::move(rows), result});
  };
  const size_t branches = instruction.blocks.size() / 2;
  for (size_t i = 0; i < branches && !remaining.empty(); ++i) {
    Frame condition(*instruction.blocks[i * 2], remaining.size(), context_);
    condition.take_captures(*this, remaining);
    condition.run();
    const Slot& holds = condition.result(0);
    errors.add_part(condition.whole_errors(holds), remaining);
    const Argument c = argument_of(holds);
    std::vector<uint32_t> taken, others;
    for (size_t at = 0; at < remaining.size(); ++at) {
      const bool is_unknown =
          c.is_null(at) && instruction.knows_unknown && !errors.has(remaining[at]);
      if (c.is_null(at) && !is_unknown)
        errors.add(remaining[at], kNullCondition);
      else
        (!is_unknown && c.get<uint8_t>(at) ? taken : others).push_back(remaining[at]);
    }
    remaining = std::move(others);
    if (!taken.empty()) take(*instruction.blocks[i * 2 + 1], std::move(taken));
  }
  if (!remaining.empty()) take(*instruction.blocks.back(), std::move(remaining));
  std::shared_ptr<Column> column = assemble(instruction, parts, errors);
  set(instruction, std::move(column), false, std::move(errors));
}

// Assembles one column from the rows of the branches. A row that is in several branches has the
// value of the last one; a row that is in no branch is null.
std::shared_ptr<Column> Frame::assemble(const Instruction& instruction,
                                        std::span<const CasePart> parts, RowErrors& errors) const {
  auto column = std::make_shared<Column>(instruction.type);
  if (instruction.type.is_nested()) {
    struct Place {
      const CasePart* part = nullptr;
      size_t at = 0;
    };
    std::vector<Place> places(rows_);
    for (const CasePart& part : parts)
      for (size_t i = 0; i < part.rows.size(); ++i) places[part.rows[i]] = {&part, i};
    for (size_t row = 0; row < rows_; ++row) {
      const Place& place = places[row];
      const Column* const from = place.part == nullptr ? nullptr : place.part->values.column.get();
      const size_t at = from == nullptr ? 0 : argument_of(place.part->values).index(place.at);
      if (from != nullptr && context_.take_bytes(copied_bytes(*from, at), row, errors))
        column->append_from(*from, at);
      else
        column->append_null();
    }
    return column;
  }
  column->resize(rows_);
  with_layout(instruction.type.kind(), [&]<class T>() {
    const auto out = column->data<T>();
    for (const CasePart& part : parts) {
      const Argument values = argument_of(part.values);
      for (size_t i = 0; i < part.rows.size(); ++i) {
        if (values.is_null(i)) continue;
        out[part.rows[i]] = values.get<T>(i);
        column->validity().set(part.rows[i]);
      }
    }
  });
  for (const CasePart& part : parts) column->share_strings_of(*part.values.column);
  return column;
}

}  // namespace engine
