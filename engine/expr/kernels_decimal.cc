// The kernels of + - * / % of DECIMALs, in 128 bits.
#include <algorithm>
#include <limits>

#include "engine/expr/kernels.h"
#include "engine/expr/validity.h"
#include "engine/types/text_number.h"

namespace engine {

namespace {

constexpr const char* kDecimalDivisionByZero = "division by zero";

// A DECIMAL result or an error.
struct DecimalResult {
  Int128 unscaled = 0;
  const char* error = nullptr;
};
constexpr const char* kOverflow = "Numeric field overflow: the result has too many digits";
constexpr const char* kRounding = "Rounding necessary";

// The treatment of digits beyond the scale of a result. ksqlDB never rounds, so such digits are an
// error there. With + - * they occur only if the result would need more than 38 digits, which
// ksqlDB allows; this server then reduces the scale and rounds (MayRound). A quotient is always
// rounded, as in PostgreSQL, so that a division with a remainder does not fail.
enum class Digits : uint8_t { Exact, MayRound };

bool multiply_by_power(Int128 value, int exponent, Int128& out) {
  if (value == 0) {
    out = 0;
    return true;
  }
  return exponent <= kMaxDecimalPrecision &&
         !__builtin_mul_overflow(value, power_of_ten(exponent), &out);
}

Int128 divide_half_up(Int128 value, Int128 divisor) {
  const Int128 quotient = value / divisor, left_over = value % divisor;
  const Int128 distance = left_over < 0 ? -left_over : left_over;
  if (distance < divisor - distance) return quotient;
  return value < 0 ? quotient - 1 : quotient + 1;
}

DecimalResult at_scale(Decimal value, int scale, Digits digits) {
  DecimalResult result;
  if (scale >= value.scale) {
    if (!multiply_by_power(value.unscaled, scale - value.scale, result.unscaled))
      result.error = kOverflow;
    return result;
  }
  if (value.scale - scale > kMaxDecimalPrecision)
    return result;  // less than half of the last digit
  const Int128 divisor = power_of_ten(value.scale - scale);
  if (digits == Digits::Exact && value.unscaled % divisor != 0) result.error = kRounding;
  result.unscaled = divide_half_up(value.unscaled, divisor);
  return result;
}

template <bool subtract>
DecimalResult decimal_add(Decimal left, Decimal right, int scale, Digits digits) {
  const DecimalResult l = at_scale(left, scale, digits), r = at_scale(right, scale, digits);
  if (l.error || r.error) return {0, l.error ? l.error : r.error};
  DecimalResult sum;
  const bool overflows = subtract ? __builtin_sub_overflow(l.unscaled, r.unscaled, &sum.unscaled)
                                  : __builtin_add_overflow(l.unscaled, r.unscaled, &sum.unscaled);
  if (overflows) sum.error = kOverflow;
  return sum;
}

using Uint128 = unsigned __int128;
Uint128 magnitude(Int128 value) {
  return value < 0 ? Uint128{0} - static_cast<Uint128>(value) : static_cast<Uint128>(value);
}

// Returns left * right / 10^dropped, rounded half up, for a product of more than 128 bits. Computes
// with 64-bit limbs, the lowest first.
DecimalResult wide_multiply(Int128 left, Int128 right, int dropped) {
  constexpr uint64_t kLow = ~uint64_t{0};
  const Uint128 a = magnitude(left), b = magnitude(right);
  const uint64_t a_limbs[] = {static_cast<uint64_t>(a & kLow), static_cast<uint64_t>(a >> 64)};
  const uint64_t b_limbs[] = {static_cast<uint64_t>(b & kLow), static_cast<uint64_t>(b >> 64)};
  uint64_t limbs[4] = {};
  for (int i = 0; i < 2; ++i) {
    Uint128 carry = 0;
    for (int j = 0; j < 2; ++j) {
      carry += static_cast<Uint128>(a_limbs[i]) * b_limbs[j] + limbs[i + j];
      limbs[i + j] = static_cast<uint64_t>(carry & kLow);
      carry >>= 64;
    }
    limbs[i + 2] = static_cast<uint64_t>(carry);
  }
  uint64_t last_digit = 0;  // rounding half up needs the first dropped digit only
  for (; dropped > 0; --dropped) {
    Uint128 rest = 0;
    for (int i = 3; i >= 0; --i) {
      rest = (rest << 64) | limbs[i];
      limbs[i] = static_cast<uint64_t>(rest / 10);
      rest %= 10;
    }
    last_digit = static_cast<uint64_t>(rest);
  }
  if (limbs[3] != 0 || limbs[2] != 0 || limbs[1] >> 62 != 0) return {0, kOverflow};
  const Uint128 unsigned_result =
      ((static_cast<Uint128>(limbs[1]) << 64) | limbs[0]) + (last_digit >= 5 ? 1 : 0);
  const auto result = static_cast<Int128>(unsigned_result);
  return {(left < 0) != (right < 0) ? -result : result};
}

DecimalResult decimal_multiply(Decimal left, Decimal right, int scale, Digits digits) {
  Decimal product{0, left.scale + right.scale};
  if (!__builtin_mul_overflow(left.unscaled, right.unscaled, &product.unscaled))
    return at_scale(product, scale, digits);
  if (digits == Digits::Exact) return {0, kOverflow};
  return wide_multiply(left.unscaled, right.unscaled, product.scale - scale);
}

// Returns the next decimal digit of remainder / divisor, and sets `remainder` to the new remainder.
// Adds the remainder ten times instead of multiplying it, because ten times the remainder may not
// fit into 128 bits.
unsigned next_digit(Uint128& remainder, Uint128 divisor) {
  unsigned digit = 0;
  Uint128 sum = 0;
  for (int i = 0; i < 10; ++i) {
    sum += remainder;
    if (sum >= divisor) {
      sum -= divisor;
      ++digit;
    }
  }
  remainder = sum;
  return digit;
}

// Divides by long division until the scale is reached.
DecimalResult decimal_divide(Decimal left, Decimal right, int scale, Digits) {
  const Uint128 divisor = magnitude(right.unscaled);
  if (divisor == 0) return {0, kDecimalDivisionByZero};
  const Uint128 dividend = magnitude(left.unscaled);
  Uint128 quotient = dividend / divisor, remainder = dividend % divisor;
  // The quotient of the unscaled values has the scale left.scale - right.scale.
  int missing = scale - (left.scale - right.scale);
  for (; missing > 0; --missing) {
    if (quotient > static_cast<Uint128>(std::numeric_limits<Int128>::max()) / 10 - 1)
      return {0, kOverflow};
    quotient = quotient * 10 + next_digit(remainder, divisor);
  }
  if (missing == 0 && remainder >= divisor - remainder) ++quotient;
  const auto result = static_cast<Int128>(quotient);
  const bool is_negative = (left.unscaled < 0) != (right.unscaled < 0);
  return at_scale({is_negative ? -result : result, scale - missing}, scale, Digits::MayRound);
}

DecimalResult decimal_modulo(Decimal left, Decimal right, int scale, Digits digits) {
  if (right.unscaled == 0) return {0, kDecimalDivisionByZero};
  const DecimalResult l = at_scale(left, scale, digits), r = at_scale(right, scale, digits);
  if (l.error || r.error) return {0, kOverflow};
  return {l.unscaled % r.unscaled};
}

template <DecimalResult (*op)(Decimal, Decimal, int, Digits)>
void decimal_binary(KernelCall& call) {
  call.out.resize(call.rows);
  const auto out = call.out.data<Int128>();
  const int scale = call.out.type().scale();
  const int precision = std::min(call.out.type().precision(), kMaxDecimalPrecision);
  const Digits digits = precision == kMaxDecimalPrecision ? Digits::MayRound : Digits::Exact;
  Bitmap valid = valid_in_all(call.args, call.rows);
  for (size_t row = 0; row < call.rows; ++row) {
    if (!valid.test(row)) continue;
    const Decimal left{call.args[0].get<Int128>(row), call.args[0].type().scale()};
    const Decimal right{call.args[1].get<Int128>(row), call.args[1].type().scale()};
    DecimalResult result = op(left, right, scale, digits);
    if (!result.error && !fits_precision(result.unscaled, precision)) result.error = kOverflow;
    if (result.error) {
      call.errors.add(row, result.error,
                      result.error == kDecimalDivisionByZero ? ErrorCode::DivisionByZero
                                                             : ErrorCode::OutOfRange);
      valid.clear(row);
    } else {
      out[row] = result.unscaled;
    }
  }
  call.out.validity() = std::move(valid);
}

}  // namespace

Kernel decimal_arithmetic_kernel(ArithmeticOp op) {
  switch (op) {
    case ArithmeticOp::Add:
      return decimal_binary<decimal_add<false>>;
    case ArithmeticOp::Subtract:
      return decimal_binary<decimal_add<true>>;
    case ArithmeticOp::Multiply:
      return decimal_binary<decimal_multiply>;
    case ArithmeticOp::Divide:
      return decimal_binary<decimal_divide>;
    case ArithmeticOp::Modulo:
      return decimal_binary<decimal_modulo>;
    case ArithmeticOp::Concatenate:
      break;
  }
  return nullptr;
}

}  // namespace engine
