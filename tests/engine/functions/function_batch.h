// Calls a function with a batch of rows, and keeps the outcome of each row.
#pragma once
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/clock.h"
#include "engine/functions/registry.h"
#include "tests/engine/functions/call.h"

namespace functions_test {

class FunctionBatch {
 public:
  explicit FunctionBatch(std::string name) : name_(std::move(name)) {}
  void add(std::vector<Typed> row) { rows_.push_back(std::move(row)); }

  void run(engine::EvalBudget* budget = nullptr) {
    std::vector<engine::ArgumentType> types;
    for (const Typed& arg : rows_.front()) types.push_back({.type = arg.type});
    const auto resolution = engine::Registry::instance().resolve(name_, types);
    ASSERT_TRUE(resolution) << resolution.error().message;
    std::vector<engine::Column> columns;
    for (size_t i = 0; i < types.size(); ++i) {
      columns.emplace_back(types[i].type);
      for (const auto& row : rows_) columns.back().append_value(row[i].value);
    }
    std::vector<engine::Argument> arguments;
    for (const engine::Column& column : columns) arguments.push_back({&column, false});
    const SystemClock clock;
    Random random(7);
    const engine::EvalContext context{clock, random, nullptr, budget};
    errors_.emplace(rows_.size());
    out_.emplace(*engine::return_type(*resolution));
    engine::KernelCall call{arguments, rows_.size(), *out_, *errors_, context};
    resolution->overload->function->kernel(call);
  }

  // Returns the error of a row; empty if the row succeeded, "?" if it failed without a message.
  std::string error(size_t row) const {
    for (const auto& message : errors_->messages())
      if (message.row == row) return message.text;
    return errors_->has(row) ? "?" : "";
  }
  std::string text(size_t row) const { return out_->value_at(row).as_string(); }

 private:
  const std::string name_;
  std::vector<std::vector<Typed>> rows_;
  std::optional<engine::RowErrors> errors_;
  std::optional<engine::Column> out_;
};

}  // namespace functions_test
