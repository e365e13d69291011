// Adapts plain C++ functions over single values to kernels over columns.
//
//   int64_t add(int64_t a, int64_t b)                      null in, null out
//   std::optional<int32_t> f(std::string_view s)           may return null
//   int32_t f(std::optional<std::string_view> s)           receives nulls
//   Result<int64_t> f(std::string_view s)                  may fail: null, and an error of the row
//   Result<std::optional<int64_t>> f(...)                  may fail or return null
//   std::string_view f(StringHeap& heap, ...)              builds its text in the result's heap
//   double f(const KernelCall& call, ...)                  clock, random numbers, properties, types
//   std::string f(std::string_view a, Variadic<std::string_view> more)
//   std::string f(PerBatch<Cache>& cache, ...)             keeps state between rows
//
// A table of functions refers to the kernel as `.kernel = row_kernel<add>`. Parameters and results
// have one of these types: bool, int32_t (INT, DATE, TIME), int64_t (BIGINT, TIMESTAMP), double,
// Decimal, std::string_view (STRING, BYTES) and Value (any type). A result may also be a
// std::string. A string_view result must point into an argument or the heap.
#pragma once
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "base/result.h"
#include "engine/functions/kernel.h"

namespace engine {

// Reads the values of one argument as T.
template <class T>
class ArgumentReader {
 public:
  explicit ArgumentReader(const Argument& argument)
      : data_(argument.column->data<T>().data()),
        validity_(argument.column->validity().words().data()),
        mask_(argument.is_constant ? 0 : ~size_t{0}) {}
  bool is_null(size_t row) const {
    const size_t at = row & mask_;
    return ((validity_[at >> 6] >> (at & 63)) & 1) == 0;
  }
  T operator[](size_t row) const { return data_[row & mask_]; }

 private:
  const T* data_;
  const uint64_t* validity_;
  size_t mask_;
};
template <>
class ArgumentReader<bool> : ArgumentReader<uint8_t> {
 public:
  using ArgumentReader<uint8_t>::ArgumentReader;
  using ArgumentReader<uint8_t>::is_null;
  bool operator[](size_t row) const { return ArgumentReader<uint8_t>::operator[](row) != 0; }
};
template <>
class ArgumentReader<Decimal> : ArgumentReader<Int128> {
 public:
  explicit ArgumentReader(const Argument& argument)
      : ArgumentReader<Int128>(argument), scale_(argument.type().scale()) {}
  using ArgumentReader<Int128>::is_null;
  Decimal operator[](size_t row) const { return {ArgumentReader<Int128>::operator[](row), scale_}; }

 private:
  int scale_;
};
template <>
class ArgumentReader<Value> {
 public:
  explicit ArgumentReader(const Argument& argument) : argument_(argument) {}
  bool is_null(size_t row) const { return argument_.is_null(row); }
  Value operator[](size_t row) const { return argument_.value(row); }

 private:
  Argument argument_;
};

// All remaining arguments of one row. Only the last parameter of a function can have this type.
template <class T>
class Variadic {
 public:
  Variadic(std::span<const Argument> arguments, size_t row) : arguments_(arguments), row_(row) {}
  size_t size() const { return arguments_.size(); }
  std::optional<T> operator[](size_t index) const {
    const ArgumentReader<T> reader(arguments_[index]);
    if (reader.is_null(row_)) return std::nullopt;
    return reader[row_];
  }

 private:
  std::span<const Argument> arguments_;
  size_t row_;
};

// State of type T that a function keeps while it computes a batch, for instance the pattern that it
// compiled last.
template <class T>
class PerBatch {
 public:
  T* operator->() { return state_.get(); }

