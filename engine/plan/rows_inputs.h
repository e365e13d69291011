// A SELECT is planned as a tree of nodes (rows_node.h). The functions of this file visit the inputs of one node,
// whichever kind of step it has.
#pragma once
#include <type_traits>
#include <variant>

#include "engine/plan/rows_node.h"

namespace engine {

// Calls `visit` with each input of the node, always in the same order. The inputs of a node that is not const may be
// replaced. `Node` is RowsNode or const RowsNode.
template <class Node, class Visit>
void for_each_input(Node& node, const Visit& visit) {
  const auto look = [&](auto& input) {
    if (input) visit(input);
  };
  std::visit(
      [&](auto& step) {
        if constexpr (requires { step.input; }) look(step.input);
        if constexpr (requires { step.left; }) look(step.left);
        if constexpr (requires { step.right; }) look(step.right);
        if constexpr (requires { step.first; }) look(step.first);
        if constexpr (requires { step.step; }) look(step.step);
        if constexpr (std::is_same_v<std::remove_cvref_t<decltype(step)>, AppendSubquery>)
          look(step.rows);
        if constexpr (requires { step.otherwise; }) look(step.otherwise);
        if constexpr (requires { step.counts; }) look(step.counts);
      },
      node.step);
}

}  // namespace engine
