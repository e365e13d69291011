// Visits the inputs of a step to replace them.
#pragma once
#include <type_traits>
#include <variant>

#include "engine/plan/rows_node.h"

namespace engine {

// Calls `replace` with a reference to each input of the node's step. An input may be null.
template <class Replace>
void replace_inputs(RowsNode& node, const Replace& replace) {
  std::visit(
      [&]<class Step>(Step& step) {
        if constexpr (requires { step.input; }) replace(step.input);
        if constexpr (requires { step.left; }) replace(step.left);
        if constexpr (requires { step.right; }) replace(step.right);
        if constexpr (requires { step.first; }) replace(step.first);
        if constexpr (requires { step.step; }) replace(step.step);
        if constexpr (requires { step.otherwise; }) replace(step.otherwise);
        if constexpr (std::is_same_v<Step, AppendSubquery>) replace(step.rows);
      },
      node.step);
}

}  // namespace engine
