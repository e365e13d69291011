#include "engine/types/text_number.h"

#include <cmath>
#include <limits>
#include <random>

namespace engine {
namespace {

std::string java(double value) {
  std::string text;
  append_double(text, value);
  return text;
}
std::string postgres(double value) {
  std::string text;
  append_double_postgres(text, value);
  return text;
}

TEST(TextNumber, doubles_are_spelled_as_java_does) {
  EXPECT_EQ(java(1), "1.0");
  EXPECT_EQ(java(-0.0), "-0.0");
  EXPECT_EQ(java(0.001), "0.001");
  EXPECT_EQ(java(0.0001), "1.0E-4");
  EXPECT_EQ(java(9999999), "9999999.0");
  EXPECT_EQ(java(1e7), "1.0E7");
  EXPECT_EQ(java(12345678.9), "1.23456789E7");
  EXPECT_EQ(java(0.1 + 0.2), "0.30000000000000004");
  EXPECT_EQ(java(100), "100.0");
  EXPECT_EQ(java(4.9e-324), "4.9E-324");
  EXPECT_EQ(java(2e-323), "2.0E-323");
  EXPECT_EQ(java(std::numeric_limits<double>::max()), "1.7976931348623157E308");
  EXPECT_EQ(java(std::nan("")), "NaN");
  EXPECT_EQ(java(-HUGE_VAL), "-Infinity");
}

TEST(TextNumber, doubles_are_spelled_as_postgresql_does) {
  EXPECT_EQ(postgres(1), "1");
  EXPECT_EQ(postgres(-0.0), "-0");
  EXPECT_EQ(postgres(1.5), "1.5");
  EXPECT_EQ(postgres(0.0001), "0.0001");
  EXPECT_EQ(postgres(0.00001), "1e-05");
  EXPECT_EQ(postgres(123456789012345), "123456789012345");
  EXPECT_EQ(postgres(1e15), "1e+15");
  EXPECT_EQ(postgres(1.25e100), "1.25e+100");
}

TEST(TextNumber, every_double_reads_back_from_both_spellings) {
  std::mt19937_64 random(4711);
  for (int i = 0; i < 2000; ++i) {
    const double value = std::bit_cast<double>(random());
    if (!std::isfinite(value)) continue;
    EXPECT_EQ(parse_double(java(value)), value);
    EXPECT_EQ(parse_double(postgres(value)), value);
  }
}

TEST(TextNumber, a_double_must_parse_fully) {
  EXPECT_EQ(parse_double("+1.5e3"), 1500.0);
  EXPECT_EQ(parse_double(".5"), 0.5);
  EXPECT_EQ(parse_double("1e400"), HUGE_VAL);
  EXPECT_EQ(parse_double("1e-400"), 0.0);
  for (const char* wrong : {"", "+", "-", "+-1", "1x", "inf", "nan", "NaN", "0x10", " 1", "1 "})
    EXPECT_FALSE(parse_double(wrong)) << wrong;
  EXPECT_TRUE(std::isnan(*parse_double_or_special("NaN")));
  EXPECT_EQ(parse_double_or_special("-Infinity"), -HUGE_VAL);
}

TEST(TextNumber, whole_numbers_are_strict) {
  EXPECT_EQ(parse_integer("-2147483648"), std::numeric_limits<int32_t>::min());
  EXPECT_EQ(parse_integer("+7"), 7);
  EXPECT_EQ(parse_bigint("9223372036854775807"), std::numeric_limits<int64_t>::max());
  for (const char* wrong : {"", "+", "+-1", "1.0", "2147483648", " 1", "1 ", "1e2"})
    EXPECT_FALSE(parse_integer(wrong)) << wrong;
}

TEST(TextNumber, a_decimal_is_parsed_to_its_type) {
  EXPECT_EQ(*parse_decimal("12.5", 10, 2, Rounding::Exact), 1250);
  EXPECT_EQ(*parse_decimal("-1.25E+3", 10, 2, Rounding::Exact), -125000);
  EXPECT_EQ(*parse_decimal("000.50", 2, 1, Rounding::Exact), 5);
  EXPECT_EQ(*parse_decimal(".005", 4, 2, Rounding::HalfUp), 1);
  EXPECT_EQ(*parse_decimal("-0.005", 4, 2, Rounding::HalfUp), -1);
  EXPECT_EQ(*parse_decimal("0.00499999", 4, 2, Rounding::HalfUp), 0);
  EXPECT_EQ(*parse_decimal("1e-1000000000000", 4, 2, Rounding::HalfUp), 0);
  EXPECT_EQ(*parse_decimal("0e99999999999", 4, 2, Rounding::Exact), 0);
  EXPECT_EQ(parse_decimal("1.005", 4, 2, Rounding::Exact).error().code, ErrorCode::OutOfRange);
  EXPECT_EQ(parse_decimal("0.0001", 4, 2, Rounding::Exact).error().code, ErrorCode::OutOfRange);
  EXPECT_EQ(
      parse_decimal("100", 4, 2, Rounding::HalfUp).error().message,
      "Numeric field overflow: A field with precision 4 and scale 2 must round to an absolute "
      "value less than 10^2. Got 100");
  EXPECT_FALSE(parse_decimal("99.995", 4, 2, Rounding::HalfUp));
  EXPECT_FALSE(parse_decimal("1e1000000000000", 38, 0, Rounding::HalfUp));
  for (const char* wrong : {"", ".", "-", "1.2.3", "12,5O", "1e", "1e+", "e5", "NaN", " 1"})
    EXPECT_EQ(parse_decimal(wrong, 10, 2, Rounding::HalfUp).error().code, ErrorCode::InvalidText)
        << wrong;
}

TEST(TextNumber, the_largest_decimal_comes_back_as_it_went_in) {
  const std::string text = "-99999999999999999999999999999999999999";
  const auto unscaled = parse_decimal(text, 38, 0, Rounding::Exact);
  ASSERT_TRUE(unscaled);
  EXPECT_EQ(decimal_text(*unscaled, 0), text);
  EXPECT_EQ(decimal_text(*unscaled, 38), "-0.99999999999999999999999999999999999999");
}

TEST(TextNumber, decimals_keep_their_scale_in_print) {
  EXPECT_EQ(decimal_text(125, 2), "1.25");
  EXPECT_EQ(decimal_text(5, 2), "0.05");
  EXPECT_EQ(decimal_text(-5, 1), "-0.5");
  EXPECT_EQ(decimal_text(0, 2), "0.00");
  EXPECT_EQ(decimal_text(-7, 0), "-7");
}

TEST(TextNumber, a_written_decimal_keeps_its_scale) {
  EXPECT_EQ(parse_decimal("1.10"), (Decimal{110, 2}));
  EXPECT_EQ(parse_decimal("1E2"), (Decimal{100, 0}));
  EXPECT_EQ(parse_decimal("1.5E-3"), (Decimal{15, 4}));
  EXPECT_FALSE(parse_decimal("1E39"));
}

TEST(TextNumber, rescaling_rounds_or_refuses) {
  EXPECT_EQ(*rescale({125, 2}, 10, 1, Rounding::HalfUp), 13);
  EXPECT_EQ(*rescale({-125, 2}, 10, 1, Rounding::HalfUp), -13);
  EXPECT_EQ(*rescale({125, 2}, 10, 4, Rounding::Exact), 12500);
  EXPECT_FALSE(rescale({125, 2}, 10, 1, Rounding::Exact));
  EXPECT_FALSE(rescale({125, 2}, 4, 4, Rounding::HalfUp));
  EXPECT_FALSE(rescale({power_of_ten(37), 0}, 38, 5, Rounding::HalfUp));
}

TEST(TextNumber, decimals_compare_by_number_at_any_scale) {
  EXPECT_EQ(compare({110, 2}, {11, 1}), std::strong_ordering::equal);
  EXPECT_EQ(compare({111, 2}, {11, 1}), std::strong_ordering::greater);
  EXPECT_EQ(compare({-111, 2}, {-11, 1}), std::strong_ordering::less);
  EXPECT_EQ(compare({power_of_ten(37), 0}, {power_of_ten(37), 38}), std::strong_ordering::greater);
  EXPECT_EQ(compare({0, 0}, {-1, 38}), std::strong_ordering::greater);
}

TEST(TextNumber, decimals_and_doubles_convert_to_the_nearest) {
  EXPECT_EQ(decimal_to_double(125, 2), 1.25);
  EXPECT_EQ(decimal_to_double(power_of_ten(37) + 1, 37), 1.0);
  // the number is first rounded to the type's number of digits, then to its scale
  EXPECT_EQ(*decimal_from_double(1.005, 10, 2), 101);
  EXPECT_EQ(*decimal_from_double(-2.5, 1, 0), -3);
  EXPECT_EQ(*decimal_from_double(1e-300, 4, 2), 0);
  EXPECT_EQ(*decimal_from_double(99.99, 4, 2), 9999);
  EXPECT_FALSE(decimal_from_double(100, 4, 2));
  EXPECT_FALSE(decimal_from_double(1e300, 38, 0));
  EXPECT_FALSE(decimal_from_double(std::nan(""), 4, 2));
  EXPECT_EQ(decimal_to_bigint(-199, 2), -1);
}

}  // namespace
}  // namespace engine
