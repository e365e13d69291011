// The kernels of comparisons, IN, NOT and IS NULL.
#include <algorithm>
#include <cmath>
#include <functional>

#include "engine/expr/kernels.h"
#include "engine/expr/null_failures.h"
#include "engine/expr/validity.h"
#include "engine/functions/ordering.h"
#include "engine/java/utf16.h"
#include "engine/types/text_number.h"

namespace engine {

namespace {

int sign_of(std::strong_ordering order) { return order < 0 ? -1 : order > 0 ? 1 : 0; }

// The order of the values of a kind. Values of kinds with `plain` are compared by C++'s operators,
// all others by a function that returns less, equal or greater.
template <TypeKind kind>
struct Order {};
template <class T>
struct PlainOrder {
  using Type = T;
  template <class Op>
  static bool holds(T left, T right, Op op) {
    return op(left, right);
  }
};
template <>
struct Order<TypeKind::Boolean> : PlainOrder<uint8_t> {};
template <>
struct Order<TypeKind::Integer> : PlainOrder<int32_t> {};
template <>
struct Order<TypeKind::Bigint> : PlainOrder<int64_t> {};
template <>
struct Order<TypeKind::Double> : PlainOrder<double> {};
template <>
struct Order<TypeKind::String> {
  using Type = std::string_view;
  template <class Op>
  static bool holds(Type left, Type right, Op op) {
    if constexpr (std::is_same_v<Op, std::equal_to<>> || std::is_same_v<Op, std::not_equal_to<>>)
      return op(left, right);
    else
      return op(sign_of(compare_utf16(left, right)), 0);
  }
};
template <>
struct Order<TypeKind::Bytes> {
  using Type = std::string_view;
  template <class Op>
  static bool holds(Type left, Type right, Op op) {
    return op(sign_of(compare_signed_bytes(left, right)), 0);
  }
};

// Compares all rows. The loops of the plain kinds have no branch, so that the compiler can use
// vector instructions.
template <class O, class Op>
void compute(const Argument& left, const Argument& right, std::span<uint8_t> out) {
  using T = typename O::Type;
  const T* l = left.column->data<T>().data();
  const T* r = right.column->data<T>().data();
  if (left.is_constant && right.is_constant) {
    std::ranges::fill(out, static_cast<uint8_t>(O::holds(l[0], r[0], Op())));
  } else if (left.is_constant) {
    const T constant = l[0];
    for (size_t i = 0; i < out.size(); ++i) out[i] = O::holds(constant, r[i], Op());
  } else if (right.is_constant) {
    const T constant = r[0];
    for (size_t i = 0; i < out.size(); ++i) out[i] = O::holds(l[i], constant, Op());
  } else {
    for (size_t i = 0; i < out.size(); ++i) out[i] = O::holds(l[i], r[i], Op());
  }
}

struct DecimalOrder {
  template <class Op>
  static bool holds(const Argument& left, const Argument& right, size_t row, Op op) {
    const Decimal a{left.get<Int128>(row), left.type().scale()};
    const Decimal b{right.get<Int128>(row), right.type().scale()};
    if (a.scale == b.scale) return op(a.unscaled, b.unscaled);
    return op(sign_of(compare(a, b)), 0);
  }
};
// Compares ARRAY, MAP and STRUCT, which only support equality, except with PostgreSQL's order.
struct NestedOrder {
  template <class Op>
  static bool holds(const Argument& left, const Argument& right, size_t row, Op op) {
    return op(left.column->same(left.index(row), *right.column, right.index(row)), true);
  }
};

template <class O, class Op>
struct Compare {
  static void compute(const Argument& left, const Argument& right, std::span<uint8_t> out) {
    engine::compute<O, Op>(left, right, out);
  }
};
template <class Op>
struct Compare<Order<TypeKind::Double>, Op> {
  using OfDoubles = Op;
  static void compute(const Argument& left, const Argument& right, std::span<uint8_t> out) {
    engine::compute<Order<TypeKind::Double>, Op>(left, right, out);
  }
};
// The comparisons for kinds that PostgreSQL and the dialect sort in a different order.
template <class Op>
struct Compare<Order<TypeKind::Bytes>, Op> {
  using OrderedOtherwise = Op;
  static void compute(const Argument& left, const Argument& right, std::span<uint8_t> out) {
    engine::compute<Order<TypeKind::Bytes>, Op>(left, right, out);
  }
};
template <class O, class Op>
struct CompareRows {
  static void compute(const Argument& left, const Argument& right, std::span<uint8_t> out) {
    for (size_t row = 0; row < out.size(); ++row)
      out[row] = !left.is_null(row) && !right.is_null(row) && O::holds(left, right, row, Op());
  }
};
template <class Op>
struct CompareRows<NestedOrder, Op> {
  using OrderedOtherwise = Op;
  static void compute(const Argument& left, const Argument& right, std::span<uint8_t> out) {
    for (size_t row = 0; row < out.size(); ++row)
      out[row] =
          !left.is_null(row) && !right.is_null(row) && NestedOrder::holds(left, right, row, Op());
  }
};

// Compares doubles as PostgreSQL does: NaN is equal to itself and greater than all other numbers.
template <class Op>
void compare_nans(const Argument& left, const Argument& right, std::span<uint8_t> out, Op op) {
  for (size_t row = 0; row < out.size(); ++row) {
    const bool l = std::isnan(left.get<double>(row)), r = std::isnan(right.get<double>(row));
    if (l || r) out[row] = op(static_cast<int>(l), static_cast<int>(r));
  }
}
template <class Op>
void compare_otherwise(const Argument& left, const Argument& right, std::span<uint8_t> out, Op op) {
  for (size_t row = 0; row < out.size(); ++row)
    out[row] = !left.is_null(row) && !right.is_null(row) &&
               op(sign_of(compare_as_postgres(*left.column, left.index(row), *right.column,
                                              right.index(row))),
                  0);
}
template <class C>
void compute_for(const KernelCall& call, const Argument& left, const Argument& right,
                 std::span<uint8_t> out) {
  if constexpr (requires { typename C::OrderedOtherwise; })
    if (call.knows_unknown)
      return compare_otherwise(left, right, out, typename C::OrderedOtherwise());
  C::compute(left, right, out);
  if constexpr (requires { typename C::OfDoubles; })
    if (call.knows_unknown) compare_nans(left, right, out, typename C::OfDoubles());
}

// The kernel of a comparison. A null operand makes the result false, or unknown with PostgreSQL's rules.
template <class C>
void of_values(KernelCall& call) {
  call.out.resize(call.rows);
  const auto out = call.out.data<uint8_t>();
  compute_for<C>(call, call.args[0], call.args[1], out);
  Bitmap valid = valid_in_all(call.args, call.rows);
  zero_nulls(out, valid);
  call.out.validity() = call.knows_unknown ? std::move(valid) : Bitmap(call.rows, true);
}

// The kernel of IS [NOT] DISTINCT FROM. Nulls are equal to each other and to no other value.
template <class Equal, bool negated>
void distinct(KernelCall& call) {
  const Argument &left = call.args[0], &right = call.args[1];
  call.out.resize(call.rows);
  const auto out = call.out.data<uint8_t>();
  compute_for<Equal>(call, left, right, out);
  for (size_t row = 0; row < call.rows; ++row) {
    const bool left_null = left.is_null(row), right_null = right.is_null(row);
    const bool is_same = left_null || right_null ? left_null && right_null : out[row] != 0;
    out[row] = is_same == negated;
  }
  call.out.validity() = Bitmap(call.rows, true);
}

template <template <class, class> class C, class O>
Kernel kernel_for(ComparisonOp op) {
  switch (op) {
    case ComparisonOp::Equal:
      return of_values<C<O, std::equal_to<>>>;
    case ComparisonOp::NotEqual:
      return of_values<C<O, std::not_equal_to<>>>;
    case ComparisonOp::Less:
      return of_values<C<O, std::less<>>>;
    case ComparisonOp::LessOrEqual:
      return of_values<C<O, std::less_equal<>>>;
    case ComparisonOp::Greater:
      return of_values<C<O, std::greater<>>>;
    case ComparisonOp::GreaterOrEqual:
      return of_values<C<O, std::greater_equal<>>>;
    case ComparisonOp::IsDistinctFrom:
      return distinct<C<O, std::equal_to<>>, false>;
    case ComparisonOp::IsNotDistinctFrom:
      return distinct<C<O, std::equal_to<>>, true>;
  }
  return nullptr;
}

// Called if the result of an IN is false. Makes the result unknown if the value is null, or if the
// list contains a null.
void set_unknown(KernelCall& call, size_t row, bool has_null_item) {
  if (!call.knows_unknown) return;
  if (call.args[0].is_null(row) || has_null_item) call.out.validity().clear(row);
}

// Returns whether a sorted list has the value. Such a list never contains NaN, which the search could not find.
template <class T>
bool is_in(std::span<const T> items, T value) {
  if constexpr (std::is_same_v<T, double>)
    if (std::isnan(value)) return false;
  return std::ranges::binary_search(items, value);
}

// The kernel of IN with a sorted list. The second argument is one sorted ARRAY without nulls. If
// the list had a null, the call has a third argument, which is null.
template <class T>
void in_sorted(KernelCall& call) {
  const Argument& value = call.args[0];
  const std::span<const T> items = call.args[1].column->child(0).template data<T>();
  call.out.resize(call.rows);
  const auto out = call.out.data<uint8_t>();
  for (size_t row = 0; row < call.rows; ++row)
    out[row] = !value.is_null(row) && is_in(items, value.get<T>(row));
  call.out.validity() = Bitmap(call.rows, true);
  const bool has_null_item = call.args.size() > 2;
  for (size_t row = 0; row < call.rows; ++row)
    if (out[row] == 0) set_unknown(call, row, has_null_item);
}

template <class Equal>
void in_list(KernelCall& call) {
  call.out.resize(call.rows);
  const auto out = call.out.data<uint8_t>();
  std::vector<uint8_t> matches(call.rows);
  for (const Argument& item : call.args.subspan(1)) {
    compute_for<Equal>(call, call.args[0], item, matches);
    const Argument pair[] = {call.args[0], item};
    zero_nulls(std::span(matches), valid_in_all(pair, call.rows));
    for (size_t row = 0; row < call.rows; ++row) out[row] |= matches[row];
  }
  call.out.validity() = Bitmap(call.rows, true);
  for (const Argument& item : call.args.subspan(1))
    for (size_t row = 0; row < call.rows; ++row)
      if (out[row] == 0) set_unknown(call, row, item.is_null(row));
}

template <bool wanted>
void null_test(KernelCall& call) {
  call.out.resize(call.rows);
  const auto out = call.out.data<uint8_t>();
  for (size_t row = 0; row < call.rows; ++row) out[row] = call.args[0].is_null(row) == wanted;
  call.out.validity() = Bitmap(call.rows, true);
}

// Calls f.template operator()<C, O>() with the comparison for the kind.
template <class F>
Kernel with_comparison(TypeKind kind, F f) {
  switch (kind) {
    case TypeKind::Boolean:
      return f.template operator()<Compare, Order<TypeKind::Boolean>>();
    case TypeKind::Integer:
    case TypeKind::Date:
    case TypeKind::Time:
      return f.template operator()<Compare, Order<TypeKind::Integer>>();
    case TypeKind::Bigint:
    case TypeKind::Timestamp:
      return f.template operator()<Compare, Order<TypeKind::Bigint>>();
    case TypeKind::Double:
      return f.template operator()<Compare, Order<TypeKind::Double>>();
    case TypeKind::String:
      return f.template operator()<Compare, Order<TypeKind::String>>();
    case TypeKind::Bytes:
      return f.template operator()<Compare, Order<TypeKind::Bytes>>();
    case TypeKind::Decimal:
      return f.template operator()<CompareRows, DecimalOrder>();
    case TypeKind::Array:
    case TypeKind::Map:
    case TypeKind::Struct:
      return f.template operator()<CompareRows, NestedOrder>();
    case TypeKind::Null:
      break;
  }
  return nullptr;
}

}  // namespace

Kernel comparison_kernel(ComparisonOp op, TypeKind kind) {
  return with_comparison(kind, [op]<template <class, class> class C, class O>() -> Kernel {
    return kernel_for<C, O>(op);
  });
}

Kernel in_kernel(TypeKind kind) {
  return with_comparison(kind, []<template <class, class> class C, class O>() -> Kernel {
    return in_list<C<O, std::equal_to<>>>;
  });
}

Kernel in_sorted_kernel(TypeKind kind) {
  return with_layout(kind, []<class T>() -> Kernel { return in_sorted<T>; });
}

void not_kernel(KernelCall& call) {
  call.out.resize(call.rows);
  const auto out = call.out.data<uint8_t>();
  Bitmap valid = valid_in_all(call.args, call.rows);
  for (size_t row = 0; row < call.rows; ++row) {
    if (valid.test(row))
      out[row] = call.args[0].get<uint8_t>(row) == 0;
    else if (!call.knows_unknown)
      call.errors.add(row, kNotOfNull);
  }
  call.out.validity() = std::move(valid);
}

void is_null_kernel(KernelCall& call) { null_test<true>(call); }
void is_not_null_kernel(KernelCall& call) { null_test<false>(call); }

}  // namespace engine
