// The kernels of + - * / % and ||. kernels_decimal.cc has those of DECIMALs.
#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/expr/kernels.h"
#include "engine/expr/validity.h"

namespace engine {

namespace {

constexpr std::string_view kDivisionByZero = "division by zero";

// Applies the operator. Integers wrap around, as in Java; check_whole() finds the rows in which they do.
template <class T, class F>
T wrapping(T left, T right, F f) {
  if constexpr (std::is_integral_v<T>) {
    using U = std::make_unsigned_t<T>;
    return static_cast<T>(f(static_cast<U>(left), static_cast<U>(right)));
  } else {
    return f(left, right);
  }
}
struct AddOp {
  template <class T>
  static T apply(T left, T right) {
    return wrapping(left, right, [](auto a, auto b) { return a + b; });
  }
};
struct SubtractOp {
  template <class T>
  static T apply(T left, T right) {
    return wrapping(left, right, [](auto a, auto b) { return a - b; });
  }
};
struct MultiplyOp {
  template <class T>
  static T apply(T left, T right) {
    return wrapping(left, right, [](auto a, auto b) { return a * b; });
  }
};
struct DivideOp {
  template <class T>
  static T apply(T left, T right) {
    if constexpr (std::is_integral_v<T>) {
      // The smallest integer divided by -1 wraps around to itself. The processor's division would
      // trap.
      if (right == -1) return SubtractOp::apply(T{0}, left);
    }
    return left / right;
  }
};
struct ModuloOp {
  template <class T>
  static T apply(T left, T right) {
    if constexpr (std::is_integral_v<T>)
      return right == -1 ? T{0} : left % right;
    else
      return std::fmod(left, right);
  }
};

// Computes all rows in one of three loops without a branch inside, so that the compiler can use
// vector instructions.
template <class T, class Op>
void compute(const Argument& left, const Argument& right, std::span<T> out) {
  const T* l = left.column->data<T>().data();
  const T* r = right.column->data<T>().data();
  if (left.is_constant) {
    const T constant = l[0];
    for (size_t i = 0; i < out.size(); ++i) out[i] = Op::apply(constant, r[i]);
  } else if (right.is_constant) {
    const T constant = r[0];
    for (size_t i = 0; i < out.size(); ++i) out[i] = Op::apply(l[i], constant);
  } else {
    for (size_t i = 0; i < out.size(); ++i) out[i] = Op::apply(l[i], r[i]);
  }
}

// ---- A result out of range is an error of the row (KernelCall::checks_range). For DOUBLE only with PostgreSQL's rules

void fail(KernelCall& call, size_t row, Bitmap& valid, std::string_view why,
          ErrorCode code = ErrorCode::OutOfRange) {
  call.errors.add(row, why, code);
  valid.clear(row);
}

template <class Op, class T>
bool overflows(T left, T right) {
  T result;
  if constexpr (std::is_same_v<Op, AddOp>) return __builtin_add_overflow(left, right, &result);
  if constexpr (std::is_same_v<Op, SubtractOp>) return __builtin_sub_overflow(left, right, &result);
  if constexpr (std::is_same_v<Op, MultiplyOp>) return __builtin_mul_overflow(left, right, &result);
  return right == -1 && left == std::numeric_limits<T>::min();
}
template <class T>
constexpr std::string_view kTooLarge = sizeof(T) == 4 ? "integer out of range"
                                                      : "bigint out of range";

template <class T, class Op>
void check_whole(KernelCall& call, Bitmap& valid) {
  // The first pass finds out without a branch whether any row overflows, because overflows are
  // rare.
  const auto fails = [&](size_t row) {
    return overflows<Op>(call.args[0].template get<T>(row), call.args[1].template get<T>(row));
  };
  bool any = false;
  for (size_t row = 0; row < call.rows; ++row) any |= fails(row);
  for (size_t row = 0; any && row < call.rows; ++row)
    if (valid.test(row) && fails(row)) fail(call, row, valid, kTooLarge<T>);
}

template <class Op>
void check_double(KernelCall& call, Bitmap& valid) {
  constexpr bool kDivides = std::is_same_v<Op, DivideOp>;
  constexpr bool kScales = kDivides || std::is_same_v<Op, MultiplyOp>;
  const auto out = call.out.data<double>();
  for (size_t row = 0; row < call.rows; ++row) {
    if (!valid.test(row)) continue;
    const double left = call.args[0].get<double>(row), right = call.args[1].get<double>(row);
    const bool is_finite = std::isfinite(left) && std::isfinite(right);
    if (kDivides && right == 0 && !std::isnan(left))
      fail(call, row, valid, kDivisionByZero, ErrorCode::DivisionByZero);
    else if (is_finite && std::isinf(out[row]))
      fail(call, row, valid, "value out of range: overflow");
    else if (kScales && is_finite && out[row] == 0 && left != 0 && right != 0)
      fail(call, row, valid, "value out of range: underflow");
  }
}

template <class T, class Op>
void binary(KernelCall& call) {
  call.out.resize(call.rows);
  Bitmap valid = valid_in_all(call.args, call.rows);
  const auto out = call.out.data<T>();
  if (call.args[0].is_constant && call.args[1].is_constant) {
    const T result = Op::apply(call.args[0].template get<T>(0), call.args[1].template get<T>(0));
    std::ranges::fill(out, result);
  } else {
    compute<T, Op>(call.args[0], call.args[1], out);
  }
  if constexpr (std::is_integral_v<T>) {
    if (call.fails_out_of_range()) check_whole<T, Op>(call, valid);
  } else {
    if (call.knows_unknown) check_double<Op>(call, valid);
  }
  zero_nulls(out, valid);
  call.out.validity() = std::move(valid);
}

// Divides integers. A zero on the right is an error of the row.
template <class T, class Op>
void checked_division(KernelCall& call) {
  call.out.resize(call.rows);
  const auto out = call.out.data<T>();
  Bitmap valid = valid_in_all(call.args, call.rows);
  for (size_t row = 0; row < call.rows; ++row) {
    if (!valid.test(row)) continue;
    const T divisor = call.args[1].template get<T>(row);
    if (divisor == 0) {
      call.errors.add(row, kDivisionByZero, ErrorCode::DivisionByZero);
      valid.clear(row);
      continue;
    }
    const T dividend = call.args[0].template get<T>(row);
    if (call.fails_out_of_range() && std::is_same_v<Op, DivideOp> &&
        overflows<Op>(dividend, divisor))
      fail(call, row, valid, kTooLarge<T>);
    else
      out[row] = Op::apply(dividend, divisor);
  }
  call.out.validity() = std::move(valid);
}

void concatenate(KernelCall& call) {
  call.out.resize(call.rows);
  const auto out = call.out.data<std::string_view>();
  Bitmap valid = valid_in_all(call.args, call.rows);
  StringHeap& heap = call.out.heap();
  for (size_t row = 0; row < call.rows; ++row) {
    if (!valid.test(row)) continue;
    const auto left = call.args[0].get<std::string_view>(row);
    const auto right = call.args[1].get<std::string_view>(row);
    const size_t size = left.size() + right.size();
    if (!call.context.take_bytes(size)) {
      call.errors.add(row, call.context.too_large(size));
      valid.clear(row);
      continue;
    }
    char* to = heap.allocate(size);
    std::ranges::copy(left, to);
    std::ranges::copy(right, to + left.size());
    out[row] = {to, size};
  }
  call.out.validity() = std::move(valid);
}

template <class T>
Kernel plain_kernel(ArithmeticOp op) {
  switch (op) {
    case ArithmeticOp::Add:
      return binary<T, AddOp>;
    case ArithmeticOp::Subtract:
      return binary<T, SubtractOp>;
    case ArithmeticOp::Multiply:
      return binary<T, MultiplyOp>;
    case ArithmeticOp::Divide:
      if constexpr (std::is_integral_v<T>)
        return checked_division<T, DivideOp>;
      else
        return binary<T, DivideOp>;
    case ArithmeticOp::Modulo:
      if constexpr (std::is_integral_v<T>)
        return checked_division<T, ModuloOp>;
      else
        return binary<T, ModuloOp>;
    case ArithmeticOp::Concatenate:
      break;
  }
  return nullptr;
}

template <class T>
void negate(KernelCall& call) {
  call.out.resize(call.rows);
  const auto out = call.out.data<T>();
  for (size_t row = 0; row < call.rows; ++row) {
    const T value = call.args[0].template get<T>(row);
    if constexpr (std::is_same_v<T, double> || std::is_same_v<T, Int128>)
      out[row] = -value;
    else
      out[row] = SubtractOp::apply(T{0}, value);
  }
  Bitmap valid = valid_in_all(call.args, call.rows);
  // The smallest whole number is its own negation, since it has no positive counterpart.
  if constexpr (std::is_same_v<T, int32_t> || std::is_same_v<T, int64_t>)
    for (size_t row = 0; call.fails_out_of_range() && row < call.rows; ++row)
      if (valid.test(row) && out[row] == std::numeric_limits<T>::min())
        fail(call, row, valid, kTooLarge<T>);
  zero_nulls(out, valid);
  call.out.validity() = std::move(valid);
}

}  // namespace

Kernel arithmetic_kernel(ArithmeticOp op, TypeKind kind) {
  switch (kind) {
    case TypeKind::Integer:
      return plain_kernel<int32_t>(op);
    case TypeKind::Bigint:
      return plain_kernel<int64_t>(op);
    case TypeKind::Double:
      return plain_kernel<double>(op);
    case TypeKind::Decimal:
      return decimal_arithmetic_kernel(op);
    case TypeKind::String:
    case TypeKind::Bytes:
      return concatenate;
    default:
      return nullptr;
  }
}

Kernel negation_kernel(TypeKind kind) {
  switch (kind) {
    case TypeKind::Integer:
      return negate<int32_t>;
    case TypeKind::Bigint:
      return negate<int64_t>;
    case TypeKind::Double:
      return negate<double>;
    case TypeKind::Decimal:
      return negate<Int128>;
    default:
      return nullptr;
  }
}

}  // namespace engine
