// Lists the operators that have a kernel for each type, so that the operator of a bound expression
// can be found from its kernel.
#pragma once
#include "engine/sql/ast_expression.h"

namespace engine {

inline constexpr ArithmeticOp kArithmetic[] = {ArithmeticOp::Add,      ArithmeticOp::Subtract,
                                               ArithmeticOp::Multiply, ArithmeticOp::Divide,
                                               ArithmeticOp::Modulo,   ArithmeticOp::Concatenate};
inline constexpr ComparisonOp kComparisons[] = {
    ComparisonOp::Equal,          ComparisonOp::NotEqual,         ComparisonOp::Less,
    ComparisonOp::LessOrEqual,    ComparisonOp::Greater,          ComparisonOp::GreaterOrEqual,
    ComparisonOp::IsDistinctFrom, ComparisonOp::IsNotDistinctFrom};

}  // namespace engine