 private:
  std::unique_ptr<T> state_ = std::make_unique<T>();
};

namespace adapters {

template <class T>
inline constexpr bool is_result = false;
template <class T>
inline constexpr bool is_result<Result<T>> = true;

// Reads, for each row, the argument of one parameter of the C++ function that implements an SQL function.
template <class P>
struct Source {  // a value that is not null; a null makes the result null
  static constexpr size_t kArguments = 1;
  Source(KernelCall& call, size_t index) : reader(call.args[index]) {}
  bool stops(size_t row) const { return reader.is_null(row); }
  P get(size_t row) const { return reader[row]; }
  ArgumentReader<P> reader;
};
template <class T>
struct Source<std::optional<T>> {
  static constexpr size_t kArguments = 1;
  Source(KernelCall& call, size_t index) : reader(call.args[index]) {}
  bool stops(size_t) const { return false; }
  std::optional<T> get(size_t row) const {
    if (reader.is_null(row)) return std::nullopt;
    return reader[row];
  }
  ArgumentReader<T> reader;
};
template <class T>
struct Source<Variadic<T>> {
  static constexpr size_t kArguments = 0;
  Source(KernelCall& call, size_t index) : arguments(call.args.subspan(index)) {}
  bool stops(size_t) const { return false; }
  Variadic<T> get(size_t row) const { return {arguments, row}; }
  std::span<const Argument> arguments;
};
template <>
struct Source<StringHeap&> {
  static constexpr size_t kArguments = 0;
  Source(KernelCall& call, size_t) : heap(call.out.heap()) {}
  bool stops(size_t) const { return false; }
  StringHeap& get(size_t) const { return heap; }
  StringHeap& heap;
};
template <class T>
struct Source<PerBatch<T>&> {
  static constexpr size_t kArguments = 0;
  Source(KernelCall&, size_t) {}
  bool stops(size_t) const { return false; }
  PerBatch<T>& get(size_t) { return state; }
  PerBatch<T> state;
};
template <>
struct Source<const KernelCall&> {
  static constexpr size_t kArguments = 0;
  Source(KernelCall& the_call, size_t) : call(the_call) {}
  bool stops(size_t) const { return false; }
  const KernelCall& get(size_t) const { return call; }
  const KernelCall& call;
};

// Bare<R>::Type is the result type R of a C++ function, without Result<> and std::optional<>.
// Stored<T> is the type in which a column stores a T.
template <class T>
struct Bare {
  using Type = T;
};
template <class T>
struct Bare<Result<T>> : Bare<T> {};
template <class T>
struct Bare<std::optional<T>> : Bare<T> {};
template <class T>
using Stored = std::conditional_t<
    std::is_same_v<T, bool>, uint8_t,
    std::conditional_t<std::is_same_v<T, std::string>, std::string_view,
                       std::conditional_t<std::is_same_v<T, Decimal>, Int128, T>>>;

// Writes the results of a call to the column, which has been resized. Rows without put() stay null.
template <class T>
class Sink {
 public:
  explicit Sink(KernelCall& call)
      : call_(call),
        data_(call.out.data<Stored<T>>().data()),
        validity_(call.out.validity().words().data()) {}

  void put(size_t row, T result) {
    if constexpr (std::is_same_v<T, std::string>) {
      if (!call_.context.take_bytes(result.size()))
        return call_.errors.add(row, call_.context.too_large(result.size()));
      data_[row] = call_.out.heap().add(result);
    } else if constexpr (std::is_same_v<T, Decimal>)
      data_[row] = result.unscaled;
    else
      data_[row] = result;
    validity_[row >> 6] |= uint64_t{1} << (row & 63);
  }
  void put(size_t row, std::optional<T> result) {
    if (result) put(row, *std::move(result));
  }
  template <class R>
  void put(size_t row, Result<R> result) {
    if (result)
      put(row, *std::move(result));
    else
      call_.errors.add(row, result.error());
  }

 private:
  KernelCall& call_;
  Stored<T>* data_;
  uint64_t* validity_;
};

template <class R>
inline constexpr bool gives_value =
    std::is_same_v<std::decay_t<R>, Value> || std::is_same_v<std::decay_t<R>, Result<Value>>;

// Appends one result. Used for nested columns, whose rows cannot be set in any other order.
template <class R>
void append(KernelCall& call, size_t row, R&& result) {
  if constexpr (is_result<std::decay_t<R>>) {
    if (!result) {
      call.errors.add(row, result.error());
      return call.out.append_null();
    }
    append(call, row, *result);
  } else {
    if (const size_t size = size_of(result); !call.context.take_bytes(size)) {
      call.errors.add(row, call.context.too_large(size));
      return call.out.append_null();
    }
    call.out.append_value(result);
  }
}

inline void share_strings(KernelCall& call) {
  for (const Argument& argument : call.args) call.out.share_strings_of(*argument.column);
}

// True if one row with a parameter of type T may take long. A function with such a parameter checks
// the budget between rows (is_over()).
template <class T>
inline constexpr bool may_be_long = false;
template <>
inline constexpr bool may_be_long<std::string_view> = true;
template <>
inline constexpr bool may_be_long<Value> = true;
template <class T>
inline constexpr bool may_be_long<std::optional<T>> = may_be_long<T>;
template <class T>
inline constexpr bool may_be_long<Variadic<T>> = may_be_long<T>;

// Returns whether the evaluation has used up its budget. Only every 16th row is checked, because
// reading the clock takes as long as computing some rows.
inline bool is_over(const KernelCall& call, size_t row) {
  constexpr size_t kRows = 16;
  return row % kRows == kRows - 1 && call.context.is_over();
}
// Fails the rows from `row` on. Their values in call.out stay null.
inline void fail_rest(KernelCall& call, size_t row) {
  const Error why = call.context.budget->status().error();
  for (; row < call.rows; ++row) call.errors.add(row, why);
}

// Appends nulls for the rows that call.out does not have yet, and fails these rows.
inline void append_failed_rest(KernelCall& call) {
  fail_rest(call, call.out.size());
  while (call.out.size() < call.rows) call.out.append_null();
}

template <auto fn, class F = decltype(fn)>
struct RowKernel;

template <auto fn, class R, class... P>
struct RowKernel<fn, R (*)(P...)> {
  static void run(KernelCall& call) { run(call, std::index_sequence_for<P...>()); }

  // Returns the index of each parameter's first argument, which is the number of arguments of the
  // parameters before it.
  static constexpr std::array<size_t, sizeof...(P) + 1> positions() {
    std::array<size_t, sizeof...(P) + 1> at{};
    size_t i = 0;
    ((at[i + 1] = at[i] + Source<P>::kArguments, ++i), ...);
    return at;
  }

  template <size_t... I>
  static void run(KernelCall& call, std::index_sequence<I...>) {
    [[maybe_unused]] constexpr auto kAt = positions();
    constexpr bool kMayBeLong = (may_be_long<std::decay_t<P>> || ...);
    std::tuple<Source<P>...> sources{Source<P>(call, kAt[I])...};
    if constexpr (gives_value<R>) {
      for (size_t row = 0; row < call.rows; ++row) {
        if (kMayBeLong && is_over(call, row)) {
          append_failed_rest(call);
          return;
        }
        if ((std::get<I>(sources).stops(row) || ...))
          call.out.append_null();
        else
          append(call, row, fn(std::get<I>(sources).get(row)...));
      }
    } else {
      call.out.resize(call.rows);
      if (call.out.type().kind() == TypeKind::String || call.out.type().kind() == TypeKind::Bytes)
        share_strings(call);
      Sink<typename Bare<R>::Type> sink(call);
      for (size_t row = 0; row < call.rows; ++row) {
        if (kMayBeLong && is_over(call, row)) return fail_rest(call, row);
        if (!(std::get<I>(sources).stops(row) || ...))
          sink.put(row, fn(std::get<I>(sources).get(row)...));
      }
    }
  }
};

template <auto fn, class F = decltype(fn)>
struct ValueKernel;

template <auto fn, class R>
struct ValueKernel<fn, R (*)(std::span<const Value>)> {
  static R call_with(const KernelCall&, std::span<const Value> values) { return fn(values); }
};
template <auto fn, class R>
struct ValueKernel<fn, R (*)(const KernelCall&, std::span<const Value>)> {
  static R call_with(const KernelCall& call, std::span<const Value> values) {
    return fn(call, values);
  }
};

}  // namespace adapters

template <auto fn>
void row_kernel(KernelCall& call) {
  adapters::RowKernel<fn>::run(call);
}

enum class Nulls : uint8_t { Propagate, Pass };

// The kernel for functions with nested and generic types. The C++ function has the form `Value
// f(std::span<const Value> arguments)`. It may return Result<Value>, and may have a `const
// KernelCall&` as its first parameter. With Nulls::Propagate, a null argument makes the result
// null.
template <auto fn, Nulls nulls = Nulls::Propagate>
void value_kernel(KernelCall& call) {
  std::vector<Value> values(call.args.size());
  for (size_t row = 0; row < call.rows; ++row) {
    if (adapters::is_over(call, row)) {
      adapters::append_failed_rest(call);
      return;
    }
    bool has_null = false;
    for (size_t i = 0; i < values.size(); ++i) {
      values[i] = call.args[i].value(row);
      has_null |= values[i].is_null();
    }
    if (nulls == Nulls::Propagate && has_null)
      call.out.append_null();
    else
      adapters::append(call, row, adapters::ValueKernel<fn>::call_with(call, values));
  }
}

}  // namespace engine
